/** Pixels on canvases: crisp images, signed error maps, tiles of sprite sheets. */

/**
 * Decoded images, rows of pixels from the top, channels last.
 * @typedef {object} Decoded
 * @property {Uint8ClampedArray} pixels (count * height * width * channels)
 * @property {[number, number, number, number]} shape count, height, width, channels
 */

/**
 * Bytes of one image, channels last, as RGBA.
 * @param {ArrayLike<number>} pixels (height * width * channels), 0 to 255
 * @param {number} channels 1 or 3
 * @param {number} [start] Where the image begins.
 * @param {number} [count] Its number of places, height * width.
 * @returns {Uint8ClampedArray}
 */
export function toRgba(pixels, channels, start = 0, count = pixels.length / channels) {
  const rgba = new Uint8ClampedArray(4 * count);
  for (let i = 0; i < count; i++) {
    const from = start + i * channels;
    rgba[4 * i] = pixels[from];
    rgba[4 * i + 1] = pixels[channels === 3 ? from + 1 : from];
    rgba[4 * i + 2] = pixels[channels === 3 ? from + 2 : from];
    rgba[4 * i + 3] = 255;
  }
  return rgba;
}

/**
 * Paint one image of a batch; the canvas takes the image's own size and CSS enlarges it.
 * @param {HTMLCanvasElement} canvas
 * @param {Decoded} decoded
 * @param {number} [index]
 */
export function paint(canvas, { pixels, shape }, index = 0) {
  const [, height, width, channels] = shape;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const rgba = toRgba(pixels, channels, index * height * width * channels, height * width);
  context(canvas).putImageData(new ImageData(/** @type {any} */ (rgba), width, height), 0, 0);
}

/**
 * Say of a picture whether it is older than the words beside it: a failed decode leaves it so.
 * @param {HTMLElement} picture
 * @param {boolean} stale
 */
export function dim(picture, stale) {
  picture.classList.toggle("xp-stale", stale);
}

/** Ends and middle of the error map in each theme, RGB: too dark is purple, right is the page's grey, too bright is green; orange and blue are the models' own. */
export const ERROR_COLOURS = {
  light: [
    [0x7a, 0x28, 0x8a],
    [0xf4, 0xf4, 0xf4],
    [0x1a, 0x7f, 0x37],
  ],
  dark: [
    [0xc9, 0x8b, 0xdc],
    [0x22, 0x29, 0x35],
    [0x6c, 0xcf, 0x74],
  ],
};

/** @typedef {keyof typeof ERROR_COLOURS} Theme */

/**
 * Colour of a signed error.
 * @param {number} error In [-1, 1], in units of the full grey scale.
 * @param {Theme} [theme]
 * @returns {number[]} RGB bytes
 */
export function errorColour(error, theme = "light") {
  const t = Math.min(1, Math.abs(error));
  const colours = ERROR_COLOURS[theme];
  const end = colours[error < 0 ? 0 : 2];
  return colours[1].map((middle, i) => Math.round(middle + t * (end[i] - middle)));
}

/**
 * reconstruction - original as colours; of colour images the mean over channels.
 * @param {ArrayLike<number>} original (height * width * channels)
 * @param {ArrayLike<number>} reconstruction The same.
 * @param {number} channels
 * @param {Theme} [theme]
 * @returns {Uint8ClampedArray} RGBA
 */
export function errorMap(original, reconstruction, channels, theme = "light") {
  const count = original.length / channels;
  const rgba = new Uint8ClampedArray(4 * count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += reconstruction[i * channels + c] - original[i * channels + c];
    rgba.set([...errorColour(sum / channels / 255, theme), 255], 4 * i);
  }
  return rgba;
}

/**
 * Paint a signed error map.
 * @param {HTMLCanvasElement} canvas
 * @param {Decoded} original
 * @param {Decoded} reconstruction
 * @param {Theme} theme
 */
export function paintError(canvas, original, reconstruction, theme) {
  const [, height, width, channels] = original.shape;
  canvas.width = width;
  canvas.height = height;
  const rgba = errorMap(original.pixels, reconstruction.pixels, channels, theme);
  context(canvas).putImageData(new ImageData(/** @type {any} */ (rgba), width, height), 0, 0);
}

/** @param {HTMLCanvasElement} canvas */
export function context(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
}

/**
 * How wide an image is shown where it may take up some room: a whole multiple of its pixels, each a square of the same
 * size; an image that is larger than its room is shrunk to it.
 * @param {number} width Of the image, in its own pixels.
 * @param {number} room Largest width, in CSS pixels.
 * @param {number} [height] Of the image, where its longer side is to keep to the room.
 * @returns {number} CSS pixels.
 */
export function shownWidth(width, room, height = 0) {
  const longer = Math.max(width, height);
  const times = Math.floor(room / longer);
  return times >= 1 ? times * width : (room * width) / longer;
}

/**
 * Keep a canvas at a whole multiple of its image's size, so that every pixel is a square of the same size.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} room Its width is what there is.
 * @param {number | ((room: number) => number)} most Largest width, in CSS pixels, or how it follows from the room.
 */
export function fitWhole(canvas, room, most) {
  const fit = () => {
    const width = Math.min(typeof most === "number" ? most : most(room.clientWidth), room.clientWidth);
    if (width > 0 && canvas.width > 0) {
      const wide = shownWidth(canvas.width, width);
      canvas.style.width = `${wide}px`;
      canvas.style.height = `${(wide * canvas.height) / canvas.width}px`;
    }
  };
  new ResizeObserver(fit).observe(room);
  return fit;
}
