/** Find a direction between two groups of images in another way: by logistic regression, or with another projected out. */

import { button, dropdown, h } from "../kit/dom.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {{name: string, members: number, others: number}} Group Images that have and lack something. */

const METHODS = [
  { value: "means", text: "difference of means" },
  { value: "logistic", text: "logistic regression" },
];
const MOST_REFUSED = 12; // names in the sentence on what has too few images

/**
 * Which groups have too few images for a direction, as a sentence; "" where all have enough.
 * @param {Group[]} groups
 * @param {number} fewest
 */
export function refusal(groups, fewest) {
  const few = groups.filter(({ members, others }) => Math.min(members, others) < fewest);
  if (!few.length) return "";
  const names = few.slice(0, MOST_REFUSED).map(({ name, members, others }) => `${name.replaceAll("_", " ")} (${Math.min(members, others)})`);
  const more = few.length > MOST_REFUSED ? ` and ${few.length - MOST_REFUSED} more` : "";
  return `Not offered, for a direction needs ${fewest} images with it and ${fewest} without: ${names.join(", ")}${more}.`;
}

export class Finder {
  /** @param {() => void} done A direction was found; it is the newest that the view offers. */
  constructor(done) {
    this.done = done;
    /** @type {RunInfo | null} */
    this.info = null;
    this.kind = "class";
    this.asked = { name: "", method: "logistic", without: "" };
    this.place = h("div.xp-bar");
    this.refused = h("p.xp-hint");
    this.status = h("p.xp-status", { role: "status" });
    this.element = h(
      "details.xp-fold",
      { ontoggle: () => this.offer() },
      h("summary", {}, "Find a direction another way"),
      h(
        "p.xp-hint",
        {},
        "A difference of means takes along whatever goes along with a group in the data. The normal of a logistic regression leaves out what only goes along, " +
          "and another direction can be projected out, so that it stands still along the walk.",
      ),
      this.place,
      this.status,
      this.refused,
    );
  }

  /** @param {RunInfo} info */
  setRun(info) {
    this.info = info;
    this.status.textContent = "";
    this.kind = info.directions.attributes?.length ? "attribute" : "class";
    this.element.hidden = !info.directions.attributes?.length && !info.directions.classes?.length;
    this.place.replaceChildren();
    this.refused.textContent = "";
    this.offer();
  }

  /** Ask which groups there are, and offer those with enough images. */
  async offer() {
    const { info } = this;
    if (!info || !this.element.open || this.element.hidden || this.place.childElementCount) return;
    /** @type {{fewest: number, class: Group[], attribute: Group[]}} */
    let known;
    try {
      known = await view.once(`contrasts ${info.name}`, () => source.ask("contrasts", info.name));
    } catch (error) {
      if (info === this.info) this.status.textContent = `No groups: ${/** @type {Error} */ (error).message}`;
      return;
    }
    if (info !== this.info) return;
    const groups = known[/** @type {"class"} */ (this.kind)];
    const enough = groups.filter(({ members, others }) => Math.min(members, others) >= known.fewest);
    if (!enough.length) return;
    const options = enough.map(({ name }) => ({ value: name, text: name.replaceAll("_", " ") }));
    this.asked = { name: enough[0].name, method: "logistic", without: "" };
    this.place.replaceChildren(
      dropdown("Direction to", options, this.asked.name, (name) => (this.asked.name = name), "What the images at its far end have"),
      dropdown("Found by", METHODS, this.asked.method, (method) => (this.asked.method = method), "How the direction is found"),
      dropdown("Projected out", [{ value: "", text: "nothing" }, ...options], "", (without) => (this.asked.without = without), "What is to stand still along the walk"),
      button("Find it", "Find this direction and add it to the set Found", () => this.find()),
    );
    this.refused.textContent = refusal(groups, known.fewest);
  }

  async find() {
    const { info } = this;
    if (!info) return;
    const mine = ++this.finds;
    this.status.classList.add("xp-neutral");
    this.status.textContent = "Looking for it…";
    try {
      const { direction } = await source.ask("direction", info.name, { query: { kind: this.kind, ...this.asked } });
      if (mine !== this.finds || info !== this.info) return;
      this.status.textContent = "";
      view.offer(info.name, direction);
      this.done();
    } catch (error) {
      if (mine !== this.finds || info !== this.info) return;
      this.status.classList.remove("xp-neutral");
      this.status.textContent = `Not found: ${/** @type {Error} */ (error).message}`;
    }
  }

  finds = 0;
}
