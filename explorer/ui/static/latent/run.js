/** What is known of a run: how its source describes it, and latents of it that somebody chose. */

/** @typedef {import("./latent.js").Direction} Direction */

/**
 * A number of every image (explorer/views/colours.py).
 * @typedef {object} Colour
 * @property {string} name Its array.
 * @property {string} text
 * @property {string} hint
 * @property {string} title With its unit.
 * @property {boolean} is_p_value Whether its scale is that of p-values.
 * @property {boolean} is_group Whether each number is that of a group of images; NaN is in none.
 */

/**
 * A kind of file (explorer/views/export.py).
 * @typedef {object} Format
 * @property {string} kind
 * @property {string} text Of its button.
 * @property {string} hint
 * @property {boolean} moves Whether it shows its pictures one after the other.
 * @property {boolean} captioned Whether it has a head, and words below its pictures.
 */

/**
 * A run as the server describes it.
 * @typedef {object} RunInfo
 * @property {string} name
 * @property {string} family
 * @property {string} dataset
 * @property {string} title What its data set is called.
 * @property {"ae" | "vae"} side Where it stands on the page.
 * @property {string} label The run in a few words, beside `title`.
 * @property {{words: string, instead: {name: string, short: string} | null} | null} collapse What every tab says of a run
 *   that ignores its latents, and a run to see instead; null for any other.
 * @property {string | null} caution What every tab says of a run whose fit maximised no likelihood; null for any other.
 * @property {{one: string, many: string}} noun What its images are called.
 * @property {number} latent_dim
 * @property {number[]} [level_sizes] Axes of each stochastic level, the top one first; only where there are several.
 * @property {[number, number, number]} image_shape channels, height, width
 * @property {number} levels Grey levels of the stored pixels.
 * @property {{size: number, box: number, by_mass: boolean, faint: number} | null} drawing How a drawing becomes an image
 *   of one character; null where the images are none.
 * @property {number[] | null} epochs Those of its fit after which codes were kept, rising; null where no fit of ours made it.
 * @property {string | null} twin
 * @property {string[] | null} classes
 * @property {string[] | null} attributes Names of the attributes of its images.
 * @property {number} count Images of the evaluation split.
 * @property {boolean} has_images Whether the data set is on disk.
 * @property {string | null} images_trouble Why it is not, as a sentence.
 * @property {number | null} preparing Share of its pictures that are prepared, while that goes on.
 * @property {boolean} can_download Whether Reconstruct offers to fetch it.
 * @property {string | null} page Name of the run's page as a file; null where it is not offered.
 * @property {{axes: Direction[], pca: Direction[], classes?: Direction[], attributes?: Direction[]}} directions
 * @property {number[]} mean Mean of the encoded data, (d,).
 * @property {{index: number, latent: number[]}} first An image of the evaluation split to begin with, and its code, (d,).
 * @property {import("./laws.js").Law[]} laws What latents may be drawn from.
 * @property {Colour[]} colours Numbers of every image that the run has.
 * @property {Format[]} formats Files that decodes may be saved as.
 * @property {string} default_law Where *Random* draws from.
 * @property {number | null} default_told Its tell-apart, the least of all laws; null where that is not measured.
 * @property {{size: number, columns: number, tile: [number, number]}} sheet Tiles of a sprite sheet, tiles in its rows, and height and width of one.
 * @property {{points: string, sprites: string[]} & Record<string, string>} stored
 *   Besides points and sprites labels, attributes and each of `colours` that there are. Addresses relative to the page; they change with the run's files.
 */

/**
 * Where a latent came from.
 * @typedef {object} Whence
 * @property {"origin" | "image" | "random" | "link" | "place" | "own"} kind `own`: of somebody's own image.
 * @property {number} [index] Of an image of the evaluation split.
 * @property {number} [seed] Of a random draw.
 * @property {string} [law] Which it was drawn from.
 * @property {string} [text] What to say of it.
 */

/**
 * A latent that somebody chose, and whose it is.
 * @typedef {object} Chosen
 * @property {string} run
 * @property {Float32Array} latent
 * @property {Whence} whence
 */

/**
 * Whether a run gives each image one code, without a prior and without a spread: an autoencoder of any family.
 * @param {RunInfo} info
 */
export const isPoint = (info) => !info.stored.rate;
