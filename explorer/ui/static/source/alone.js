/** What a page without a server answers by itself, beside what it stores and what its codes tell (`computed.js`). */

import { atLevel, characterOf, croppedBox, greyOf, imageOf } from "../latent/character.js";
import { alongDirections, laidSlice, NoSlice, placedOnce, throughImages } from "../latent/slices.js";
import { ServerError } from "./errors.js";

/** @typedef {import("./folder.js").FolderSource} FolderSource */
/** @typedef {import("./source.js").Details} Details */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/character.js").Crop} Crop */

const NEIGHBOURS = 12; // as in explorer/views/map.py
const NEAREST = 9; // as in explorer/views/look.py
const SHOWN = 256; // longest side of the picture of a step, in pixels
const WORKED = 640; // longest side of a picture of a character while it is prepared, in pixels

/**
 * @param {FolderSource} source
 * @param {string} run
 * @returns {Promise<RunInfo>}
 */
const cardOf = (source, run) => source.card(run);

/**
 * Images nearest to a latent, in standard deviations of the codes, as `neighbours_of` of explorer/views/map.py finds them.
 * @param {import("../latent/support.js").Support} support
 * @param {Float32Array} points (N * d)
 * @param {ArrayLike<number>} latent (d,)
 * @param {number} count
 * @param {string} [metric]
 * @param {number | null} [without]
 */
export function nearestTo(support, points, latent, count, metric = "euclidean", without = null) {
  const { d } = support;
  const [codes, u] = [placedOnce(support, points), support.placed(latent)];
  const length = (/** @type {Float64Array} */ of, /** @type {number} */ start) => Math.sqrt(of.subarray(start, start + d).reduce((sum, value) => sum + value * value, 0));
  const own = length(u, 0);
  const far = (/** @type {number} */ row) => {
    let sum = 0;
    if (metric === "cosine") {
      const norms = own * length(codes, row * d);
      for (let j = 0; j < d; j++) sum += codes[row * d + j] * u[j];
      return norms > 0 ? 1 - sum / norms : 1;
    }
    for (let j = 0; j < d; j++) sum += (codes[row * d + j] - u[j]) ** 2;
    return Math.sqrt(sum);
  };
  /** @type {{image: number, distance: number}[]} */
  const nearest = [];
  for (let row = 0; row < points.length / d; row++) {
    if (row === without) continue;
    const distance = far(row);
    if (nearest.length === count && distance >= nearest[count - 1].distance) continue;
    if (nearest.length === count) nearest.pop();
    let place = nearest.length; // of equally far ones the first stays before
    while (place > 0 && nearest[place - 1].distance > distance) place--;
    nearest.splice(place, 0, { image: row, distance });
  }
  return nearest;
}

/**
 * An image as JSON has it.
 * @param {ArrayLike<number>} pixels (H, W, C)
 * @param {number[]} shape height, width, channels
 */
function packed(pixels, shape) {
  let text = "";
  for (let k = 0; k < pixels.length; k++) text += String.fromCharCode(pixels[k]);
  return { shape, bytes: btoa(text) };
}

/**
 * What a run makes of an image, as `look` of explorer/views/look.py tells it; its cost in nats, and with that how typical
 * the image is, only Python knows.
 * @param {FolderSource} source
 * @param {string} run
 * @param {Uint8ClampedArray} pixels (H, W, C)
 */
async function lookAt(source, run, pixels) {
  const [info, support, told] = await Promise.all([cardOf(source, run), source.support(run), source.find(`run/${run}/look []`, "json")]);
  const { mean, logVariance } = await source.encode(run, pixels);
  await source.programs.want(run, "decoder");
  const decoder = source.programs.of(run, "decoder")?.here;
  if (!decoder) throw source.lacking(run, "decoder");
  const top = info.levels - 1;
  const decoded = /** @type {Float32Array} */ (decoder.unrounded(mean)).map((value) => Math.min(1, Math.max(0, value)));
  const mse = decoded.reduce((sum, value, k) => sum + (Math.round((pixels[k] * top) / 255) / top - value) ** 2, 0) / decoded.length;
  const points = /** @type {Float32Array} */ (await source.array(info, "points"));
  const near = nearestTo(support, points, mean, Math.min(NEAREST, info.count));
  const levels = info.level_sizes?.length ?? 1;
  const rates = logVariance && levels === 1 ? Array.from(mean, (value, j) => 0.5 * (Math.exp(logVariance[j]) + value * value - 1 - logVariance[j])) : null;
  const [channels, height, width] = info.image_shape;
  return {
    latent: Array.from(mean),
    reconstruction: packed(decoded.map((value) => Math.round(255 * value)), [height, width, channels]),
    mse,
    distortion: null,
    rate: rates && rates.reduce((sum, rate) => sum + rate, 0),
    rates,
    usual_rates: rates && told?.usual_rates,
    vacancy: support.pValues(mean, "means")[0],
    typical: null,
    neighbours: near.map(({ image }) => image),
    distances: near.map(({ distance }) => distance),
    corruption: told?.corruption ?? null,
  };
}

