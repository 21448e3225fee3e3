/** The small pictures at both ends of each slider: where it leads from here. */

import { h } from "../kit/dom.js";
import { dim, paint, shownWidth } from "../kit/pixels.js";
import { walk } from "../latent/latent.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {{direction: Direction, ends: [HTMLCanvasElement, HTMLCanvasElement]}} EndsRow */

const WIDTH = 56;

/** A picture at an end of a slider, which a click goes to; keys go there by Home and End. @param {string} title @param {() => void} go */
export const endCanvas = (title, go) => h("canvas.xp-slider-end", { width: 1, height: 1, "aria-hidden": "true", title, onclick: go });

/**
 * The latents at both ends of directions, all else as it is.
 * @param {Direction[]} directions
 * @param {Float32Array} z (d,)
 * @returns {Float32Array} (2 * directions * d), low before high.
 */
export function endLatents(directions, z) {
  const all = new Float32Array(2 * directions.length * z.length);
  directions.forEach((direction, k) => all.set(walk(direction, z, [direction.low, direction.high]), 2 * k * z.length));
  return all;
}

export class SliderEnds {
  constructor() {
    this.pictures = new NewestWins(
      (/** @type {{run: string, rows: EndsRow[], z: Float32Array}} */ { run, rows, z }) =>
        source.decode(run, endLatents(rows.map(({ direction }) => direction), z), 2 * rows.length, { priority: "ahead" }),
      (decoded, { rows }) => this.paint(decoded, rows),
      (_, { rows }) => rows.forEach(({ ends }) => ends.forEach((canvas) => dim(canvas, true))),
      1,
    );
  }

  /**
   * Show where sliders lead from a latent.
   * @param {RunInfo} info
   * @param {EndsRow[]} rows
   * @param {Float32Array} z (d,)
   */
  show({ name }, rows, z) {
    if (rows.length) this.pictures.ask({ run: name, rows: [...rows], z: z.slice() });
  }

  drop() {
    this.pictures.drop();
  }

  /** @param {import("../kit/pixels.js").Decoded} decoded @param {EndsRow[]} rows */
  paint(decoded, rows) {
    const [, height, width] = decoded.shape;
    const wide = shownWidth(width, WIDTH, height);
    rows.forEach(({ ends }, row) =>
      ends.forEach((canvas, end) => {
        paint(canvas, decoded, 2 * row + end);
        canvas.style.width = `${wide}px`;
        dim(canvas, false);
      }),
    );
  }
}
