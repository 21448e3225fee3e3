/** What a run makes of one image: what is asked of the server, and how it is said. */

import { percent, rounded, shown } from "../latent/numbers.js";
import { ALPHA } from "../latent/vacancy.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */

/**
 * An image as JSON has it.
 * @typedef {object} Packed
 * @property {[number, number, number]} shape height, width, channels
 * @property {string} bytes In base64.
 */

/**
 * One image under one run, as the server describes it (explorer/views/look.py).
 * @typedef {object} Look
 * @property {number[]} latent Posterior mean, (d,).
 * @property {Packed} reconstruction
 * @property {number} mse
 * @property {number | null} distortion nats
 * @property {number | null} rate nats
 * @property {number[] | null} rates Of each axis, nats.
 * @property {number[] | null} usual_rates Their means over the test images.
 * @property {number} vacancy p-value of the code, among codes of images.
 * @property {Oddness | null} typical Null where the run stores nothing to tell it by.
 * @property {number[]} neighbours Test images, nearest first.
 * @property {number[]} distances Of these, in standard deviations of the codes.
 * @property {{kind: string, level: number} | null} corruption What a denoising run was fitted against.
 */

/**
 * Shares of new images of the data set that are at least as odd as an image: by its cost, its code and its features, and
 * by the oddest of these.
 * @typedef {{cost: number, code: number, features: number | null, together: number}} Oddness
 */

/**
 * A picture that somebody shows, prepared.
 * @typedef {object} Own
 * @property {{name: string, note: string, src: string}[]} steps
 * @property {import("../page/drawing.js").Crop | null} place
 * @property {Packed} image
 * @property {Look} look
 */

/**
 * @param {Packed} packed
 * @returns {Decoded}
 */
export function unpacked({ shape, bytes }) {
  const text = atob(bytes);
  return { pixels: Uint8ClampedArray.from(text, (c) => c.charCodeAt(0)), shape: [1, ...shape] };
}

/**
 * Prepare a picture as a run's data set was made, and look at it.
 * @param {string} run
 * @param {Blob} file
 * @param {import("../page/drawing.js").Crop | null} place
 * @returns {Promise<Own>}
 */
export const askOwn = (run, file, place) => source.ask("own", run, { query: place ? { ...place } : {}, body: file });

/**
 * @param {string} run
 * @param {Decoded} image
 * @returns {Promise<Look>}
 */
export const askLook = (run, image) => source.ask("look", run, { body: image.pixels });

/**
 * Draws from the posterior, how they differ, and the ELBO.
 * @param {string} run
 * @param {Decoded} image
 * @param {number} seed
 * @returns {Promise<{samples: Packed[], deviation: Packed, deviation_most: number, elbo: number | null}>}
 */
export const askSpread = (run, image, seed) => source.ask("spreadOf", run, { query: { seed }, body: image.pixels });

/**
 * The importance-weighted bound.
 * @param {string} run
 * @param {Decoded} image
 * @returns {Promise<{bound: number | null, samples: number}>}
 */
export const askBound = (run, image) => source.ask("bound", run, { body: image.pixels });

/**
 * The image spoilt by noise, and what becomes of that.
 * @param {string} run
 * @param {Decoded} image
 * @param {{kind: string, level: number}} noise
 * @returns {Promise<{input: Packed, reconstruction: Packed, mse: number}>}
 */
export const askSpoilt = (run, image, { kind, level }) => source.ask("spoilt", run, { query: { kind, level }, body: image.pixels });

/**
 * A score of some test images, ascending; asked for once.
 * @param {string} run
 * @param {"mse" | "elbo" | "bound"} score
 * @returns {Promise<Float32Array>}
 */
export const standing = (run, score) => view.once(`standing-${score} ${run}`, () => source.ask("standing", run, { of: { score } }));

/**
 * Mean squared errors of reconstructions of test images.
 * @param {string} run
 * @param {number[]} images
 */
export const askErrors = (run, images) => source.ask("errors", run, { query: { images: images.join(",") } });

/**
 * What is stored of a test image.
 * @param {string} run
 * @param {number} index
 */
