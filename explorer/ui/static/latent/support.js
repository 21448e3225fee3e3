/**
 * How empty places of latent space are, told in the browser as Python tells it (explorer/analysis/holes.py): the
 * distance to the k-th nearest reference code in the run's frame, against the distances of codes that were held out. And
 * draws from the sampling laws, by the same numbers as Python's.
 */

import { amongAt } from "./walk.js";
import { componentsDrawn, normals } from "./counter.js";
import { latticeDistances } from "./lattice.js";

/** @typedef {import("./vacancy.js").Among} Among */
/** @typedef {{at: number, shape: number[], type: "f4" | "f8"}} StoredArray */

/**
 * What a p-value is counted among: scores of calibration codes, ascending, and the codes that they were measured by.
 * @typedef {{scores: Float64Array, codes: Float64Array}} Measure
 */

/**
 * A law as Gaussians: means (K, d), factors (K, d, d); null directions (d, q), which draws are moved off, from an origin.
 * @typedef {{weights: Float64Array, means: Float64Array, factors: Float64Array, null?: Float64Array, origin?: Float64Array}} Mixture
 */

/**
 * A flat window into the frame, centre + a first + b second; a and b run over [-extent, extent].
 * @typedef {{center: ArrayLike<number>, first: ArrayLike<number>, second: ArrayLike<number>, extent: number}} FlatWindow
 */

/**
 * How many of an ascending list are below a value.
 * @param {ArrayLike<number>} sorted
 * @param {number} value
 */
