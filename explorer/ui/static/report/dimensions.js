/** What each latent dimension of a run carries. */

import { dropdown, h } from "../kit/dom.js";
import { shown } from "../latent/numbers.js";
import { Chart } from "./chart.js";
import { activeWords } from "./story.js";

/** @typedef {import("./story.js").Story} Story */

const OVER_EPOCHS = /** @type {const} */ ([
  {
    of: "rates",
    known: "has_rates",
    label: "rate of each latent axis over the epochs",
    hint:
      "What each axis carries of an image: the weaker it is at the end, the fainter its line. Dotted lines are collapsed axes, " +
      "which stay near 0 or sink to it.",
  },
  {
    of: "deviations",
    known: "has_deviations",
    label: "posterior deviation of each latent axis over the epochs",
    hint:
      "How wide the encoder leaves each code, on held-out images; dashed: the prior's 1. Near 1 with a rate near 0 the axis says " +
      "nothing of the image (collapsed); well below 1 the image pins it down.",
  },
  {
    of: "levels",
    known: "has_levels",
    label: "rate of each level of latents over the epochs",
    hint: "What each level of latents carries, level 1 being the top: a level near 0 is skipped, and the others do its work.",
  },
]);

/** What the dimensions of one run carry. */
export class Dimensions {
  constructor() {
    this.title = h("h3");
    this.words = h("p.xp-hint");
    this.bars = new Chart("each latent axis, strongest first", "", {
      click: (/** @type {import("../kit/charts.js").Pointed} */ { index }) => index !== null && this.choose(index),
    });
    this.lines = OVER_EPOCHS.map(({ label, hint }) => new Chart(label, hint));
    this.codes = new Chart("histogram of one latent axis", "", { drawn: () => this.read() });
    this.unknown = h("p.xp-hint", {}, "How these rates settled over the epochs is not known.");
    this.pick = h("div.xp-bar");
    this.codes.caption.setAttribute("aria-live", "polite");
    this.element = h(
      "section.xp-half",
      {},
      this.title,
      this.words,
      this.bars.element,
      this.pick,
      this.codes.element,
      this.unknown,
      ...this.lines.map(({ element }) => element),
    );
    /** @type {Story | null} */
    this.story = null;
    /** @type {Record<string, string>} */
    this.beside = {};
  }

  /**
   * @param {Story | null} story
   * @param {Record<string, string>} beside Of a figure's query: the run that it is compared with.
   */
  setStory(story, beside) {
    this.story = story;
    this.beside = beside;
    this.element.hidden = !story;
    if (!story) {
      for (const { figure } of [this.bars, this.codes, ...this.lines]) figure.remove();
      return;
    }
    this.title.textContent = story.name;
    const scale = story.point ? " An autoencoder has no rate: the bars are variances of its codes, on a scale of its own." : "";
    this.words.textContent = activeWords(story) + scale;
    this.bars.show(true, story.name, "axis-bars", beside);
    OVER_EPOCHS.forEach(({ of, known }, i) => this.lines[i].show(story[known], story.name, "axis-lines", { of, ...beside }));
    this.unknown.hidden = story.point || story.has_rates || Boolean(story.note);
    const options = story.axes.map(({ axis, rate, variance, active }) => ({
      value: String(axis),
      text: `axis ${axis}, ${story.point ? `variance ${shown(variance)}` : `${shown(rate)} nats`}${active ? "" : ", collapsed"}`,
    }));
    const field = dropdown("Codes of", options, options[0].value, (axis) => this.choose(Number(axis)), "Which dimension's codes to look at");
    this.select = field.querySelector("select");
    this.pick.replaceChildren(field);
    this.choose(story.axes[0].axis);
  }

  /** @param {number} axis */
  choose(axis) {
    if (!this.story) return;
    if (this.select) this.select.value = String(axis);
    this.codes.show(true, this.story.name, "axis-histogram", { axis, ...this.beside });
  }

  read() {
    const { axis, mean, deviation, prior } = this.codes.figure.meta;
    if (mean === undefined) return;
    const words = `Bars: drawn codes of axis ${axis}, mean ${shown(mean, 2)}, standard deviation ${shown(deviation)}.`;
    this.codes.say(
      prior
        ? `${words} Dashed: the prior N(0, 1); where it stands above the bars it draws latents that images seldom use.`
        : `${words} Dashed: a Gaussian of the same mean and deviation. An autoencoder has no prior, so its scale is its own.`,
    );
  }
}
