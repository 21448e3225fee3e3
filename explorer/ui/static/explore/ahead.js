/** Pictures along the slider that moves, fetched before they are asked for: a drag over them waits for nobody. */

import { niceStep } from "../latent/directions.js";
import { coordinate, walk } from "../latent/latent.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const MOST_BYTES = 400_000; // of a line of pictures: 120 digits, but not so many faces
const NEAR = 1e-4; // latent units in which sums of other orders may differ

/**
 * Every place at which a slider can stand.
 * @typedef {object} Line
 * @property {string} run
 * @property {Direction} direction
 * @property {number} low Coordinate of the first place.
 * @property {number} step Between two places, in units of the coordinate.
 * @property {Float32Array} latents (count * d)
 * @property {import("../kit/pixels.js").Decoded | null} pictures Null until they are there.
 */

export class Ahead {
  /** @param {Pick<import("../source/source.js").Source, "decode"> & {programs?: {of: (run: string, part: "decoder") => unknown}}} decoder */
  constructor(decoder) {
    this.decoder = decoder;
    /** @type {Line | null} */
    this.line = null;
  }

  /** Name of the direction whose pictures are there, or "". */
  get ready() {
    return this.line?.pictures ? this.line.direction.name : "";
  }

  /** Forget the pictures: those of another run are of no use. */
  forget() {
    this.line = null;
  }

  /**
   * Fetch the pictures of all places of a slider, unless they are there, on their way, or too many; or the browser
   * decodes by itself, and waits for nobody anyway.
   * @param {Pick<RunInfo, "name" | "image_shape">} info
   * @param {Direction} direction
   * @param {Float32Array} z A latent on the way of the slider, (d,).
   */
  async prepare({ name, image_shape }, direction, z) {
    if (this.decoder.programs?.of(name, "decoder")) return this.forget();
    const { low, high } = direction;
    const step = niceStep(low, high);
    const count = Math.floor((high - low) / step + 1e-6) + 1;
    if (count * image_shape.reduce((a, b) => a * b, 1) > MOST_BYTES) return;
    if (this.line?.run === name && this.line.direction === direction && this.place(z)) return;
    const latents = walk(direction, z, Array.from({ length: count }, (_, k) => low + k * step));
    /** @type {Line} */
    const line = { run: name, direction, low, step, latents, pictures: null };
    this.line = line;
    // without them every picture is asked for when it is wanted, and what is wrong is said there
    line.pictures = await this.decoder.decode(name, latents, count).catch(() => null);
    if (!line.pictures && this.line === line) this.line = null; // the next move tries again
  }

  /**
   * The picture of a latent, if it was fetched.
   * @param {string} run
   * @param {Float32Array} z (d,)
   * @returns {{pictures: import("../kit/pixels.js").Decoded, index: number} | null}
   */
  find(run, z) {
    if (this.line?.run !== run || !this.line.pictures) return null;
    const there = this.place(z);
    return there?.exact ? { pictures: this.line.pictures, index: there.index } : null;
  }

  /**
   * Where a latent lies on the line, or null beside it.
   * @param {Float32Array} z (d,)
   */
  place(z) {
    if (!this.line || this.line.latents.length % z.length) return null;
    const { direction, low, step, latents } = this.line;
    const [d, count] = [z.length, this.line.latents.length / z.length];
    const at = (coordinate(direction, z) - low) / step;
    const index = Math.min(count - 1, Math.max(0, Math.round(at)));
    const rest = (at - index) * step * direction.scale; // latent units from the nearest place
    const isOn = z.every((value, i) => Math.abs(latents[index * d + i] + rest * direction.vector[i] - value) < NEAR);
    return isOn ? { index, exact: Math.abs(rest) < NEAR } : null;
  }
}
