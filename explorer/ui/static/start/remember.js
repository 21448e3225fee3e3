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

const LARGE = 256;

/**
 * Three answers to how many numbers hold an image: its own, ten times as many, half of its pixels.
 * @param {import("../latent/run.js").RunInfo} info
 */
export function sizesOf({ latent_dim: d, image_shape: [channels, height, width] }) {
  const all = channels * height * width;
  return [...new Set([d, Math.min(10 * d, all), Math.round(all / 2)])].sort((a, b) => a - b);
}

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
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "the image that goes in" });
    this.frame = /** @type {HTMLElement} */ (this.pad.element.firstElementChild);
    this.parts = room.models.map(({ side }) => {
      const bars = new Bars(`what the ${titleOf(side)} keeps`);
      const canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": `what the ${titleOf(side)} draws from it` });
      const place = h("div.xp-st-back", {}, canvas);
      const fit = fitWhole(canvas, place, LARGE);
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
    const { one } = this.lead.noun;
    const [left, right] = ["ae", "vae"].map((which) => this.parts[models.findIndex(({ side }) => side === which)]?.element ?? null);
    const example = button(this.draws ? "An example" : `Another ${one}`, "Send another image through both models", () => this.example(this.number + 1));
    const clear = button("Clear", "An empty pad", () => this.clear());
    this.input = h("div.xp-st-input", {}, this.draws ? this.frame : null, this.canvas, h("div.xp-bar", {}, example, this.draws ? clear : null));
    this.canvas.hidden = this.draws;
    this.frame.dataset.hint = `draw a ${one} here`;
    this.question = h("p", {}, `How few numbers hold a ${one}? Guess${this.draws ? ", then draw." : "."}`);
    const sizes = sizesOf(this.lead);
    this.guess = answers("Your guess:", sizes.map(String), (k) => this.answer(sizes[k]));
    this.element = h(
      "div",
      {},
      h("div.xp-st-stage.xp-st-remember", {}, this.input, sides(left, right), h("div.xp-st-act", {}, this.question, this.guess), this.said),
      more(
        "More",
        story.remembered && h("p.xp-prose", {}, story.remembered),
        h("p.xp-prose", {}, `Every ${one} is ${this.lead.image_shape.join(" × ")} numbers (channels, height, width); the encoder turns them into ${this.lead.latent_dim}, and the decoder turns these back. Bars go up for positive numbers; the strips of the two models have scales of their own.`),
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
      this.most = points.map(mostOf);
    });
    coming.catch((error) => signal.aborted || status.say(`No examples: ${error.message}`, this));
    const number = /^\d{1,6}$/.test(state.image ?? "") ? Number(state.image) : -1;
    if (number < 0 && this.draws) return;
    await coming;
    if (!signal.aborted) await this.example(Math.max(0, number));
  }

  /** Say how many numbers it takes. @param {number} [guess] */
  answer(guess) {
    const { latent_dim: d } = this.lead;
    const { models } = this.room;
    const right = guess === undefined ? "" : guess === d ? "Yes: " : "Fewer: ";
    this.said.textContent = `${right}${d} numbers. From these alone ${models.length > 1 ? "both models draw" : "the model draws"} it again.`;
  }

  /** The drawing grew. */
  drawn() {
    this.canvas.hidden = true;
    this.frame.hidden = false;
    this.frame.toggleAttribute("data-drawn", !this.pad.empty);
    this.room.tell({ image: "" });
    const image = drawnImage(this.pad.canvas, this.lead);
    if (image) this.back.ask(image);
  }

  clear() {
    this.back.drop();
    this.pad.clear();
    for (const { bars, canvas } of this.parts) {
      bars.clear();
      canvas.width = canvas.width; // eslint-disable-line no-self-assign -- empties it
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
    const d = this.lead.latent_dim;
    const z = points[points.length - 1];
    this.number = number % (z.length / d);
    const signal = this.asks.next(this.room.signal);
    const image = await source.decode(this.lead.name, z.slice(this.number * d, (this.number + 1) * d), 1, { signal });
    this.pad.clear();
    this.canvas.hidden = false;
    if (this.draws) this.frame.hidden = true;
    paint(this.canvas, image);
    this.room.tell({ image: this.number ? String(this.number) : this.draws ? "0" : "" });
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
      canvas.dataset.latent = Array.from(codes[k]).join(",");
    });
    if (!this.said.textContent) this.answer();
  }
}
