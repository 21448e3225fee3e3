/** Ten draws of both models by the same random numbers: where they land, whether that is a hole, and their decodes. */

import { normals } from "../latent/counter.js";
import { ALPHA } from "../latent/vacancy.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/** Draws of a round. */
export const TEN = 10;

/**
 * Draws of one model.
 * @typedef {object} SideDraws
 * @property {Float32Array} latents (TEN * d)
 * @property {boolean[]} empty Of each whether no image is encoded where it lies.
 * @property {Decoded} decoded
 */

/**
 * @typedef {object} Round
 * @property {number} seed
 * @property {Float64Array} noise The standard normal numbers behind the draws of every model, (TEN * d).
 * @property {SideDraws[]} sides Of each model.
 */

/**
 * Whether a p-value is that of a hole; it travels as a number of 32 bits.
 * @param {number} p
 */
export const isEmpty = (p) => p <= Math.fround(ALPHA);

/**
 * Draws of one model with one seed.
 * @param {RunInfo} info
 * @param {string} law
 * @param {number} seed
 * @param {AbortSignal} signal
 * @returns {Promise<SideDraws>}
 */
export async function drawsOf({ name }, law, seed, signal) {
  /** @type {Float32Array} */
  const latents = await source.ask("draws", name, { query: { law, n: TEN, seed }, signal });
  const [p, decoded] = await Promise.all([source.ask("vacancies", name, { body: latents, signal }), source.decode(name, latents, TEN, { signal, priority: "batch" })]);
  return { latents, empty: Array.from(/** @type {Float32Array} */ (p), isEmpty), decoded };
}

/** Rounds of ten draws of some models, each made once: the k-th round has the seed k, for everybody. */
export class Rounds {
  /**
   * @param {RunInfo[]} infos
   * @param {AbortSignal} signal Of the run on show.
   */
  constructor(infos, signal) {
    this.infos = infos;
    this.signal = signal;
    /** @type {Map<string, Promise<Round>>} */
    this.made = new Map();
  }

  /**
   * @param {string} law
   * @param {number} seed From 1.
   * @returns {Promise<Round>}
   */
  get(law, seed) {
    const key = `${law} ${seed}`;
    let round = this.made.get(key);
    if (!round) {
      round = this.make(law, seed);
      this.made.set(key, round);
      round.catch(() => this.made.delete(key));
    }
    return round;
  }

  /**
   * @param {string} law
   * @param {number} seed
   * @returns {Promise<Round>}
   */
  async make(law, seed) {
    const sides = await Promise.all(this.infos.map((info) => drawsOf(info, law, seed, this.signal)));
    return { seed, noise: normals(seed, TEN * this.infos[0].latent_dim), sides };
  }
}

/**
 * How many draws of a model lie in holes.
 * @param {Round[]} rounds
 * @param {number} side
 */
export const emptyIn = (rounds, side) => rounds.reduce((sum, { sides }) => sum + sides[side].empty.filter(Boolean).length, 0);
