/**
 * A drawing while it grows, or a frame of a camera that runs on, as the model sees it and what the model makes of it,
 * without the server. A finished one is prepared by explorer/data/own.py, step by step; this is the same in short: for a
 * drawing that is light on dark, and for frames of which the server prepared one, so that it is known where to crop.
 */

import { h } from "../kit/dom.js";
import { context } from "../kit/pixels.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {{size: number, box: number, by_mass: boolean, faint: number}} DrawingForm */

/**
 * Where a picture is cropped: its centre as shares of width and height, its side as a share of the largest that fits.
 * @typedef {{x: number, y: number, side: number}} Crop
 */

/**
 * Ink as an image of one character.
 * @param {Float32Array} ink (side * side), in [0, 1].
 * @param {number} side
 * @param {DrawingForm} form
 * @returns {Float32Array | null} (size * size), in [0, 1]; null where there is no ink.
 */
export function characterOf(ink, side, { size, box, by_mass, faint }) {
  let found = extent(ink, side, 0);
  if (!found) return null;
  if (Math.max(found.bottom - found.top, found.right - found.left) > 2 * box) found = extent(ink, side, faint) ?? found;
  const { top, bottom, left, right } = found;
  const scale = box / Math.max(bottom - top, right - left); // pixels of the image per pixel of the drawing
  const reach = size / scale;
  let [x, y] = [(left + right) / 2, (top + bottom) / 2];
  if (by_mass) {
    let mass = 0;
    x = y = 0;
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const here = ink[row * side + column];
        mass += here;
        x += here * (column + 0.5);
        y += here * (row + 0.5);
      }
    }
    x /= mass;
    y /= mass;
  }
  const before = reach / 2 + (by_mass ? 0.5 / scale : 0); // MNIST's own lie around pixel 14 of 0 to 27
  const image = new Float32Array(size * size);
  let most = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const value = average(ink, side, x - before + column / scale, y - before + row / scale, 1 / scale);
      image[row * size + column] = value;
      most = Math.max(most, value);
    }
  }
  return image.map((value) => value / Math.max(most, 0.06)); // a thin line fades when it shrinks
}

/**
 * The rows and columns on which there is more ink than that.
 * @param {Float32Array} ink
 * @param {number} side
 * @param {number} least
 */
function extent(ink, side, least) {
  let [top, bottom, left, right] = [side, 0, side, 0];
  for (let k = 0; k < ink.length; k++) {
    if (ink[k] <= least) continue;
    const [row, column] = [Math.floor(k / side), k % side];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  }
  return bottom > top ? { top, bottom, left, right } : null;
}

/**
 * Mean ink of a square; outside of the drawing there is none.
 * @param {Float32Array} ink
 * @param {number} side
 * @param {number} x Its left edge.
 * @param {number} y Its top.
 * @param {number} wide
 */
function average(ink, side, x, y, wide) {
  let sum = 0;
  for (let row = Math.max(0, Math.floor(y)); row < Math.min(side, y + wide); row++) {
    const tall = Math.min(row + 1, y + wide) - Math.max(row, y);
    for (let column = Math.max(0, Math.floor(x)); column < Math.min(side, x + wide); column++) {
      sum += tall * (Math.min(column + 1, x + wide) - Math.max(column, x)) * ink[row * side + column];
    }
  }
  return sum / (wide * wide);
}

/**
 * A drawing as an image of a run; null where only the server can tell.
 * @param {HTMLCanvasElement} canvas A square, light on dark.
 * @param {RunInfo} info
 * @returns {Decoded | null}
 */
export function drawnImage(canvas, { drawing, image_shape: [channels, height, width], levels }) {
  if (!drawing || channels !== 1 || height !== drawing.size || width !== drawing.size) return null;
  const side = canvas.width;
  const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).getImageData(0, 0, side, side);
  const ink = Float32Array.from({ length: side * side }, (_, k) => data[4 * k] / 255);
  const image = characterOf(ink, side, drawing);
  const pixels = image && Uint8ClampedArray.from(image, (value) => (255 * Math.round(value * (levels - 1))) / (levels - 1));
  return pixels && { pixels, shape: [1, height, width, 1] };
}

/**
 * Where a picture is cropped, in its own pixels.
 * @param {number} width Of the picture.
 * @param {number} height
 * @param {number} aspect Width by height of the crop.
 * @param {Crop} place
 */
export function croppedBox(width, height, aspect, { x, y, side }) {
  const largest = Math.min(width, height * aspect);
  const [wide, high] = [largest * side, (largest / aspect) * side];
  const inside = (/** @type {number} */ start, /** @type {number} */ most) => Math.min(Math.max(0, start), most);
  return { left: inside(x * width - wide / 2, width - wide), top: inside(y * height - high / 2, height - high), wide, high };
}

/**
 * A frame of a camera as an image of a run; null where only the server can tell, as of characters.
 * @param {HTMLVideoElement} video
 * @param {Crop} place
 * @param {RunInfo} info
 * @returns {Decoded | null}
 */
export function framedImage(video, place, { drawing, image_shape: [channels, height, width], levels }) {
  if (drawing || !video.videoWidth) return null;
  const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { width, height }));
  const pen = context(canvas);
  const { left, top, wide, high } = croppedBox(video.videoWidth, video.videoHeight, width / height, place);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(video, left, top, wide, high, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const level = (/** @type {number} */ byte) => (255 * Math.round((byte * (levels - 1)) / 255)) / (levels - 1);
  const pixels = Uint8ClampedArray.from({ length: channels * width * height }, (_, k) => {
    const at = 4 * Math.floor(k / channels);
    return level(channels === 3 ? data[at + (k % 3)] : 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
  });
  return { pixels, shape: [1, height, width, channels] };
}

/**
 * Have what encodes and decodes by the time that somebody draws, or shows the camera something.
 * @param {RunInfo[]} models
 */
export function wantPrograms(models) {
  for (const { name } of models) {
    source.programs.want(name, "encoder");
    source.programs.want(name, "decoder");
  }
}

/**
 * What models make of a picture; null where one of them is the server's.
 * @param {(info: RunInfo) => Decoded | null} prepared The picture as an image of a run.
 * @param {RunInfo[]} models The first one says how the picture is prepared.
 * @returns {Promise<{image: Decoded, found: {info: RunInfo, latent: Float32Array, reconstruction: Decoded}[]} | null>}
 */
export async function previewOf(prepared, models) {
  const { programs } = source;
  const ready = models.map(({ name }) => programs.of(name, "encoder") && programs.of(name, "decoder"));
  wantPrograms(models);
  if (ready.some((each) => !each)) return null;
  const image = prepared(models[0]);
  if (!image) return null;
  const found = models.map(async (info) => {
    const { mean } = await source.encode(info.name, /** @type {Uint8ClampedArray} */ (image.pixels));
    return { info, latent: mean, reconstruction: await source.decode(info.name, mean, 1) };
  });
  return { image, found: await Promise.all(found) };
}
