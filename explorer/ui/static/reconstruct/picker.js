/** Which test image is on show: the next one above the fold; by number, class or error behind More. */

import { button, dropdown, h } from "../kit/dom.js";
import { shuffled } from "../latent/chance.js";
import { view } from "../page/view.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * Indices in an order of a score.
 * @param {Float32Array} scores (N,)
 * @param {number[]} among Which images.
 * @param {boolean} worst Highest first.
 * @returns {number[]}
 */
export function ranked(scores, among, worst) {
  return [...among].sort((a, b) => (worst ? scores[b] - scores[a] : scores[a] - scores[b]));
}

export class Picker {
  /**
   * @param {object} tab
   * @param {(index: number) => void} tab.choose
   * @param {(words: string) => void} tab.say
   * @param {(error: Error) => void} tab.fail
   */
  constructor(tab) {
    this.tab = tab;
    this.index = 0;
    this.label = "any";
    /** @type {number[]} */
    this.order = [];
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {Int32Array | null} */
    this.labels = null;
    this.number = h("input.xp-number", { type: "number", min: 0, step: 1, onchange: () => this.typed() });
    this.classes = h("div");
    this.element = h(
      "div.xp-bar",
      { role: "group", "aria-label": "choose an image" },
      button("Previous", "The image before in this order", () => this.along(-1)),
      button("Next", "The next image in this order", () => this.along(1)),
      button("Shuffle", "An image at random", () => {
        this.order = shuffled(this.among());
        this.tab.choose(this.order[0]);
      }),
    );
    this.more = h(
      "div.xp-bar",
      { role: "group", "aria-label": "choose a test image" },
      h("label.xp-field", {}, h("span", {}, "Test image"), this.number),
      this.classes,
      button("Worst", "The image with the largest distortion; Next goes on from there", () => this.extreme(true)),
      button("Best", "The image with the smallest distortion; Next goes on from there", () => this.extreme(false)),
    );
  }

  /**
   * @param {RunInfo} info
   * @param {Int32Array | null} labels
   */
  setRun(info, labels) {
    Object.assign(this, { info, labels });
    const { count, classes } = info;
    if (this.index >= count) this.index = 0;
    if (this.label !== "any" && Number(this.label) >= (classes?.length ?? 0)) this.label = "any";
    this.order = this.among();
    Object.assign(this.number, { max: count - 1, title: `An image's number, 0 to ${count - 1}` });
    const options = [{ value: "any", text: "any" }, ...(classes ?? []).map((name, i) => ({ value: String(i), text: name }))];
    this.classes.hidden = !classes || !labels;
    this.classes.replaceChildren(dropdown("Class", options, this.label, (label) => this.limit(label), "Only images of this class"));
  }

  /** @returns {number[]} The images of the chosen class. */
  among() {
    const all = Array.from({ length: this.info?.count ?? 0 }, (_, i) => i);
    const { labels } = this;
    return this.label === "any" || !labels ? all : all.filter((i) => labels[i] === Number(this.label));
  }

  /** Only images of a class. @param {string} label */
  limit(label) {
    this.label = label;
    this.order = this.among();
    if (this.order.length) this.tab.choose(this.order[Math.floor(Math.random() * this.order.length)]);
    else this.tab.say("No test image has this label.");
  }

  typed() {
    const index = this.number.valueAsNumber;
    const count = this.info?.count ?? 1;
    if (Number.isInteger(index) && index >= 0 && index < count) return this.tab.choose(index);
    this.number.value = String(this.index);
    this.tab.say(`There is no such image: images 0 to ${count - 1}.`);
  }

  /** @param {boolean} worst */
  async extreme(worst) {
    if (!this.info) return;
    const scores = await view.scalar(this.info.name, "distortion").catch((error) => void this.tab.fail(error));
    if (scores === undefined) return;
    if (!scores) return this.tab.say("This run has no likelihood, so its images have no distortion.");
    this.order = ranked(scores, this.among(), worst);
    if (this.order.length) this.tab.choose(this.order[0]);
  }

  /** @param {number} steps */
  along(steps) {
    const { order } = this;
    if (order.length) this.tab.choose(order[(order.indexOf(this.index) + steps + order.length) % order.length]);
  }

  /** This image is on show. @param {number} index */
  show(index) {
    this.index = index;
    this.number.value = String(index);
  }
}