/**
 * A picture drawn into a size of its own.
 * @param {ImageBitmap} picture
 * @param {number} width
 * @param {number} height
 * @param {{left: number, top: number, wide: number, high: number}} [from] A part of the picture.
 */
function drawn(picture, width, height, { left, top, wide, high } = { left: 0, top: 0, wide: picture.width, high: picture.height }) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, left, top, wide, high, 0, 0, width, height);
  return { canvas, data: pen.getImageData(0, 0, width, height).data };
}

/** @param {OffscreenCanvas} canvas */
async function addressOf(canvas) {
  const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(text)}`;
}

/**
 * A picture that somebody shows, prepared in short: explorer/data/own.py does the same in more steps.
 * @param {FolderSource} source
 * @param {string} run
 * @param {Details} details
 */
async function prepared(source, run, { body, query = {} }) {
  const info = await cardOf(source, run);
  const [channels, height, width] = info.image_shape;
  const picture = await createImageBitmap(/** @type {Blob} */ (body)).catch(() => {
    throw new Error("this is no picture that the browser can read; show a PNG or a JPEG.");
  });
  const shrink = Math.min(1, SHOWN / Math.max(picture.width, picture.height));
  const whole = drawn(picture, Math.max(1, Math.round(shrink * picture.width)), Math.max(1, Math.round(shrink * picture.height)));
  const brought = addressOf(whole.canvas); // pictures of steps are written while the model looks
  /** @type {Uint8ClampedArray} */
  let pixels;
  /** @type {Crop | null} */
  let place = null;
  if (info.drawing && channels === 1) {
    const most = Math.min(1, WORKED / Math.max(picture.width, picture.height));
    const [wide, high] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(most * side)));
    const image = characterOf(greyOf(drawn(picture, wide, high).data), wide, high, info.drawing);
    if (!image) throw new Error("there is nothing on this picture that stands out; draw or show something darker or lighter than its ground.");
    pixels = Uint8ClampedArray.from(image, (value) => atLevel(value, info.levels));
  } else {
    const [x, y, part] = ["x", "y", "side"].map((name) => Number(query[name] ?? NaN));
    place = Number.isFinite(x + y + part) ? { x, y, side: part } : { x: 0.5, y: 0.5, side: 1 };
    const { data } = drawn(picture, width, height, croppedBox(picture.width, picture.height, width / height, place));
    pixels = imageOf(data, info.image_shape, info.levels);
  }
  const small = new OffscreenCanvas(width, height);
  const rgba = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) for (let c = 0; c < 4; c++) rgba.data[4 * k + c] = c === 3 ? 255 : pixels[k * channels + (channels === 3 ? c : 0)];
  /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext("2d")).putImageData(rgba, 0, 0);
  const [before, seen, look] = await Promise.all([brought, addressOf(small), lookAt(source, run, pixels)]);
  const steps = [
    { name: "Your picture", note: `${picture.width} × ${picture.height} pixels`, src: before },
    { name: "As the model sees it", note: `${width} × ${height} pixels`, src: seen },
  ];
  return { steps, place, image: packed(pixels, [height, width, channels]), look };
}

/** What is known of an image of the evaluation split, as `OpenRun.reconstruct` tells it. @param {FolderSource} source @param {string} run @param {Details} details */
async function factsOf(source, run, { of = {} }) {
  const number = Number(of.number);
  const info = await cardOf(source, run);
  const [labels, distortion, rate, index] = await Promise.all([
    source.array(info, "labels"),
    source.array(info, "distortion"),
    source.array(info, "rate"),
    source.ask("index", run),
  ]);
  const cost = distortion?.[number] ?? null;
  const below = (/** @type {number} */ value) => distortion.reduce((/** @type {number} */ sum, /** @type {number} */ other) => sum + Number(other < value), 0) / distortion.length;
  return {
    label: labels ? (info.classes?.[labels[number]] ?? String(labels[number])) : null,
    index: index[number],
    distortion: cost,
    rate: rate?.[number] ?? null,
    mse: null,
    percentile: cost === null ? null : below(cost),
  };
}

/**
 * The axes of a map along two latent axes, as `map_axes` of explorer/views/map.py lays them.
 * @param {RunInfo} info
 * @param {string} plane
 */
function axesAlong({ mean, latent_dim: d, family, stored, level_sizes: sizes = [] }, plane) {
  const pair = plane.split(",").map(Number);
  if (pair.length !== 2 || pair.some((axis) => !(axis >= 0 && axis < d))) return undefined;
  const unit = (/** @type {number} */ axis) => Array.from({ length: d }, (_, j) => Number(j === axis));
  const levelOf = (/** @type {number} */ axis) => {
    let [sum, level] = [0, 0];
    while (sum <= axis) sum += sizes[level++];
    return level;
  };
  const name = (/** @type {number} */ axis) => (sizes.length < 2 ? `axis ${axis}` : `axis ${axis} · level ${levelOf(axis)}`);
  return {
    titles: pair.map((axis) => `${name(axis)}, latent units`),
    plane: { origin: mean.map((value, j) => (pair.includes(j) ? 0 : value)), first: unit(pair[0]), second: unit(pair[1]) },
    circles: stored.rate && family ? [0, 0] : null,
    alike: true,
  };
}

/**
 * A direction by the key that both models of a pair understand, as `named_direction` of explorer/views/hole_planes.py reads it.
 * @param {RunInfo} info
 * @param {string} key
 */
function directionOf({ name: run, directions, classes, attributes }, key) {
  const [kind, place] = key.split(":");
  const offered = directions[/** @type {"axes"} */ (kind)] ?? [];
  const names = { classes, attributes }[kind];
  const found = names ? offered.find(({ name }) => name === names[Number(place)]) : offered[Number(place)];
  if (!found) throw new NoSlice(`${run} has no direction ${key}; choose another one.`);
  return found.vector;
}

/**
 * A slice that is not stored, as `hole_plane` of explorer/views/hole_map.py lays it: a slice through images is as wide
 * in both models of a pair.
 * @param {FolderSource} source
 * @param {string} run
 * @param {Details} details Led by the VAE of the pair.
 */
export async function cutSlice(source, run, { query = {} }) {
  const usual = await source.usualPlane(run, String(query.lead));
  const { size, cells, names, note } = usual;
  const info = await cardOf(source, run);
  const [support, codes] = await Promise.all([source.support(run), source.drawnCodes(info)]);
  const told = { size, cells, names, note, anchors: /** @type {[number, number][]} */ ([]), images: /** @type {number[]} */ ([]) };
  try {
    if (query.directions) {
      const vectors = String(query.directions).split(",").map((key) => directionOf(info, key));
      return { ...told, ...laidSlice(support, alongDirections(support, vectors, codes), codes) };
    }
    const images = String(query.anchors).split(",").map(Number);
    const others = query.lead === run ? info.twin : String(query.lead);
    const flats = await Promise.all([run, ...(others ? [others] : [])].map((name) => windowThrough(source, name, images)));
    const [flat] = flats;
    const extent = Math.max(...flats.map((each) => each?.extent ?? 0));
    const laid = laidSlice(support, { ...flat, extent }, codes);
    const { a, b } = support.shadow(support.placed(await codesOf(source, run, images)), flat.center, flat.first, flat.second);
    return { ...told, ...laid, anchors: images.map((_, k) => [a[k], b[k]]), images };
  } catch (error) {
    throw error instanceof NoSlice ? new ServerError(error.message, 400) : error;
  }
}

/**
 * Codes of some images, (n * d).
 * @param {FolderSource} source
 * @param {string} run
 * @param {number[]} images
 */
async function codesOf(source, run, images) {
  const info = await cardOf(source, run);
  const { latent_dim: d } = info;
  const points = /** @type {Float32Array} */ (await source.array(info, "points"));
  const codes = new Float32Array(images.length * d);
  images.forEach((image, k) => codes.set(points.subarray(image * d, (image + 1) * d), k * d));
  return codes;
}

/**
 * The slice of a run through three images.
 * @param {FolderSource} source
 * @param {string} run
 * @param {number[]} images
 */
const windowThrough = async (source, run, images) => throughImages(await source.support(run), await codesOf(source, run, images));

/** @param {Float32Array} latent */
function exactNumbers(latent) {
  return Array.from(latent, (value) => {
    for (let digits = 1; digits < 9; digits++) if (Math.fround(+value.toPrecision(digits)) === value) return String(+value.toPrecision(digits));
    return String(+value.toPrecision(9));
  }).join(", ");
}

/**
 * What answers each question; undefined where it cannot.
 * @type {Partial<Record<import("./questions.js").Asked, (source: FolderSource, run: string, details: Details) => Promise<any>>>}
 */
export const ALONE = {
  preparation: async () => ({ preparing: null, sentence: null }),
  decode: (source, run, { body }) => {
    const latents = /** @type {Float32Array} */ (body);
    return cardOf(source, run).then(({ latent_dim }) => source.decode(run, latents, latents.length / latent_dim));
  },
  look: (source, run, { body }) => lookAt(source, run, /** @type {Uint8ClampedArray} */ (body)),
  own: prepared,
  facts: factsOf,
  pixels: async (source, run, { of = {}, query }) => {
    const info = await cardOf(source, run);
    if (!info.has_images || query?.part !== "original") return undefined;
    const [channels, height, width] = info.image_shape;
    const number = Number(of.number);
    const sheet = await source.picture(info.stored.sprites[Math.floor(number / info.sheet.size)]);
    const k = number % info.sheet.size;
    const [high, wide] = info.sheet.tile;
    const from = { left: (k % info.sheet.columns) * wide, top: Math.floor(k / info.sheet.columns) * high, wide, high };
    const { data } = drawn(sheet, width, height, from);
    const pixels = Uint8ClampedArray.from({ length: channels * width * height }, (_, i) => data[4 * Math.floor(i / channels) + (i % channels)]);
    return { pixels, shape: [1, height, width, channels] };
  },
  neighbours: async (source, run, { body, query = {} }) => {
    const info = await cardOf(source, run);
    const [support, points] = await Promise.all([source.support(run), source.array(info, "points")]);
    const without = query.without === undefined ? null : Number(query.without);
    return { neighbours: nearestTo(support, points, /** @type {Float32Array} */ (body), NEIGHBOURS, String(query.metric ?? "euclidean"), without) };
  },
  axes: async (source, run, { query = {} }) => axesAlong(await cardOf(source, run), String(query.plane)),
  places: async (source, run, { query = {} }) => {
    const info = await cardOf(source, run);
    if (!axesAlong(info, String(query.plane))) return undefined;
    const [x, y] = String(query.plane).split(",").map(Number);
    const points = /** @type {Float32Array} */ (await source.array(info, "points"));
    return Float32Array.from({ length: 2 * info.count }, (_, k) => points[(k >> 1) * info.latent_dim + (k % 2 ? y : x)]);
  },
  twinsView: async (source, run, { body }) => {
    const { twin } = await cardOf(source, run);
    if (!twin) return undefined;
    await Promise.all([source.programs.want(run, "decoder"), source.programs.want(twin, "encoder")]);
    const [decoder, encoder] = [source.programs.of(run, "decoder")?.here, source.programs.of(twin, "encoder")?.here];
    if (!decoder || !encoder) throw source.lacking(decoder ? twin : run, decoder ? "encoder" : "decoder");
    const shown = decoder.unrounded(/** @type {Float32Array} */ (body)).map((/** @type {number} */ value) => Math.min(1, Math.max(0, value)));
    return encoder.encode(shown, 1).mean;
  },
  python: async (_, run, { body }) => {
    const shape = "the run's folder is where you put it";
    const lines = ["from explorer import load_run", "from explorer.images import to_picture", "", `run = load_run("checkpoints/${run}")  # ${shape}`];
    return { python: [...lines, `image = run.coder.decode([[${exactNumbers(/** @type {Float32Array} */ (body))}]])[0]`, `to_picture(image).save("${run}.png")`, ""].join("\n") };
  },
};
