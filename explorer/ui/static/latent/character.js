/** How a picture of one character becomes an image, to the pixel, and where any other picture is cropped (explorer/data/own.py). */

/** @typedef {{size: number, box: number, by_mass: boolean, faint: number}} DrawingForm */

/**
 * Where a picture is cropped: its centre as shares of width and height, its side as a share of the largest that fits.
 * @typedef {{x: number, y: number, side: number}} Crop
 */

const LEAST_CONTRAST = 0.06; // how far something must stand out to count as ink, as all below in explorer/data/own.py
const SPECKS = /** @type {const} */ ([0.04, 0.5]); // least and largest share of the full ink below which something is still paper

/** To the nearest whole number, and from the middle to the even one, as Python rounds. @param {number} value */
const rounded = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/** @param {Float64Array} values One or more. */
function median(values) {
  const sorted = values.slice().sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/**
 * Brightness of a picture in whole bytes, as Pillow weighs the colours.
 * @param {Uint8ClampedArray} data RGBA
 */
export const greyOf = (data) => Uint8Array.from({ length: data.length >> 2 }, (_, k) => (19595 * data[4 * k] + 38470 * data[4 * k + 1] + 7471 * data[4 * k + 2] + 32768) >> 16);

/**
 * A picture of one character as an image, light on dark, as `character_image` of explorer/data/own.py makes it.
 * @param {Uint8Array} grey (width * height)
 * @param {number} width
 * @param {number} height
 * @param {DrawingForm} form
 * @returns {Float32Array | null} (size * size), in [0, 1]; null where nothing stands out from the background.
 */
export function characterOf(grey, width, height, { size, box, by_mass, faint }) {
  const ink = inkOf(grey, width, height);
  if (!ink) return null;
  let found = extentOf(ink, width, Number.MIN_VALUE);
  if (Math.max(found.bottom - found.top, found.right - found.left) > 2 * box) found = extentOf(ink, width, Math.fround(faint));
  const { top, bottom, left, right } = found;
  const scale = box / Math.max(bottom - top, right - left); // pixels of the image per pixel of the picture
  let [x, y] = [(left + right) / 2, (top + bottom) / 2];
  if (by_mass) {
    let mass = 0;
    x = y = 0;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const here = ink[row * width + column];
        mass += here;
        x += here * (column + 0.5);
        y += here * (row + 0.5);
      }
    }
    [x, y] = [x / mass, y / mass];
  }
  const reach = size / scale;
  const before = reach / 2 + (by_mass ? 0.5 / scale : 0); // MNIST's own lie around pixel 14 of 0 to 27
  [x, y] = [x - before, y - before];
  if (scale === 1) [x, y] = [rounded(x), rounded(y)]; // whole pixels, as the set was made: nothing is blurred
  const image = resampled(ink, width, height, { x, y, reach }, size);
  const most = Math.fround(Math.max(image.reduce((sum, value) => Math.max(sum, value), 0), LEAST_CONTRAST)); // a thin line fades when it shrinks
  return image.map((value) => value / most);
}

/**
 * How much ink lies on each pixel, in [0, 1]; null where nothing stands out from a plane through the margin.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array | null} (width * height)
 */
function inkOf(grey, width, height) {
  const frame = Math.max(1, rounded(0.03 * Math.min(height, width)));
  const scale = Math.max(width, height);
  const { paper: [level, across, down], noise } = paperOf(grey, width, height, frame);
  const ink = new Float64Array(grey.length);
  let sum = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const above = grey[row * width + column] / 255 - (level + (across * column) / scale + (down * row) / scale);
      ink[row * width + column] = above;
      sum += above;
    }
  }
  if (sum < 0) for (let k = 0; k < ink.length; k++) ink[k] = -ink[k]; // the background was the lighter of the two
  const full = nthLargest(ink, Math.max(1, Math.floor(ink.length / 10_000))); // a few pixels may be hot
  if (full < LEAST_CONTRAST) return null;
  const least = Math.min(SPECKS[1], Math.max(SPECKS[0], (6 * noise) / full));
  const shares = new Float32Array(ink.length);
  for (let k = 0; k < ink.length; k++) {
    const share = Math.fround(Math.min(1, Math.max(0, ink[k] / full)));
    shares[k] = share < least ? 0 : share;
  }
  return shares;
}

/**
 * The plane through most of the margin of a picture, and the standard deviation of the margin around it.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 * @param {number} frame Pixels of the margin.
 * @returns {{paper: number[], noise: number}} `paper`: its level, and what it gains over the longer side to the right and down.
 */