export function countBelow(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Keep the k smallest numbers, ascending: put one in its place among them.
 * @param {Float64Array} least
 * @param {number} value Smaller than the last.
 */
function insert(least, value) {
  let k = least.length - 1;
  for (; k > 0 && least[k - 1] > value; k--) least[k] = least[k - 1];
  least[k] = value;
}

/**
 * Coordinates of a latent along null directions.
 * @param {ArrayLike<number>} latents
 * @param {number} start Of the latent among them.
 * @param {Float64Array} origin (d,)
 * @param {Float64Array} directions (d, q)
 */
function alongNull(latents, start, origin, directions) {
  const [d, q] = [origin.length, directions.length / origin.length];
  const found = new Array(q).fill(0);
  for (let j = 0; j < d; j++) for (let k = 0; k < q; k++) found[k] += (latents[start + j] - origin[j]) * directions[j * q + k];
  return found;
}

/**
 * The p-value that a place's distance in each set comes to.
 * @param {Measure[]} sets
 * @param {(set: Measure) => number} score
 */
function counted(sets, score) {
  let [worse, all] = [1, 1];
  for (const set of sets) {
    worse += set.scores.length - countBelow(set.scores, score(set));
    all += set.scores.length;
  }
  return worse / all;
}

export class Support {
  /** @param {Uint8Array} file As explorer/views/support.py writes it. */
  constructor(file) {
    const { buffer, byteOffset } = file;
    const size = Number(new DataView(buffer, byteOffset).getBigUint64(0, true));
    const head = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + size)));
    const start = byteOffset + 8 + size;
    /** @type {(told: StoredArray) => Float64Array} */
    const array = ({ at, shape, type }) => {
      const count = shape.reduce((product, side) => product * side, 1);
      const bytes = buffer.slice(start + at, start + at + count * (type === "f4" ? 4 : 8));
      return type === "f4" ? Float64Array.from(new Float32Array(bytes)) : new Float64Array(bytes);
    };
    this.neighbours = /** @type {number} */ (head.neighbours);
    this.mean = array(head.mean);
    this.d = this.mean.length;
    this.toFrame = array(head.to_frame); // (d, d)
    this.nullDirections = array(head.null); // (d, q): along these the codes do not vary
    this.tolerance = /** @type {number} */ (head.tolerance);
    this.deviations = array(head.deviations);
    this.active = array(head.active);
    const reference = array(head.reference);
    const codes = this.placed(reference);
    this.reference = codes; // (R * d), in the frame
    /** @type {(sets: {scores: StoredArray, codes?: StoredArray}[]) => Measure[]} */
    const measures = (sets) =>
      sets.map((each) => {
        const more = each.codes ? array(each.codes) : new Float64Array(0);
        const all = more.length ? new Float64Array([...codes, ...more]) : codes;
        return { scores: array(each.scores), codes: all };
      });
    /** By what is judged. @type {Record<Among, Measure[]>} */
    this.sets = { draws: measures(head.sets.draws), means: measures(head.sets.means) };
    this.norms = Float64Array.from({ length: reference.length / this.d }, (_, k) => Math.fround(this.norm(reference, k * this.d))).sort();
    /** @type {Record<string, Mixture>} */
    this.laws = {};
    for (const [name, law] of Object.entries(head.laws)) {
      if (law) this.laws[name] = /** @type {Mixture} */ (Object.fromEntries(Object.entries(law).map(([part, told]) => [part, array(told)])));
    }
  }

  /**
   * Frame coordinates u = A (z - m).
   * @param {ArrayLike<number>} latents (n * d)
   * @returns {Float64Array} (n * d)
   */
  placed(latents) {
    const { d, mean, toFrame } = this;
    const found = new Float64Array(latents.length);
    for (let row = 0; row < latents.length; row += d) {
      for (let j = 0; j < d; j++) {
        const offset = latents[row + j] - mean[j];
        for (let i = 0; i < d; i++) found[row + i] += offset * toFrame[j * d + i];
      }
    }
    return found;
  }

  /**
   * @param {ArrayLike<number>} latents
   * @param {number} [start]
   */
  norm(latents, start = 0) {
    let sum = 0;
    for (let j = 0; j < this.d; j++) sum += latents[start + j] ** 2;
    return Math.sqrt(sum);
  }

  /**
   * Vacancy p-values: how many codes of new images lie at least as far from the reference codes.
   * @param {ArrayLike<number>} latents (n * d)
   * @param {Among} [among]
   * @returns {Float64Array} (n,)
   */
  pValues(latents, among = "draws") {
    const { d } = this;
    const u = this.placed(latents);
    return Float64Array.from({ length: latents.length / d }, (_, k) => {
      const off = this.isOff(latents, k * d);
      return counted(this.sets[among], (set) => (off ? Infinity : this.score(set.codes, u, k * d)));
    });
  }

  /**
   * Vacancy p-values of latents on a walk: an end that is a posterior mean is judged among means.
   * @param {ArrayLike<number>[]} latents
   * @param {number[]} positions
   * @param {string} means As `meansOf` tells it.
   */
  alongWalk(latents, positions, means) {
    return latents.map((latent, k) => this.pValues(latent, amongAt(means, positions[k]))[0]);
  }

  /**
   * Whether a latent lies off the span of the codes, which is in a hole by definition.
   * @param {ArrayLike<number>} latents
   * @param {number} start
   */
  isOff(latents, start) {
    const aside = alongNull(latents, start, this.mean, this.nullDirections);
    return Math.sqrt(aside.reduce((sum, part) => sum + part * part, 0)) > this.tolerance;
  }

  /**
   * Distance to the k-th nearest code.
   * @param {Float64Array} codes (R * d), in the frame.
   * @param {Float64Array} u
   * @param {number} start Of the place among u.
   */
  score(codes, u, start) {
    const { d } = this;
    const least = new Float64Array(this.neighbours).fill(Infinity);
    const last = least.length - 1;
    for (let row = 0; row < codes.length; row += d) {
      let sum = 0;
      const most = least[last];
      for (let j = 0; j < d && sum < most; j++) sum += (codes[row + j] - u[start + j]) ** 2;
      if (sum < most) insert(least, sum);
    }
    return Math.sqrt(least[last]);
  }

  /**
   * The numbers of the trust line that need no decode, as OpenRun.trust has them.
   * @param {Float32Array} z (d,)
   * @param {Among} [among]
   */
  trust(z, among) {
    const { norms } = this;
    const norm = this.norm(z);
    return {
      vacancy: this.pValues(z, among)[0],
      off: this.isOff(z, 0),
      rank: this.d - this.nullDirections.length / this.d,
      norm,
      norm_percentile: countBelow(norms, norm) / norms.length,
      shell_low: norms[Math.floor(0.05 * (norms.length - 1))],
      shell_high: norms[Math.ceil(0.95 * (norms.length - 1))],
    };
  }

  /**
   * How far encoding a decode lands from its latent, in standard deviations of the codes per active axis.
   * @param {Float32Array} z (d,)
   * @param {Float32Array} back Where it lands.
   */
  miss(z, back) {
    const counts = this.active.some((used) => used) ? this.active : this.active.map(() => 1);
    let [sum, axes] = [0, 0];
    for (let j = 0; j < this.d; j++) {
      if (!counts[j]) continue;
      sum += ((back[j] - z[j]) / this.deviations[j]) ** 2;
      axes++;
    }
    return Math.sqrt(sum / axes);
  }

  /**
   * Latents drawn from a law; null for a law that is not known here.
   * @param {string} name
   * @param {number} count
   * @param {number} seed
   * @param {number} [start] Number of the first one among those of the seed.
   * @returns {Float32Array | null} (count * d)
   */
  draws(name, count, seed, start = 0) {
    const law = this.laws[name];
    if (!law) return null;
    const { d } = this;
    const noise = normals(seed, count * d, start * d);
    const chosen = law.weights.length > 1 ? componentsDrawn(seed, count, law.weights, start) : new Array(count).fill(0);
    const drawn = new Float32Array(count * d);
    for (let row = 0; row < count; row++) {
      const k = chosen[row];
      for (let i = 0; i < d; i++) {
        let value = 0;
        for (let j = 0; j < d; j++) value += law.factors[(k * d + i) * d + j] * noise[row * d + j];
        drawn[row * d + i] = law.means[k * d + i] + value;
      }
      const { null: aside, origin } = law;
      if (aside && origin) {
        const parts = alongNull(drawn, row * d, origin, aside);
        for (let i = 0; i < d; i++) drawn[row * d + i] -= parts.reduce((sum, part, q) => sum + part * aside[i * parts.length + q], 0);
      }
    }
    return drawn;
  }

  /**
   * Vacancy p-values on an even lattice of a window, exactly.
   * @param {FlatWindow} flat Its vectors are orthonormal.
   * @param {number} size Places along each side, two or more.
   * @returns {Float64Array} (size * size), b by row from -extent up, a along each row.
   */
  plane({ center, first, second, extent }, size) {
    const ticks = Float64Array.from({ length: size }, (_, k) => -extent + (2 * extent * k) / (size - 1));
    const sets = this.sets.draws;
    const distances = sets.map(({ codes }) => latticeDistances(this.shadow(codes, center, first, second), ticks, this.neighbours));
    const found = new Float64Array(size * size);
    const all = sets.reduce((sum, { scores }) => sum + scores.length, 1);
    for (let place = 0; place < found.length; place++) {
      let worse = 1; // as `counted`
      for (let s = 0; s < sets.length; s++) worse += sets[s].scores.length - countBelow(sets[s].scores, distances[s][place]);
      found[place] = worse / all;
    }
    return found;
  }

  /**
   * Codes as a window sees them: where they fall on it, and the square of how far they lie from it.
   * @param {Float64Array} codes
   * @param {ArrayLike<number>} center
   * @param {ArrayLike<number>} first
   * @param {ArrayLike<number>} second
   */
  shadow(codes, center, first, second) {
    const { d } = this;
    const count = codes.length / d;
    const [a, b, rest] = [0, 1, 2].map(() => new Float64Array(count));
    for (let k = 0; k < count; k++) {
      for (let j = 0; j < d; j++) {
        const offset = codes[k * d + j] - center[j];
        a[k] += offset * first[j];
        b[k] += offset * second[j];
      }
      for (let j = 0; j < d; j++) rest[k] += (codes[k * d + j] - center[j] - a[k] * first[j] - b[k] * second[j]) ** 2;
    }
    return { a, b, rest };
  }
}
