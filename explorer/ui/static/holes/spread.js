/** The curves of p-values under each sampling law, of both models. */

import { h } from "../kit/dom.js";
import { StatusLine } from "../kit/status.js";
import { Figure } from "../page/figure.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const CURVES_HINT =
  "How far samples are from codes, by sampling law: the height of a curve at 0.05 is the share of samples that fall in holes. " +
  "Codes of new images follow the thin line; a curve above it means that more samples than images lie in holes.";

export class Distributions {
  constructor() {
    /** @type {RunInfo[]} */
    this.pair = [];
    this.figures = [0, 1].map(
      (i) =>
        new Figure("p-values of samples by sampling law", {
          fail: (error) => this.words[i].say(`No curves: ${error.message}`),
          drawn: () => this.words[i].say(""),
        }),
    );
    this.titles = [h("h4"), h("h4")];
    this.words = [new StatusLine(), new StatusLine()];
    this.cards = this.figures.map((figure, i) => h("section.xp-half", {}, this.titles[i], figure.element, this.words[i].element));
    this.element = h("section.xp-holes-laws", { "aria-label": "p-values of samples" }, h("h3", {}, "What the sampling laws draw"), h("p.xp-hint", {}, CURVES_HINT), h("div.xp-twins.xp-curves", {}, ...this.cards));
  }

  /** @param {RunInfo[]} pair The autoencoder first, one or two runs. */
  setPair(pair) {
    this.pair = pair;
    this.cards.forEach((card, i) => {
      card.hidden = !pair[i];
      this.titles[i].textContent = pair[i]?.name ?? "";
      this.figures[i].drop();
    });
  }

  /** Draw them: somebody looks. */
  show() {
    this.pair.forEach(({ name }, i) => {
      if (this.figures[i].request?.run !== name) this.figures[i].show(name, "p-values");
    });
  }
}