export const askFacts = (run, index) => source.ask("facts", run, { of: { number: index } });

/**
 * Share of scores below a value, in [0, 1]; null without any.
 * @param {ArrayLike<number> | null} scores
 * @param {number | null | undefined} value
 */
export function shareBelow(scores, value) {
  if (!scores?.length || value === null || value === undefined) return null;
  let below = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i] < value) below++;
  return below / scores.length;
}

/**
 * What is measured of how typical an image is, in words. Never is it said that nothing is unusual: only cost, code and
 * features are looked at.
 * @param {Oddness} typical
 * @param {{one: string, many: string}} noun What the images of the data set are.
 * @returns {{state: "hole" | "edge" | "near", sign: string, text: string}}
 */
export function typicalVerdict({ cost, code, features, together }, { one, many }) {
  const usual = [];
  const odd = [];
  if (cost <= ALPHA / 2) odd.push(`it costs more than ${percent(1 - cost)} of them`);
  else if (cost >= 1 - ALPHA / 2) odd.push(`it costs less than ${percent(cost)} of them`);
  else usual.push(`it costs no more than ${percent(cost)} of them`);
  if (code <= ALPHA) odd.push(`its code lies where no ${one}'s does`);
  else usual.push(`its code lies no further out than those of ${percent(code)}`);
  if (features !== null) {
    if (features <= ALPHA) odd.push(`its features lie where no ${one}'s do`);
    else usual.push(`its features are no further off than those of ${percent(features)}`);
  }
  const but = usual.length && odd.length ? `${listed(usual)}, but ${listed(odd)}` : listed([...usual, ...odd]);
  if (together <= ALPHA) return { state: "hole", sign: "▨", text: `Odder than ${percent(1 - together)} of real ${many}: ${but}` };
  return { state: "near", sign: "●", text: `No odder than real ${many}: ${percent(together)} of them are at least as odd; ${but}` };
}

/** Parts of a sentence: "a, b and c". @param {string[]} parts */
const listed = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}` : (parts[0] ?? ""));

/**
 * What an image costs among test images, where nothing else is measured.
 * @param {object} cost
 * @param {number} cost.nats Distortion and rate together.
 * @param {number} cost.share Of test images that cost less, in [0, 1].
 * @param {number} cost.count Test images.
 * @returns {{state: "hole" | "edge" | "near", sign: string, text: string}}
 */
export function costVerdict({ nats, share, count }) {
  const all = `${count.toLocaleString("en")} test images`;
  const costs = `It costs ${shown(nats, 4)} nats`;
  if (share >= 0.95) {
    const than = share === 1 ? `any of the ${all}` : `${rounded(share)} of the ${all}`;
    return { state: "hole", sign: "▨", text: `${costs}, more than ${than}` };
  }
  if (share === 0) return { state: "edge", sign: "◐", text: `${costs}, fewer than any of the ${all}: simpler than they are, which makes it no likely image` };
  return { state: "near", sign: "●", text: `${costs}, more than ${rounded(share)} of the ${all}` };
}

/**
 * The label that most of some images bear.
 * @param {number[]} images
 * @param {ArrayLike<number>} labels Of all images.
 * @returns {{label: number, count: number}}
 */
export function majority(images, labels) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  let best = { label: labels[images[0]], count: 0 };
  for (const image of images) {
    const label = labels[image];
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    if (count > best.count) best = { label, count };
  }
  return best;
}

/**
 * Latents that keep the top levels only, from one level to all: below them every coordinate is 0, the mean of the
 * prior that the levels above set.
 * @param {ArrayLike<number>} latent (d,)
 * @param {number[]} sizes Axes of each level, the top one first.
 * @returns {Float32Array} (levels * d)
 */
export function topLevels(latent, sizes) {
  const d = latent.length;
  const kept = new Float32Array(sizes.length * d);
  let end = 0;
  sizes.forEach((size, level) => {
    end += size;
    for (let i = 0; i < end; i++) kept[level * d + i] = latent[i];
  });
  return kept;
}
