/** A flat look at latent space: the plane of the two directions along which the codes of a run differ most. */

/** @typedef {import("../latent/latent.js").Direction} Direction */

/** Places on the plane of the first two principal components, in latent units about the mean of the codes. */
export class Flat {
  /** @param {{mean: number[], directions: {pca: Direction[]}}} info */
  constructor({ mean, directions: { pca } }) {
    this.mean = mean;
    this.axes = pca.slice(0, 2).map(({ vector }) => vector);
  }

  /** Whether there is a plane at all. */
  get exists() {
    return this.axes.length === 2;
  }

  /**
   * Where latents fall on the plane.
   * @param {ArrayLike<number>} latents (N * d)
   * @returns {Float32Array} (N * 2)
   */
  places(latents) {
    const d = this.mean.length;
    const found = new Float32Array((latents.length / d) * 2);
    for (let row = 0, at = 0; row < latents.length; row += d, at += 2) {
      for (let j = 0; j < d; j++) {
        const offset = latents[row + j] - this.mean[j];
        found[at] += offset * this.axes[0][j];
        found[at + 1] += offset * this.axes[1][j];
      }
    }
    return found;
  }

  /**
   * The latent of a place: on the plane through the mean of the codes.
   * @param {number} x
   * @param {number} y
   * @returns {Float32Array} (d,)
   */
  latent(x, y) {
    return Float32Array.from(this.mean, (middle, j) => middle + x * this.axes[0][j] + y * this.axes[1][j]);
  }
}

/**
 * How far latents lie from zero, as a root mean square per dimension; of draws from the prior it is 1.
 * @param {ArrayLike<number>} latents
 */
export function spreadOf(latents) {
  let sum = 0;
  for (let k = 0; k < latents.length; k++) sum += latents[k] ** 2;
  return Math.sqrt(sum / latents.length);
}

/**
 * The turn or mirroring that brings places nearest to others of the same rows, and the factor that makes a unit of a
 * spread (Procrustes; in two dimensions the best turn has the angle of the sum of products).
 * @param {Float32Array} places (N * 2), about their mean.
 * @param {Float32Array} onto (N * 2)
 * @param {number} [spread] That is to become 1; that of the places unless said.
 * @returns {[number, number, number, number]} Rows of a matrix (2, 2).
 */
export function aligning(places, onto, spread = spreadOf(places)) {
  const size = 1 / (spread || 1);
  let [xx, xy, yx, yy] = [0, 0, 0, 0];
  for (let k = 0; k < Math.min(places.length, onto.length); k += 2) {
    xx += places[k] * onto[k];
    xy += places[k] * onto[k + 1];
    yx += places[k + 1] * onto[k];
    yy += places[k + 1] * onto[k + 1];
  }
  const [turn, flip] = [Math.hypot(xx + yy, xy - yx), Math.hypot(xx - yy, xy + yx)];
  if (turn === 0 && flip === 0) return [size, 0, 0, size];
  const angle = turn >= flip ? Math.atan2(xy - yx, xx + yy) : Math.atan2(xy + yx, xx - yy);
  const [cos, sin] = [size * Math.cos(angle), size * Math.sin(angle)];
  return turn >= flip ? [cos, -sin, sin, cos] : [cos, sin, sin, -cos];
}

/**
 * Places under a matrix.
 * @param {Float32Array} places (N * 2)
 * @param {[number, number, number, number]} matrix
 */
export function turned(places, [a, b, c, d]) {
  const found = new Float32Array(places.length);
  for (let k = 0; k < places.length; k += 2) {
    found[k] = a * places[k] + b * places[k + 1];
    found[k + 1] = c * places[k] + d * places[k + 1];
  }
  return found;
}
