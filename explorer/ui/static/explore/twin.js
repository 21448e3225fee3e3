/** The twin's picture beside the one on show, and how both belong together. */

import { h } from "../kit/dom.js";
import { dim, fitWhole, paint } from "../kit/pixels.js";
import { sameLatent } from "../latent/latent.js";
import { isPoint } from "../latent/run.js";
import { view } from "../page/view.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

const WIDTH = 240;

/**
 * What is to be shown of the twin.
 * @typedef {{info: RunInfo, twin: string, z: Float32Array, start: Float32Array, whence: Whence}} TwinAsked
 */

/**
 * The twin's latent that belongs to the one on show, and in which way.
 * @param {TwinAsked} asked
 * @param {Pick<typeof view, "info" | "points">} runs
 * @param {Pick<import("../source/source.js").Source, "ask">} from
 * @returns {Promise<{latent: Float32Array, words: string}>}
 */
export async function twinLatent({ info, twin, z, start, whence }, runs, from) {
  const other = await runs.info(twin);
  const d = other.latent_dim;
  if (sameLatent(z, start)) {
    const { kind, index, seed, law, text } = whence;
    if (kind === "image" && index !== undefined && index < other.count) {
      const points = await runs.points(twin);
      return { latent: points.slice(index * d, (index + 1) * d), words: `the same test image ${index}, as ${twin} encodes it` };
    }
    if (kind === "random" && seed !== undefined && law && other.laws.some(({ name }) => name === law)) {
      return { latent: await from.ask("draws", twin, { query: { law, n: 1, seed } }), words: `draw ${seed} of ${twin} from ${text}: the same random numbers` };
    }
    if (kind === "origin") {
      const latent = isPoint(other) ? Float32Array.from(other.mean) : new Float32Array(d);
      return { latent, words: isPoint(other) ? `the mean of the codes of ${twin}` : `the origin of ${twin}, z = 0` };
    }
  }
  return { latent: await from.ask("twinsView", info.name, { body: z }), words: `the picture on show, as ${twin} encodes and decodes it` };
}

export class Beside {
  /** @param {() => {z: Float32Array, start: Float32Array, whence: Whence}} here What is on show, and whence. */
  constructor(here) {
    this.here = here;
    /** @type {RunInfo | null} */
    this.info = null;
    this.fit = () => {};
    this.pictures = new NewestWins(
      async (/** @type {TwinAsked} */ asked) => {
        const { latent, words } = await twinLatent(asked, view, source);
        return { latent, words, decoded: await source.decode(asked.twin, latent, 1) };
      },
      ({ latent, words, decoded }, { info }) => {
        if (info !== this.info) return;
        paint(this.canvas, decoded);
        this.canvas.dataset.latent = Array.from(latent).join(",");
        this.fit();
        this.figure.hidden = false;
        dim(this.canvas, false);
        this.caption.textContent = `Twin: ${words}.`;
      },
      (error) => {
        dim(this.canvas, true);
        const { message } = /** @type {Error} */ (error);
        this.figure.hidden = false;
        this.caption.textContent = error instanceof Unreachable ? message : `No picture of the twin: ${message}`;
      },
      2,
    );
    this.box = h("input", { type: "checkbox", onchange: () => this.show() });
    this.words = h("span");
    this.canvas = h("canvas.xp-image", { width: 1, height: 1, role: "img", "aria-label": "the twin's image" });
    this.caption = h("figcaption");
    this.figure = h("figure.xp-card", { hidden: true }, this.canvas, this.caption);
    this.element = h(
      "div.xp-beside.xp-column",
      {},
      h("label.xp-check", { title: "Show what the model that was fitted alike makes of the same start" }, this.box, this.words),
      this.figure,
    );
    this.fit = fitWhole(this.canvas, this.element, (room) => Math.min(WIDTH, room));
  }

  /** @param {RunInfo} info */
  setRun(info) {
    if (info !== this.info) {
      this.pictures.drop();
      this.figure.hidden = true;
    }
    this.info = info;
    this.element.hidden = !info.twin;
    this.words.textContent = `Show the twin, ${info.twin}`;
  }

  /** Show what belongs to the latent on show, where it is asked for. */
  show() {
    const { info } = this;
    if (!info?.twin || !this.box.checked) {
      this.pictures.drop();
      this.figure.hidden = true;
      return;
    }
    const { z, start, whence } = this.here();
    this.pictures.ask({ info, twin: info.twin, z: z.slice(), start: start.slice(), whence });
  }
}
