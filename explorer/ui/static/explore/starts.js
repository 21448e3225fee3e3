/** Where Explore may start: an image of the data set or somebody's own, a random draw, the middle; and its buttons. */

import { button, dropdown, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { freshSeed } from "../latent/chance.js";
import { resampled } from "../latent/latent.js";
import { defaultWords, lawOf } from "../latent/laws.js";
import { isPoint } from "../latent/run.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { resampleChoices } from "./levels.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

const LEVELS_HINT = "Level 1 is the top; every level's prior is set by those above it, which resampling keeps.";

/**
 * What a button does when somebody presses it: a later choice than any link's.
 * @param {() => void} act
 */
export const chosen = (act) => () => {
  view.dropWish();
  act();
};

/**
 * The code of an image of the evaluation split; a run's card brings that of one image along.
 * @param {RunInfo} info
 * @param {number} index
 * @param {Pick<typeof view, "points">} [runs]
 * @returns {Promise<Float32Array>} (d,)
 */
export async function codeOf({ name, latent_dim: d, first }, index, runs = view) {
  if (index === first.index) return Float32Array.from(first.latent);
  return (await runs.points(name)).slice(index * d, (index + 1) * d);
}

/** The middle: zero, or the mean of the codes of an autoencoder. @param {RunInfo} info @returns {Float32Array} (d,) */
export const originOf = (info) => (isPoint(info) ? Float32Array.from(info.mean) : new Float32Array(info.latent_dim));

/**
 * What a start is called.
 * @param {Whence} whence
 * @param {RunInfo | null} info
 */
export function startWords({ kind, index, seed, text }, info) {
  if (kind === "image") return `the encoding of test image ${index}`;
  if (kind === "random") return `draw ${seed} from ${text}`;
  if (kind === "link") return "the latent of a link";
  if (kind === "place") return text ?? "a place on the map";
  if (kind === "own") return text ?? "the encoding of your own image";
  return info && isPoint(info) ? "the mean of the encoded data" : "the origin, z = 0";
}

export class Starts {
  /**
   * @param {object} page
   * @param {(z: Float32Array, whence: Whence) => void} page.load Start from a latent.
   * @param {(z: Float32Array) => void} page.stand Stand on a latent that was reached from the start.
   * @param {() => Float32Array} page.latent The latent on show, (d,).
   * @param {(words: string) => void} page.say
   */
  constructor(page) {
    this.page = page;
    /** @type {RunInfo | null} */
    this.info = null;
    this.law = "raw";
    this.seed = freshSeed();
    this.asks = new Latest(); // places to stand on that were asked for
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      step: 1,
      title: "Type the number of a test image and press Enter",
      onchange: chosen(() => this.goNumber()),
    });
    this.lawPlace = h("div");
    this.levels = h("div.xp-levels", { role: "group", "aria-label": "levels of the latent", hidden: true });
    /** The buttons above the fold. */
    this.buttons = [
      button("Random", "A new draw, from the prior unless another law is chosen", chosen(() => this.goRandom(this.seed + 1))),
      button("Real image", "The code of a test image picked at random", chosen(() => this.goAnyImage())),
      button("My picture", "The code of your own picture, or Reconstruct to draw or bring one", chosen(() => this.goOwn())),
    ];
    this.originButton = button("Origin", "The middle: zero, or the mean of the encoded data for an autoencoder", chosen(() => this.goOrigin()));
    this.fields = [this.lawPlace, h("label.xp-field", {}, h("span", {}, "Test image number"), this.number)];
  }

  /** @param {RunInfo} info */
  setRun(info) {
    this.info = info;
    const named = view.state("explore").law;
    this.law = info.laws.some(({ name }) => name === named) ? named : info.default_law;
    this.lawPlace.replaceChildren(
      dropdown(
        "Random draws from",
        info.laws.map(({ name: value, plain }) => ({ value, text: value === info.default_law && info.default_told !== null ? `${plain} (told apart least)` : plain })),
        this.law,
        (law) => {
          this.law = law;
          view.setState(info.name, "explore", { law: law === info.default_law ? "" : law });
        },
        `Where the button Random takes its latents from. ${defaultWords(info)}`,
      ),
    );
    this.number.max = String(info.count - 1);
    const choices = resampleChoices(info.level_sizes);
    this.levels.hidden = !choices.length;
    this.levels.replaceChildren(
      h("div.xp-bar", {}, ...choices.map(({ level, text, hint }) => button(text, hint, chosen(() => this.resample(level))))),
      h("p.xp-hint", {}, LEVELS_HINT),
    );
  }

  /** Say where the latent was started from. @param {Whence} whence */
  show({ kind, index }) {
    this.number.value = kind === "image" ? String(index) : "";
  }

  /** What was asked for is older than what is done now. */
  stop() {
    this.asks.stop();
  }

  /** Start where the run before was started: at the same image or seed, else at the card's own image. @param {Whence} whence */
  async again({ kind, index, seed }) {
    const { info } = this;
    if (!info) return;
    if (kind === "random" && seed) await this.goRandom(seed);
    else if (kind === "origin") this.goOrigin();
    else await this.goImage(kind === "image" && index !== undefined && index < info.count ? index : info.first.index);
  }

  goOrigin() {
    if (this.info) this.page.load(originOf(this.info), { kind: "origin" });
  }

  /** @param {number} seed */
  async goRandom(seed) {
    const { info, law } = this;
    if (!info) return;
    this.seed = seed;
    await this.ask("No draw", (signal) => this.draw(law, seed, signal), (z) => this.page.load(z, { kind: "random", seed, law, text: lawOf(info, law).plain }));
  }

  /**
   * Draw a level and those below it anew; the levels above, and where Reset goes to, stay.
   * @param {number} level From 1, the top one.
   */
  async resample(level) {
    const sizes = this.info?.level_sizes;
    if (!sizes) return;
    this.seed++;
    // given the levels above, the coordinates below are N(0, I) as well: that is what they are measured in
    await this.ask("No draw", (signal) => this.draw("raw", this.seed, signal), (draw) => this.page.stand(resampled(this.page.latent(), draw, sizes, level)));
  }

  /** @param {string} law @param {number} seed @param {AbortSignal} signal @returns {Promise<Float32Array>} (d,) */
  draw(law, seed, signal) {
    return source.ask("draws", /** @type {RunInfo} */ (this.info).name, { query: { law, n: 1, seed }, signal });
  }

  goAnyImage() {
    if (this.info) this.goImage(Math.floor(Math.random() * this.info.count));
  }

  goNumber() {
    const number = this.number.valueAsNumber;
    if (!this.info) return;
    if (Number.isInteger(number) && number >= 0 && number < this.info.count) this.goImage(number);
    else this.page.say(`Test images are numbered 0 to ${this.info.count - 1}.`);
  }

  /** One's own picture where this run has encoded one, else where to bring it. */
  goOwn() {
    const own = this.info && view.own.get(this.info.name);
    if (own) this.page.load(own.latent, own.whence);
    else view.goTo({ tab: "reconstruct" });
  }

  /** @param {number} index */
  async goImage(index) {
    const { info } = this;
    if (info) await this.ask("No code", () => codeOf(info, index), (z) => this.page.load(z, { kind: "image", index }));
  }

  /**
   * Ask for a latent, and take it up unless something newer was asked for.
   * @param {string} failed What there is not.
   * @param {(signal: AbortSignal) => Promise<Float32Array>} question
   * @param {(z: Float32Array) => void} take
   */
  async ask(failed, question, take) {
    const signal = this.asks.next(view.signal);
    try {
      const z = await question(signal);
      if (!signal.aborted) take(z);
    } catch (error) {
      if (!signal.aborted) this.page.say(`${failed}: ${/** @type {Error} */ (error).message}`);
    }
  }
}
