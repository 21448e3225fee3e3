/**
 * A drawing while it grows, or a frame of a camera that runs on, as the model sees it and what the model makes of it,
 * without the server. A finished one is prepared by explorer/data/own.py, step by step; this is the same in short: for
 * characters, and for other frames of which the server prepared one, so that it is known where to crop.
 */

import { h } from "../kit/dom.js";
import { context } from "../kit/pixels.js";
import { atLevel, characterOf, croppedBox, greyOf, imageOf } from "../latent/character.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/character.js").Crop} Crop */

const FRAME = 480; // pixels of the longest side of a frame on which a character is looked for, as it would be sent

/**
 * What is on a canvas as an image of one character; null where nothing is, or the run's images are none.
 * @param {HTMLCanvasElement} canvas
 * @param {RunInfo} info
 * @returns {Decoded | null}
 */
export function drawnImage(canvas, { drawing, image_shape: [channels, height, width], levels }) {
  if (!drawing || channels !== 1 || height !== drawing.size || width !== drawing.size) return null;
  const { data } = context(canvas).getImageData(0, 0, canvas.width, canvas.height);
  const image = characterOf(greyOf(data), canvas.width, canvas.height, drawing);
  const pixels = image && Uint8ClampedArray.from(image, (value) => atLevel(value, levels));
  return pixels && { pixels, shape: [1, height, width, 1] };
}

/**
 * A frame of a camera as an image of a run; null where there is none yet, or nothing on it.
 * @param {HTMLVideoElement} video
 * @param {Crop | null} place Where it is cropped; null for a character, which is found.
 * @param {RunInfo} info
 * @returns {Decoded | null}
 */
export function framedImage(video, place, info) {
  const { videoWidth, videoHeight } = video;
  if (!videoWidth || (!place && !info.drawing)) return null;
  if (!place) {
    const shrink = Math.min(1, FRAME / Math.max(videoWidth, videoHeight));
    const whole = framed(video, Math.round(shrink * videoWidth), Math.round(shrink * videoHeight));
    return drawnImage(whole.canvas, info);
  }
  const { image_shape: [channels, height, width], levels } = info;
  const { data } = framed(video, width, height, croppedBox(videoWidth, videoHeight, width / height, place));
  return { pixels: imageOf(data, [channels, height, width], levels), shape: [1, height, width, channels] };
}

/**
 * A part of a frame on a canvas.
 * @param {HTMLVideoElement} video
 * @param {number} width Of the canvas.
 * @param {number} height
 * @param {{left: number, top: number, wide: number, high: number}} [part] Of the frame; all of it unless said.
 */
function framed(video, width, height, { left, top, wide, high } = { left: 0, top: 0, wide: video.videoWidth, high: video.videoHeight }) {
  const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { width, height }));
  const pen = context(canvas);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(video, left, top, wide, high, 0, 0, width, height);
  return { canvas, data: pen.getImageData(0, 0, width, height).data };
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
