/**
 * A drawing while it grows, or a frame of a camera that runs on, as the model sees it and what the model makes of it,
 * without the server. A finished one is prepared by explorer/data/own.py, step by step; this is the same in short: for a
 * drawing that is light on dark, and for frames of which the server prepared one, so that it is known where to crop.
 */

import { h } from "../kit/dom.js";
import { context } from "../kit/pixels.js";
import { atLevel, characterOf, croppedBox, imageOf } from "../latent/character.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/character.js").Crop} Crop */

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
  const pixels = image && Uint8ClampedArray.from(image, (value) => atLevel(value, levels));
  return pixels && { pixels, shape: [1, height, width, 1] };
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
  return { pixels: imageOf(data, [channels, height, width], levels), shape: [1, height, width, channels] };
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
