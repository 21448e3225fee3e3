/** What the planes of Holes are coloured by: the choice of layer and sampling law, and why a layer is not offered. */

import { dropdown, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * @typedef {object} LayerInfo
 * @property {string} name
 * @property {string} title
 * @property {string} reading How to read it.
 * @property {boolean} calibrated Whether its values are p-values.
 * @property {boolean} has_law Whether it asks about the samples of a law.
 * @property {string | null} reason Why the pair cannot have it.
 */

const OTHER_SLICE = "this page stores them for the first slice only; a server computes them for any";

export class LayerChoice {
  /**
   * @param {object} wishes
   * @param {() => void} wishes.chosen Another layer, or another law of it.
   * @param {(words: string) => void} wishes.say
   */
  constructor(wishes) {
    this.wishes = wishes;
    this.layer = "vacancy";
    this.law = "white";
    /** @type {LayerInfo[]} */
    this.layers = [];
    this.isUsual = true; // the slice
    this.visits = new Latest();
    this.field = h("div.xp-holes-field");
    this.lawField = h("div.xp-holes-field");
    this.lawField.hidden = true;
    this.reading = h("p.xp-hint", { role: "status" });
    this.missing = h("p.xp-hint");
  }

  /** What a figure or place is asked for with. */
  get query() {
    return { layer: this.layer, law: this.law };
  }

  /**
   * @param {RunInfo[]} pair
   * @param {string} run The run on show.
   * @param {Readonly<Record<string, string>>} [state] What the address says: `layer` and `maplaw`.
   */
  async setPair(pair, run, state = {}) {
    const signal = this.visits.next();
    this.layer = "vacancy";
    this.layers = []; // those on offer were another pair's
    const laws = pair[0].laws.map(({ name: value, title: text }) => ({ value, text }));
    this.law = laws.some(({ value }) => value === state.maplaw) ? state.maplaw : "white";
    const hint = "Which samples the layer asks about";
    this.lawField.replaceChildren(dropdown("Sampling law", laws, this.law, (law) => this.chooseLaw(law), hint));
    this.lawField.hidden = true;
    this.show();
    try {
      const { layers } = await source.ask("layers", run, { signal });
      if (signal.aborted) return;
      this.layers = layers;
    } catch (error) {
      if (!signal.aborted) this.wishes.say(`No other layers: ${/** @type {Error} */ (error).message}`);
    }
    if (signal.aborted) return;
    const wanted = this.offered.find(({ name, reason }) => name === state.layer && reason === null && name !== "vacancy");
    if (wanted) this.choose(wanted.name);
    this.show();
  }

  /**
   * Another slice was chosen: a page without a server stores the layers of the usual one, and knows the holes of all.
   * @param {boolean} isUsual
   */
  setSlice(isUsual) {
    this.isUsual = isUsual;
    if (this.offered.some(({ name, reason }) => name === this.layer && reason !== null)) this.choose("vacancy");
    this.show();
  }

  /** The layers, each with why it cannot be had here and now. @returns {LayerInfo[]} */
  get offered() {
    return this.layers.map((each) => ({ ...each, reason: each.reason ?? (this.isUsual || !source.cannot || each.name === "vacancy" ? null : OTHER_SLICE) }));
  }

  show() {
    const layers = this.offered;
    const options = layers.map(({ name, title, reason }) => ({ value: name, text: reason ? `${title}: not here` : title }));
    const field = dropdown("Colour by", options.length ? options : [{ value: "vacancy", text: "Holes" }], this.layer, (layer) => this.choose(layer), "What the colours of both planes measure; holes stay hatched");
    layers.forEach(({ reason }, i) => (field.querySelectorAll("option")[i].disabled = reason !== null));
    this.field.replaceChildren(field);
    const without = layers.filter(({ reason }) => reason !== null);
    // several layers mostly lack the same thing: it is said once
    const reasons = [...new Set(without.map(({ reason }) => reason))];
    this.missing.textContent = reasons
      .map((reason) => `Not offered: ${without.filter((each) => each.reason === reason).map(({ title }) => title).join(", ")} (${reason}).`)
      .join(" ");
    this.missing.hidden = !without.length;
    this.tell();
  }

  tell() {
    this.reading.textContent = this.layers.find(({ name }) => name === this.layer)?.reading ?? "";
  }

  /** @param {string} layer */
  choose(layer) {
    this.layer = layer;
    this.lawField.hidden = !this.layers.find(({ name }) => name === layer)?.has_law;
    this.tell();
    this.wishes.chosen();
  }

  /** @param {string} law */
  chooseLaw(law) {
    this.law = law;
    this.wishes.chosen();
  }
}

/** A name beside its colour. @param {string} colour @param {string} words */
function keyed(colour, words) {
  const swatch = h("span.xp-holes-swatch", { "aria-hidden": "true" });
  swatch.style.background = colour;
  return h("li", {}, swatch, words);
}

/** Classes of the codes by name, with their colours. @param {{name: string, colour: string}[]} classes */
export const codesKey = (classes) =>
  h("ul.xp-holes-legend", { "aria-label": "classes of the codes" }, ...classes.map(({ name, colour }) => keyed(colour, name)));

/**
 * Classes of a plane by name, with their colours and how much of it they take.
 * @param {{name: string, colour: string, share: number}[]} legend
 * @param {number} [most]
 */
export function legendOf(legend, most = 12) {
  const items = legend.slice(0, most).map(({ name, colour, share }) => keyed(colour, `${name}: ${(100 * share).toFixed(share < 0.01 ? 1 : 0)} %`));
  const rest = legend.slice(most);
  if (rest.length) items.push(h("li", {}, `and ${rest.length} more: ${(100 * rest.reduce((sum, { share }) => sum + share, 0)).toFixed(0)} %`));
  return h("ul.xp-holes-legend", { "aria-label": "classes by the share of this plane" }, ...items);
}
