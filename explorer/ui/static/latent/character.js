/** How ink becomes an image of one character, and where any other picture is cropped (explorer/data/own.py). */

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
 * A value in [0, 1] as a byte, at the levels of a data set.
 * @param {number} value
 * @param {number} levels
 */
export const atLevel = (value, levels) => (255 * Math.round(value * (levels - 1))) / (levels - 1);

/**
 * A picture as an image of a run, grey where it has one channel.
 * @param {Uint8ClampedArray} data RGBA, as large as the image.
 * @param {number[]} shape channels, height, width
 * @param {number} levels
 * @returns {Uint8ClampedArray} (H, W, C)
 */
export function imageOf(data, [channels, height, width], levels) {
  return Uint8ClampedArray.from({ length: channels * width * height }, (_, k) => {
    const at = 4 * Math.floor(k / channels);
    return atLevel((channels === 3 ? data[at + (k % 3)] : 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / 255, levels);
  });
}
