/** The sliders of one set of directions: the strongest first, the rest on request, one of them active, and where each leads. */

import { freshId, h } from "../kit/dom.js";
import { directionName, inOrder, isNumbered, namedLike, niceStep, notesHint, unitOf } from "../latent/directions.js";
import { coordinate } from "../latent/latent.js";
import { shown } from "../latent/numbers.js";
import { endCanvas, SliderEnds } from "./ends.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const STRONGEST = 6;
const FILTERED = 12; // directions beyond which a filter helps
const MOST_ROWS = 120; // sliders on the page at once; a filter finds the rest
const LARGEST = 1000; // magnitude of a coordinate that is typed

/**
 * What sliders ask of their page.
 * @typedef {object} SlidersHost
 * @property {() => Float32Array} latent The latent on show, (d,).
 * @property {() => Float32Array} start Where it was started from.
 * @property {(direction: Direction, value: number) => void} slide Move along a direction to a coordinate.
 * @property {() => void} settle The hand is off.
 * @property {(latent: Float32Array) => void} back The hand wanted something else: the latent as it was before.
 * @property {() => void} activated Another direction is active.
 * @property {(words: string) => void} say
 */

export class Sliders {
  /** @param {SlidersHost} host */
  constructor(host) {
    this.host = host;
    /** @type {RunInfo | null} */
    this.info = null;
    this.set = "axes";
    /** @type {Direction[]} */
    this.directions = [];
    /** @type {Direction | undefined} */
    this.active = undefined;
    this.all = false;
    /** @type {{direction: Direction, range: HTMLInputElement, box: HTMLInputElement, row: HTMLElement, ends: [HTMLCanvasElement, HTMLCanvasElement]}[]} */
    this.rows = [];
    this.ends = new SliderEnds();
    this.unit = h("p.xp-hint");
    this.filter = h("input.xp-text", { type: "search", title: "Show only the directions whose names hold these words", oninput: () => this.build() });
    this.filterPlace = h("label.xp-field", {}, h("span", {}, "Filter by name"), this.filter);
    this.none = h("p.xp-hint", { role: "status" });
    this.list = h("div.xp-sliders");
    this.more = h("button.xp-link", { type: "button", onclick: () => this.toggleAll() });
    this.element = h("div.xp-sliderset", {}, this.list);
    /** What is said of them all, and how to get at the weaker ones. */
    this.about = h("div.xp-about-sliders.xp-column", {}, this.unit, this.filterPlace, this.none, this.more);
  }

  /**
   * Show a set; the same directions again keep their rows, and with them the focus.
   * @param {RunInfo} info
   * @param {string} set
   * @param {Direction[]} directions
   * @param {number} [active] Place of the active one; without it the one that was, if it is among them.
   */
  show(info, set, directions, active) {
    if (set !== this.set || info !== this.info) {
      this.filter.value = "";
      if (info !== this.info) this.all = false;
    }
    Object.assign(this, { info, set, directions });
    const order = inOrder(directions);
    const kept = this.active && directions.includes(this.active) ? this.active : order[0];
    this.active = active === undefined ? kept : directions[active] ?? kept;
    if (this.active && order.indexOf(this.active) >= this.fewest) this.all = true;
    this.build();
  }

  /** How many are shown at first; ten digits are not worth a button that shows two more. */
  get fewest() {
    return this.set === "classes" && this.directions.length <= 10 ? this.directions.length : STRONGEST;
  }

  toggleAll() {
    this.all = !this.all;
    if (!this.all) this.filter.value = "";
    this.build();
  }