function paperOf(grey, width, height, frame) {
  const scale = Math.max(width, height);
  /** @type {number[]} */
  const places = [];
  for (let row = 0; row < height; row++) {
    const isInside = row >= frame && row < height - frame;
    for (let column = 0; column < width; column++) {
      if (isInside && column === frame && width > 2 * frame) column = width - frame;
      places.push(row * width + column);
    }
  }
  const count = places.length;
  const heights = Float64Array.from(places, (place) => grey[place] / 255);
  const xs = Float64Array.from(places, (place) => (place % width) / scale);
  const ys = Float64Array.from(places, (place) => Math.floor(place / width) / scale);
  const usual = median(heights);
  const offset = heights.map((value) => Math.abs(value - usual));
  let paper = [0, 0, 0];
  for (let turn = 0; turn < 3; turn++) {
    const most = 3 * 1.4826 * median(offset) + 1 / 255; // what reaches into the margin is no paper
    let [n, sx, sy, sxx, sxy, syy, sz, sxz, syz] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < count; k++) {
      if (offset[k] > most) continue;
      const [x, y, z] = [xs[k], ys[k], heights[k]];
      n++;
      sx += x;
      sy += y;
      sxx += x * x;
      sxy += x * y;
      syy += y * y;
      sz += z;
      sxz += x * z;
      syz += y * z;
    }
    paper = solved([[n, sx, sy, sz], [sx, sxx, sxy, sxz], [sy, sxy, syy, syz]]);
    for (let k = 0; k < count; k++) offset[k] = Math.abs(heights[k] - (paper[0] + paper[1] * xs[k] + paper[2] * ys[k]));
  }
  return { paper, noise: 1.4826 * median(offset) };
}

/**
 * What solves a few equations, by elimination.
 * @param {number[][]} rows Coefficients, and what they come to.
 */
function solved(rows) {
  const count = rows.length;
  for (let k = 0; k < count; k++) {
    const best = rows.reduce((most, row, i) => (i >= k && Math.abs(row[k]) > Math.abs(rows[most][k]) ? i : most), k);
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = 0; i < count; i++) {
      if (i === k || !rows[k][k]) continue;
      const times = rows[i][k] / rows[k][k];
      rows[i] = rows[i].map((value, j) => value - times * rows[k][j]);
    }
  }
  return rows.map((row, k) => (row[k] ? row[count] / row[k] : 0));
}

/**
 * @param {Float64Array} values
 * @param {number} n 1 for the largest.
 */
function nthLargest(values, n) {
  const most = new Float64Array(n).fill(-Infinity); // ascending
  for (const value of values) {
    if (value <= most[0]) continue;
    let k = 0;
    for (; k + 1 < n && most[k + 1] < value; k++) most[k] = most[k + 1];
    most[k] = value;
  }
  return most[0];
}

/**
 * The rows and columns on which there is at least that much ink.
 * @param {Float32Array} ink
 * @param {number} width
 * @param {number} least
 */
function extentOf(ink, width, least) {
  let [top, bottom, left, right] = [Infinity, 0, Infinity, 0];
  for (let row = 0; row < ink.length / width; row++) {
    for (let column = 0; column < width; column++) {
      if (ink[row * width + column] < least) continue;
      if (row < top) top = row;
      if (column < left) left = column;
      if (column >= right) right = column + 1;
      bottom = row + 1;
    }
  }
  return { top, bottom, left, right };
}

/** Keys' cubic, as Pillow has it. @param {number} away */
function cubic(away) {
  const x = Math.abs(away);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/**
 * Weights of the pixels that each pixel of a smaller or larger row is made of (`precompute_coeffs` of Pillow's Resample.c).
 * @param {number} length Pixels of the row.
 * @param {number} from First of them that counts, in float32.
 * @param {number} to
 * @param {number} size Pixels that come of it.
 * @returns {{first: number, weights: number[]}[]}
 */
function weightsOf(length, from, to, size) {
  const scale = Math.fround(to - from) / size;
  const wide = Math.max(1, scale);
  const support = 2 * wide;
  return Array.from({ length: size }, (_, k) => {
    const center = from + (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const last = Math.min(length, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: Math.max(0, last - first) }, (__, i) => cubic((i + first - center + 0.5) * (1 / wide)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => (sum ? weight / sum : weight)) };
  });
}

/**
 * What lies in a square of a picture, at other pixels; outside is 0.
 * @param {Float32Array} ink (width * height)
 * @param {number} width
 * @param {number} height
 * @param {{x: number, y: number, reach: number}} square Its upper left corner and its side.
 * @param {number} size Pixels of a side that come of it.
 * @returns {Float32Array} (size * size), in [0, 1].
 */
function resampled(ink, width, height, { x, y, reach }, size) {
  const padded = (/** @type {number} */ start, /** @type {number} */ length) => {
    const before = Math.max(0, Math.ceil(-start));
    const after = Math.max(0, Math.ceil(start + reach - length));
    const from = Math.fround(start + before);
    return { before, parts: weightsOf(before + length + after, from, Math.fround(start + reach + before), size) };
  };
  const [across, down] = [padded(x, width), padded(y, height)];
  const inked = (/** @type {number} */ row, /** @type {number} */ column) => (row >= 0 && row < height && column >= 0 && column < width ? ink[row * width + column] : 0);
  const firstRow = down.parts[0].first;
  const last = down.parts[size - 1];
  const between = new Float32Array((last.first + last.weights.length - firstRow) * size);
  for (let row = 0; row < between.length / size; row++) {
    for (let column = 0; column < size; column++) {
      const { first, weights } = across.parts[column];
      between[row * size + column] = weights.reduce((sum, weight, i) => sum + weight * inked(row + firstRow - down.before, first + i - across.before), 0);
    }
  }
  return Float32Array.from({ length: size * size }, (_, k) => {
    const { first, weights } = down.parts[Math.floor(k / size)];
    const value = weights.reduce((sum, weight, i) => sum + weight * between[(first + i - firstRow) * size + (k % size)], 0);
    return Math.min(1, Math.max(0, Math.fround(value)));
  });
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
