/** A row of pictures along one direction, centred on where the latent was started from. */

import { h, setCurrent } from "../kit/dom.js";
import { dim, paint, shownWidth } from "../kit/pixels.js";
import { directionName } from "../latent/directions.js";
import { around, coordinate, walk } from "../latent/latent.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const FRAMES = 9;
const SMOOTH = 33; // frames of an animation of the walk
const FRAME_WIDTH = 56;

export class Filmstrip {
  /** @param {(direction: Direction, value: number) => void} go Called with the picture that was clicked. */
  constructor(go) {
    this.go = go;
    /** @type {Direction | undefined} */
    this.direction = undefined;
    /** @type {RunInfo | null} */
    this.info = null;
    this.label = h("p.xp-hint.xp-all-told");
    this.strip = h("div.xp-strip", { role: "group" });
    this.element = h("div", {}, this.label, this.strip);
    this.frames = new NewestWins(
      (/** @type {{run: string, latents: Float32Array, values: number[], direction: Direction}} */ { run, latents }) =>
        source.decode(run, latents, FRAMES, { priority: "ahead" }),
      (decoded, request) => this.paint(decoded, request),
      () => dim(this.strip, true),
      2,
    );
  }

  /**
   * Show the walk through a latent.
   * @param {RunInfo} info
   * @param {Direction | undefined} direction
   * @param {Float32Array} z (d,)
   * @param {Float32Array} start Its coordinate is the middle of the strip, (d,).
   */
  show(info, direction, z, start) {
    this.info = info;
    this.direction = direction;
    this.element.hidden = !direction;
    if (!direction) return;
    const values = around(direction, coordinate(direction, start), FRAMES);
    this.frames.ask({ run: info.name, latents: walk(direction, z, values), values, direction });
  }

  drop() {
    this.frames.drop();
  }

  /**
   * @param {import("../kit/pixels.js").Decoded} decoded
   * @param {{values: number[], direction: Direction}} request
   */
  paint(decoded, { values, direction }) {
    if (direction !== this.direction) return;
    const name = directionName(direction, this.info?.level_sizes);
    this.label.textContent = `Along ${name}, centred on where you started, all else as it is: click a picture to go there.`;
    this.strip.setAttribute("aria-label", `pictures along ${name}`);
    const [, height, width] = decoded.shape;
    const wide = shownWidth(width, FRAME_WIDTH);
    const frames = values.map((value, k) => {
      const canvas = h("canvas.xp-image", { width, height });
      canvas.style.width = `${wide}px`;
      paint(canvas, decoded, k);
      const text = value.toFixed(1).replace("-", "\u2212").replace(/^\u2212(0\.0)$/, "$1");
      return h(
        "button.xp-film",
        {
          type: "button",
          title: `Go to ${name} = ${text}`,
          "aria-label": `${name} ${text}`,
          "data-value": value,
          onclick: () => this.go(direction, value),
        },
        canvas,
        h("span.xp-all-told", {}, text),
      );
    });
    const focused = [...this.strip.children].indexOf(/** @type {any} */ (document.activeElement));
    this.strip.replaceChildren(...frames);
    dim(this.strip, false);
    if (focused >= 0) frames[focused].focus();
    this.mark(this.latent);
  }

  /** @type {Float32Array | null} */
  latent = null;

  /**
   * Mark the picture that is nearest to the latent.
   * @param {Float32Array | null} z
   */
  mark(z) {
    this.latent = z;
    if (!this.direction || !z) return;
    const value = coordinate(this.direction, z);
    const frames = /** @type {HTMLElement[]} */ ([...this.strip.children]);
    const distance = (/** @type {HTMLElement} */ frame) => Math.abs(Number(frame.dataset.value) - value);
    const nearest = frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best), frames[0]);
    for (const frame of frames) setCurrent(frame, frame === nearest);
  }

  /**
   * The walk as frames to export: few for a sheet, many for what moves.
   * @param {boolean} moving
   * @param {Float32Array} z
   * @param {Float32Array} start
   */
  walk(moving, z, start) {
    const { direction } = this;
    if (!direction) return null;
    const values = around(direction, coordinate(direction, start), moving ? SMOOTH : FRAMES);
    return { direction, values, latents: walk(direction, z, values), count: values.length };
  }
}
