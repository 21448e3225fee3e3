/** Slices through a latent space, cut and laid as explorer/views/hole_planes.py and hole_map.py do it. */

/** @typedef {import("./support.js").Support} Support */
/** @typedef {import("./support.js").FlatWindow} FlatWindow */

const ROOM = 1.3; // around three images: as in `anchored_plane` of explorer/analysis/holes.py
const [SHARE, REACH] = [0.99, 1.15]; // of the codes that a slice along directions shows, and the room around them: as `_reach`
const [NEAR, FAINTEST, STRONGEST] = [0.05, 0.02, 0.9]; // how strongly a code is drawn: as in `laid_plane`

/** A slice that cannot be cut, with the reason as a sentence. */
export class NoSlice extends Error {}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
}

/**
 * The number below which that share of some values lies, as numpy interpolates it.
 * @param {Float64Array} values
 * @param {number} share
 */
function quantile(values, share) {
  const sorted = values.slice().sort();
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/**
 * Two orthonormal vectors that span the same plane, the first along the first.
 * @param {Float64Array} first
 * @param {Float64Array} second
 * @param {string} otherwise Why there are none.
 */
function orthonormal(first, second, otherwise) {
  const length = Math.sqrt(dot(first, first));
  const unit = first.map((value) => value / (length || 1));
  const along = dot(second, unit);
  const rest = second.map((value, j) => value - along * unit[j]);
  const left = Math.sqrt(dot(rest, rest));
  if (!length || left <= 1e-6 * Math.sqrt(dot(second, second))) throw new NoSlice(otherwise);
  return { first: unit, second: rest.map((value) => value / left) };
}

/**
 * The slice through the codes of three images, centred where it comes nearest to the middle of all codes.
 * @param {Support} support
 * @param {Float32Array} codes (3 * d)
 * @returns {FlatWindow}
 */
export function throughImages(support, codes) {
  const { d } = support;
  const u = support.placed(codes);
  const points = [0, 1, 2].map((k) => u.subarray(k * d, (k + 1) * d));
  const from = (/** @type {Float64Array} */ point) => point.map((value, j) => value - points[0][j]);
  const { first, second } = orthonormal(from(points[1]), from(points[2]), "these three images lie on one line and span no slice; choose others.");
  const [a, b] = [dot(points[0], first), dot(points[0], second)];
  const center = points[0].map((value, j) => value - a * first[j] - b * second[j]);
  const reach = Math.max(...points.flatMap((point) => [first, second].map((axis) => Math.abs(dot(point, axis) - dot(center, axis)))));
  return { center, first, second, extent: ROOM * reach };
}

/**
 * The slice through the middle of the codes along two directions.
 * @param {Support} support
 * @param {ArrayLike<number>[]} vectors Two, (d,) each.
 * @param {Float32Array} drawn One draw of each image's code, (N * d).
 * @returns {FlatWindow}
 */
export function alongDirections(support, vectors, drawn) {
  const { d, mean, toFrame } = support;
  const turned = (/** @type {ArrayLike<number>} */ vector) => Float64Array.from(mean, (_, i) => dot(vector, mean.map((__, j) => toFrame[j * d + i])));
  const { first, second } = orthonormal(turned(vectors[0]), turned(vectors[1]), "these two directions run the same way; choose two that differ.");
  const center = support.placed(Float32Array.from(mean));
  const { a, b } = support.shadow(placedOnce(support, drawn), center, first, second);
  const reach = quantile(a.map((value, k) => Math.max(Math.abs(value), Math.abs(b[k]))), SHARE);
  return { center, first, second, extent: Math.max(REACH * reach, 1e-9) };
}

/**
 * What undoes a symmetric matrix (d * d) that takes nothing from the directions `aside` (d * q), nor gives them anything.
 * @param {Float64Array} matrix
 * @param {number} d
 * @param {Float64Array} [aside] Orthonormal.
 */
export function undone(matrix, d, aside = new Float64Array(0)) {
  const q = aside.length / d;
  const along = (/** @type {number} */ i, /** @type {number} */ j) => {
    let sum = 0;
    for (let k = 0; k < q; k++) sum += aside[i * q + k] * aside[j * q + k];
    return sum;
  };
  const rows = Array.from({ length: d }, (_, i) => Float64Array.from({ length: 2 * d }, (__, j) => (j < d ? matrix[i * d + j] + along(i, j) : Number(j - d === i))));
  for (let k = 0; k < d; k++) {
    const best = rows.reduce((most, row, i) => (i >= k && Math.abs(row[k]) > Math.abs(rows[most][k]) ? i : most), k);
    [rows[k], rows[best]] = [rows[best], rows[k]];
    const pivot = rows[k][k];
    for (let j = 0; j < 2 * d; j++) rows[k][j] /= pivot;
    for (let i = 0; i < d; i++) {
      const times = rows[i][k];
      if (i === k || !times) continue;
      for (let j = k; j < 2 * d; j++) rows[i][j] -= times * rows[k][j];
    }
  }
  return Float64Array.from(matrix, (_, at) => rows[Math.floor(at / d)][d + (at % d)] - along(Math.floor(at / d), at % d));
}

/** Codes in their run's frame: they are the same on every slice, and for every image that is looked up. @type {WeakMap<Float32Array, Float64Array>} */
const PLACED = new WeakMap();

/**
 * Codes of a run in its frame, placed once.
 * @param {Support} support Of the run.
 * @param {Float32Array} codes (N * d)
 */
export function placedOnce(support, codes) {
  const placed = PLACED.get(codes) ?? support.placed(codes);
  PLACED.set(codes, placed);
  return placed;
}

/**
 * What stands on a slice, as `laid_plane` tells it.
 * @param {Support} support
 * @param {FlatWindow} flat
 * @param {Float32Array} drawn One draw of each image's code, (N * d).
 * @returns {Record<string, any>}
 */
export function laidSlice(support, flat, drawn) {
  const { d, mean, toFrame, nullDirections } = support;
  const { center, first, second, extent } = flat;
  const fromFrame = undone(toFrame, d, nullDirections);
  const latent = (/** @type {number} */ a, /** @type {number} */ b) => {
    const u = Float64Array.from(mean, (_, j) => center[j] + a * first[j] + b * second[j]);
    return Float32Array.from(mean, (middle, i) => middle + dot(u, mean.map((_, j) => fromFrame[j * d + i])));
  };
  const [origin, across, up] = [latent(0, 0), latent(1, 0), latent(0, 1)].map((z) => Array.from(z));
  const { a, b, rest } = support.shadow(placedOnce(support, drawn), center, first, second);
  const codes = Float32Array.from({ length: 2 * a.length }, (_, k) => (k % 2 ? b : a)[k >> 1]);
  const distance = rest.map(Math.sqrt);
  const scale = Math.max(1e-6, quantile(distance, NEAR));
  const strength = distance.map((far) => Math.min(STRONGEST, Math.max(FAINTEST, STRONGEST * Math.exp(-0.5 * (far / scale) ** 2))));
  const { white } = support.laws;
  const toWhite = undone(white.factors, d, nullDirections);
  const density = (/** @type {number} */ x, /** @type {number} */ y) => {
    const away = Float64Array.from(latent(x * extent, y * extent), (value, j) => value - white.means[j]);
    return -0.5 * mean.reduce((sum, _, i) => sum + dot(away, mean.map((__, j) => toWhite[j * d + i])) ** 2, 0);
  };
  const [middle, right, left, above, below, corner] = [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]].map(([x, y]) => density(x, y));
  const usual = [(right - left) / 2, (above - below) / 2, (right + left) / 2 - middle, (above + below) / 2 - middle];
  return {
    extent,
    plane: { origin, first: across.map((value, j) => value - origin[j]), second: up.map((value, j) => value - origin[j]) },
    window: flat,
    codes: { values: codes, shape: [a.length, 2] },
    nearness: { values: Uint8Array.from(strength, (share) => Math.round(255 * share)), shape: [a.length] },
    usual: [...usual, corner - middle - usual.reduce((sum, value) => sum + value, 0)],
  };
}

/**
 * Draws of the codes of images, from what `drawn_codes` of explorer/site/stored.py keeps of them.
 * @param {Uint8Array} file For each dimension the least offset and the step of offsets, float32; then whole steps, (N * d).
 * @param {Float32Array} points The codes' means, (N * d).
 * @param {number} d
 */
export function drawnFrom(file, points, d) {
  const head = new Float32Array(file.slice(0, 8 * d).buffer);
  return points.map((value, k) => value + head[k % d] + file[8 * d + k] * head[d + (k % d)]);
}