  build() {
    const { directions, info, fewest } = this;
    const filter = this.all ? this.filter.value : "";
    const found = namedLike(inOrder(directions), filter);
    const offered = found.slice(0, this.all ? MOST_ROWS : fewest);
    const known = this.rows.length === offered.length && this.rows.every((row, i) => row.direction === offered[i]);
    if (!known) {
      this.rows = offered.map((direction) => this.makeRow(direction));
      this.list.replaceChildren(...this.rows.map((row) => row.row));
      this.showEnds();
    }
    this.list.classList.toggle("xp-numbered", isNumbered(this.set));
    this.filterPlace.hidden = !this.all || directions.length <= FILTERED;
    this.none.textContent = offered.length ? (found.length > offered.length ? `The first ${offered.length} of ${found.length}; filter for the rest.` : "") : "No direction has such a name.";
    if (!this.all) this.none.textContent = "";
    this.more.hidden = directions.length <= fewest;
    this.more.textContent = this.all ? `Show the ${fewest} ${this.set === "classes" ? "first" : "strongest"}` : `Show all ${directions.length}`;
    if (info) this.unit.textContent = `Unit: ${unitOf(this.set, info)}.${notesHint(directions)} Double click a slider to reset it.`;
    this.refresh();
  }

  /** @param {Direction} direction */
  makeRow(direction) {
    const { host } = this;
    const { low, high, note } = direction;
    const name = directionName(direction, this.info?.level_sizes);
    const id = freshId();
    const step = niceStep(low, high);
    let before = host.latent();
    const range = h("input", {
      id,
      type: "range",
      min: low,
      max: high,
      step,
      "aria-label": name,
      title: `${name}: ${note}`,
      oninput: () => this.slide(direction, range.valueAsNumber),
      onchange: () => host.settle(),
      onfocus: () => this.activate(direction),
      onpointerdown: () => (before = host.latent().slice()),
      onpointercancel: () => host.back(before), // the finger wanted to scroll the page, not to move the slider it happened to touch
    });
    const box = h("input.xp-number", {
      type: "number",
      step,
      "aria-label": `${name}, exact value`,
      title: `${name}: type a value and press Enter`,
      onchange: () => {
        const value = box.valueAsNumber;
        if (Number.isFinite(value) && Math.abs(value) <= LARGEST) {
          this.slide(direction, value);
          host.settle();
        } else host.say(`${name}: values within ±${LARGEST}.`);
        this.refresh();
      },
    });
    const end = (/** @type {number} */ value, /** @type {string} */ where) =>
      endCanvas(`${name}: go to its ${where} end`, () => {
        this.slide(direction, value);
        host.settle();
      });
    /** @type {[HTMLCanvasElement, HTMLCanvasElement]} */
    const ends = [end(low, "left"), end(high, "right")];
    const row = h(
      "div.xp-slider",
      { ondblclick: (/** @type {MouseEvent} */ { target }) => target !== box && !ends.includes(/** @type {any} */ (target)) && this.reset(direction) },
      h("label", { for: id }, h("span.xp-name", {}, name), h("span.xp-note", {}, note)),
      ends[0],
      range,
      ends[1],
      box,
    );
    return { direction, range, box, row, ends };
  }

  /** Let the pictures at the ends show where the sliders lead from here. */
  showEnds() {
    const { info, rows } = this;
    const z = this.host.latent();
    if (info && z.length === info.latent_dim) this.ends.show(info, rows, z);
  }

  /** @param {Direction} direction */
  reset(direction) {
    this.slide(direction, coordinate(direction, this.host.start()));
    this.host.settle();
  }

  /** @param {Direction} direction */
  activate(direction) {
    if (this.active === direction) return;
    this.active = direction;
    this.refresh();
    this.host.activated();
  }

  /**
   * @param {Direction} direction
   * @param {number} value
   */
  slide(direction, value) {
    this.activate(direction);
    this.host.slide(direction, value);
  }

  /** Let every slider and box show the latent. */
  refresh() {
    const z = this.host.latent();
    for (const { direction, range, box, row } of this.rows) {
      const value = coordinate(direction, z);
      // a slider that stays is not touched: each is laid out and painted anew for it, at every step of a drag
      if (Math.abs(range.valueAsNumber - value) > Number(range.step) / 2) range.value = String(value);
      const said = shown(value);
      if (range.getAttribute("aria-valuetext") !== said) range.setAttribute("aria-valuetext", said);
      const text = value.toFixed(2).replace(/^-(0\.?0*)$/, "$1"); // no minus before a zero
      if (box.value !== text) box.value = text;
      row.classList.toggle("xp-active", direction === this.active);
    }
  }
}
