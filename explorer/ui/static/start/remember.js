/** Step 1: an image becomes a few numbers and comes back, live under the pointer. */

import { button, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { Pad } from "../kit/pad.js";
import { fitWhole, paint } from "../kit/pixels.js";
import { sides } from "../kit/sides.js";
import { term } from "../kit/term.js";
import { drawnImage } from "../page/drawing.js";
import { Stream } from "../page/stream.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Bars } from "./bars.js";
import { answers, modelBox } from "./pieces.js";
import { titleOf } from "./story.js";

/** @typedef {import("./pieces.js").Step} Step */
/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {{codes: Float32Array[], decodes: Decoded[]}} Returned Of each model. */

/** Widest picture, in pixels, that leaves what is above and below it in sight. */
const large = () => Math.max(256, Math.min(480, innerHeight - 500));

/**
 * What fills a strip of bars: nearly the largest number among codes.
 * @param {Float32Array} points
 */
export function mostOf(points) {
  const sizes = Float32Array.from(points, Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || 1;
}

/** @implements {Step} */
export class Remember {
  /** @param {import("./pieces.js").StartRoom} room */
  constructor(room) {
    this.room = room;
    this.lead = room.models[room.models.length - 1].info;
    this.draws = this.lead.drawing !== null && this.lead.image_shape[0] === 1;
    this.asks = new Latest();
    this.number = -1;
    this.pad = new Pad({ drawn: () => this.drawn(), done: () => this.drawn() });
    /** The image that goes in; one that may be drawn over is shown on the pad. */
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "the image that goes in" });
    this.frame = /** @type {HTMLElement} */ (this.pad.element.firstElementChild);
    this.parts = room.models.map(({ side }) => {
      const bars = new Bars(`what the ${titleOf(side)} keeps`);
      const canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": `what the ${titleOf(side)} draws from it`, "data-blank": "" });
      const place = h("div.xp-st-back", {}, canvas);
      const fit = fitWhole(canvas, place, large);
      return { bars, canvas, fit, element: modelBox(titleOf(side), h("p.xp-st-arrow", {}, term("encoder")), bars.element, h("p.xp-st-arrow", {}, term("decoder")), place) };
    });
    this.said = h("p.xp-st-said", { role: "status" });
    this.back = new Stream(
      (/** @type {Decoded} */ image) => this.sentThrough(image),
      (returned) => this.show(returned),
      { status: room.status, failed: "Nothing came back", limit: 2 },
    );
    this.build();
  }

  build() {
    const { story, models } = this.room;
    const { latent_dim: d, image_shape: shape, noun: { one } } = this.lead;
    const [left, right] = ["ae", "vae"].map((which) => this.parts[models.findIndex(({ side }) => side === which)]?.element ?? null);
    const example = button(this.draws ? "An example" : `Another ${one}`, "Send another image through both models", () => this.example(this.number + 1));
    const clear = button("Clear", "An empty pad", () => this.clear());
    this.input = h("div.xp-st-input", {}, this.draws ? this.frame : this.canvas, h("div.xp-bar", {}, example, this.draws ? clear : null));
    this.frame.dataset.hint = `draw a ${one} here`;
    const [all, both] = [shape.reduce((product, side) => product * side).toLocaleString("en"), models.length > 1];
    this.question = h("p", {}, `A ${one} is ${all} numbers. ${both ? "Each" : "The"} model keeps ${d}.${story.closer ? ` Which one draws the ${one} back better?` : ""}`);
    const titles = [...models.map(({ side }) => titleOf(side)), "Neither"];
    this.guess = story.closer && answers("Your guess:", titles, (k) => this.answer(models[k]?.info.name ?? null));
    this.element = h(
      "div",
      {},
      h("div.xp-st-stage.xp-st-remember", {}, this.input, sides(left, right), h("div.xp-st-act", {}, this.question, this.guess), this.said),
      more(
        "More",
        story.remembered && h("p.xp-prose", {}, story.remembered),
        h("p.xp-prose", {}, `Every ${one} is ${shape.join(" × ")} numbers (channels, height, width); the encoder turns them into ${d}, and the decoder turns these back. Bars go up for positive numbers; the strips of the two models have scales of their own.`),
        !this.draws && h("p.xp-prose", {}, "A decode of a stored code stands for a photograph here: no picture of the data set is part of this step."),
      ),
    );
  }

  async open() {
    const { models, signal, state, status } = this.room;
    for (const { info } of models) for (const part of /** @type {const} */ (["encoder", "decoder"])) source.programs.want(info.name, part);
    // the pad is there at once: codes are for examples, and for how high the bars go
    const coming = Promise.all(models.map(({ info }) => view.points(info.name))).then((points) => {
      this.points = points;
      // the codes of a model with a prior have a width to fill: those that stay far below carry nothing, and look it
      this.most = points.map((each, k) => Math.max(mostOf(each), models[k].side === "vae" ? 1 : 0));
    });
    coming.catch((error) => signal.aborted || status.say(`No examples: ${error.message}`, this));
    const number = /^\d{1,6}$/.test(state.image ?? "") ? Number(state.image) : 0;
    await coming;
    if (!signal.aborted && this.pad.empty) await this.example(number);
  }

  /** Say whose error is smaller. @param {string | null} guess A run, or null for neither. */
  answer(guess) {
    const { closer } = this.room.story;
    if (closer) this.said.textContent = `${guess === closer.run ? "Yes" : "No"}. ${closer.words}`;
  }

  /** The drawing grew. */
  drawn() {
    this.asks.stop(); // an example that is on its way comes too late
    this.frame.toggleAttribute("data-drawn", !this.pad.empty);
    this.frame.removeAttribute("data-example");
    this.room.tell({ image: "" });
    const image = drawnImage(this.pad.canvas, this.lead);
    if (image) this.back.ask(image);
  }

  clear() {
    this.back.drop();
    this.pad.clear();
    for (const { bars, canvas } of this.parts) {
      bars.clear();
      canvas.dataset.blank = "";
    }
    this.drawn();
  }

  /**
   * Send a stored code's decode through.
   * @param {number} number Of an image of the evaluation split.
   */
  async example(number) {
    const { points } = this;
    if (!points) return;
    // a model that ignores its latents draws one picture, and would seem to bring it back best
    const from = this.room.models.reduce((last, { info }, k) => (info.collapse ? last : k), 0);
    const [{ name, latent_dim: d }, z] = [this.room.models[from].info, points[from]];
    this.number = number % (z.length / d);
    const signal = this.asks.next(this.room.signal);
    const image = await source.decode(name, z.slice(this.number * d, (this.number + 1) * d), 1, { signal }).catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (!image || signal.aborted) return;
    paint(this.canvas, image);
    if (this.draws) this.pad.lay(this.canvas);
    this.frame.removeAttribute("data-drawn");
    this.frame.toggleAttribute("data-example", true);
    this.room.tell({ image: this.number ? String(this.number) : "" });
    this.back.ask(image);
  }

  /**
   * @param {Decoded} image
   * @returns {Promise<Returned>}
   */
  async sentThrough(image) {
    const { models, signal } = this.room;
    const pixels = /** @type {Uint8ClampedArray} */ (image.pixels);
    const codes = await Promise.all(models.map(({ info }) => source.encode(info.name, pixels, { signal })));
    const decodes = await Promise.all(models.map(({ info }, k) => source.decode(info.name, codes[k].mean, 1, { signal })));
    return { codes: codes.map(({ mean }) => mean), decodes };
  }

  /** @param {Returned} returned */
  show({ codes, decodes }) {
    this.parts.forEach(({ bars, canvas, fit }, k) => {
      bars.draw(codes[k], this.most?.[k] ?? 3);
      paint(canvas, decodes[k]);
      fit();
      canvas.removeAttribute("data-blank");
      canvas.dataset.latent = Array.from(codes[k]).join(",");
    });
  }
}
