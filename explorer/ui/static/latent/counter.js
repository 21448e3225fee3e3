/**
 * Random numbers that Python and the browser draw alike: each is a function of the seed and its own number. Philox4x32-10
 * and Box-Muller as in explorer/analysis/counter.py, which has the sources.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const WEYL = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;
const WORD = 2 ** 32;

/** Streams of one seed. */
export const NORMAL = 0;
export const UNIFORM = 1;

/**
 * The upper half of a product of two words.
 * @param {number} a
 * @param {number} b
 */
function upper(a, b) {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const rest = a0 * b1 + (middle % 65536);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(rest / 65536)) >>> 0;
}

/**
 * Four words of a block.
 * @param {number} seed A whole number from 0 to 2^53 - 1.
 * @param {number} stream
 * @param {number} block
 * @returns {[number, number, number, number]}
 */
export function philox(seed, stream, block) {
  let [a, b, c, d] = [block >>> 0, Math.floor(block / WORD) >>> 0, stream, 0];
  let [first, second] = [seed % WORD, Math.floor(seed / WORD)];
  for (let round = 0; round < ROUNDS; round++) {
    const [lowUpper, low] = [upper(MULTIPLIERS[0], a), Math.imul(MULTIPLIERS[0], a) >>> 0];
    const [highUpper, high] = [upper(MULTIPLIERS[1], c), Math.imul(MULTIPLIERS[1], c) >>> 0];
    [a, b, c, d] = [(highUpper ^ b ^ first) >>> 0, high, (lowUpper ^ d ^ second) >>> 0, low];
    first = (first + WEYL[0]) >>> 0;
    second = (second + WEYL[1]) >>> 0;
  }
  return [a, b, c, d];
}

/**
 * Two uniform numbers in (0, 1) of a block, with 53 bits.
 * @param {number} seed
 * @param {number} stream
 * @param {number} block
 */
export function uniforms(seed, stream, block) {
  const [a, b, c, d] = philox(seed, stream, block);
  const of = (/** @type {number} */ high, /** @type {number} */ low) => ((high >>> 5) * 2 ** 26 + (low >>> 6) + 0.5) * 2 ** -53;
  return [of(a, b), of(c, d)];
}

/**
 * Normal numbers of a seed.
 * @param {number} seed
 * @param {number} count
 * @param {number} [start] Number of the first one.
 * @returns {Float64Array}
 */
export function normals(seed, count, start = 0) {
  const odd = start % 2;
  const drawn = new Float64Array(count + 2);
  for (let at = 0; at < count + odd; at += 2) {
    const [first, second] = uniforms(seed, NORMAL, (start - odd + at) / 2);
    const [radius, angle] = [Math.sqrt(-2 * Math.log(first)), 2 * Math.PI * second];
    drawn[at] = radius * Math.cos(angle);
    drawn[at + 1] = radius * Math.sin(angle);
  }
  return drawn.subarray(odd, odd + count);
}

/**
 * Draws of a seed among components.
 * @param {number} seed
 * @param {number} count
 * @param {ArrayLike<number>} weights Of the components.
 * @param {number} [start] Number of the first one.
 * @returns {number[]}
 */
export function componentsDrawn(seed, count, weights, start = 0) {
  let sum = 0;
  const borders = Array.from(weights, (weight) => (sum += weight));
  return Array.from({ length: count }, (_, k) => {
    const [drawn] = uniforms(seed, UNIFORM, start + k);
    const place = borders.findIndex((border) => border / sum > drawn);
    return place < 0 ? borders.length - 1 : place;
  });
}
