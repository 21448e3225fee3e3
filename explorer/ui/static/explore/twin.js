/** The twin's picture beside the one on show, and how both belong together. */

import { h } from "../kit/dom.js";
import { dim, fitWhole, paint } from "../kit/pixels.js";
import { sideOf } from "../kit/sides.js";
import { sameLatent } from "../latent/latent.js";
import { isPoint } from "../latent/run.js";
import { TrustLine } from "../page/trust.js";
import { view } from "../page/view.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { modelWords, stageWidth } from "./stage.js";
import { codeOf, originOf } from "./starts.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

/**
 * What is to be shown of the twin.
 * @typedef {{info: RunInfo, twin: string, z: Float32Array, start: Float32Array, whence: Whence}} TwinAsked
 */

/**
 * The twin's latent that belongs to the one on show, and in which way.
 * @param {TwinAsked} asked
 * @param {Pick<typeof view, "info" | "points">} runs
 * @param {Pick<import("../source/source.js").Source, "ask"> & {programs?: import("../source/programs.js").Programs}} from
 * @returns {Promise<{latent: Float32Array, words: string}>}
 */
export async function twinLatent({ info, twin, z, start, whence }, runs, from) {
  const other = await runs.info(twin);
  if (sameLatent(z, start)) {
    const { kind, index, seed, law, text } = whence;
    if (kind === "image" && index !== undefined && index < other.count) {
      return { latent: await codeOf(other, index, runs), words: `the same test image ${index}, as ${twin} encodes it` };
    }
    if (kind === "random" && seed !== undefined && info.laws.some(({ name }) => name === law)) {
      const theirs = other.laws.find(({ name }) => name === law) ?? other.laws[other.laws.length - 1]; // ten bells, where it asks for no more
      const words = `draw ${seed} of ${twin} from ${theirs.name === law ? text : theirs.plain}: the same random numbers`;
      return { latent: await from.ask("draws", twin, { query: { law: theirs.name, n: 1, seed } }), words };
    }
    if (kind === "origin") return { latent: originOf(other), words: isPoint(other) ? `the mean of the codes of ${twin}` : `the origin of ${twin}, z = 0` };
  }
  const latent = from.programs?.roundTrip(info.name, z, twin) ?? (await from.ask("twinsView", info.name, { body: z })); // in the browser where it can
  return { latent, words: `the picture on show, as ${twin} encodes and decodes it` };
}

/** Whether the browser by itself lets the twin follow a hand. @param {string} run @param {string} twin */
const followsHere = (run, twin) => Boolean(source.programs.of(run, "decoder")?.here && source.programs.of(twin, "encoder")?.here && source.programs.of(twin, "decoder"));

export class Beside {
  /** @param {() => {z: Float32Array, start: Float32Array, whence: Whence}} here What is on show, and whence. */
  constructor(here) {
    this.here = here;
    /** @type {RunInfo | null} */
    this.info = null;
    this.fit = () => {};
    this.pictures = new NewestWins(
      async (/** @type {TwinAsked & {passing: boolean}} */ asked) => {
        const { latent, words } = await twinLatent(asked, view, source);
        return { latent, words, decoded: await source.decode(asked.twin, latent, 1) };
      },
      (found, asked) => asked.info === this.info && this.paint(found, asked),
      (error) => {
        dim(this.canvas, true);
        const { message } = /** @type {Error} */ (error);
        this.caption.textContent = error instanceof Unreachable ? message : `No picture of the twin: ${message}`;
      },
      2,
    );
    this.name = h("h2.xp-side-name");
    this.told = h("p.xp-hint");
    this.trust = new TrustLine(this.told);
    this.canvas = h("canvas.xp-twin-image", { width: 28, height: 28, role: "img", "aria-label": "the twin's image" });
    this.caption = h("p.xp-hint.xp-twin-words");
    this.element = h("div.xp-beside", {}, this.name, h("div.xp-frame", {}, this.canvas), this.trust.element);
    this.fit = fitWhole(this.canvas, this.element, stageWidth);
  }

  /** @param {RunInfo} info Of the run on show; its twin is of the other kind and of images as large. */
  setRun(info) {
    this.drop();
    this.info = info;
    this.caption.textContent = "";
    this.told.replaceChildren();
    [, this.canvas.height, this.canvas.width] = info.image_shape;
    this.name.textContent = modelWords(sideOf(info) === "ae" ? "vae" : "ae");
    dim(this.canvas, true); // until it is this twin's picture
    this.fit();
  }

  /**
   * Show what belongs to the latent on show.
   * @param {boolean} [passing] Whether a hand moves it on: then only where nobody has to be asked.
   */
  show(passing = false) {
    const { info } = this;
    if (!info?.twin) return;
    if (passing) this.trust.doubt();
    if (passing && !followsHere(info.name, info.twin)) return dim(this.canvas, true);
    const { z, start, whence } = this.here();
    this.pictures.ask({ info, twin: info.twin, z: z.slice(), start: start.slice(), whence, passing });
  }

  /**
   * @param {{latent: Float32Array, words: string, decoded: import("../kit/pixels.js").Decoded}} found
   * @param {TwinAsked & {passing: boolean}} asked
   */
  paint({ latent, words, decoded }, { twin, z, start, whence, passing }) {
    paint(this.canvas, decoded);
    this.canvas.dataset.latent = Array.from(latent).join(",");
    this.fit();
    dim(this.canvas, false);
    this.caption.textContent = `Twin: ${words}.`;
    if (!passing) this.trust.judge(twin, latent, sameLatent(z, start) && whence.kind !== "image" ? "draws" : "means"); // else the encoder put it there
  }

  drop() {
    this.pictures.drop();
    this.trust.drop();
  }
}
