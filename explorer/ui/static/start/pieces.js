/** Small pieces that several steps of Start are made of. */

import { button, h } from "../kit/dom.js";
import { paint } from "../kit/pixels.js";
import { TEN } from "./draws.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */

/**
 * What a step needs of the tab that it stands in.
 * @typedef {object} StartRoom
 * @property {import("./story.js").StoryTold} story
 * @property {import("./story.js").Model[]} models The autoencoder first; one or two.
 * @property {import("./draws.js").Rounds} rounds
 * @property {import("./visit.js").Visit} visit
 * @property {AbortSignal} signal Of this step of this run.
 * @property {import("../kit/status.js").StatusLine} status
 * @property {Readonly<Record<string, string>>} state What the address says; a step checks what it takes.
 * @property {(changed: Record<string, string>) => void} tell Puts into the address what the step shows.
 */

/**
 * A step: what it shows, and what it does once it is in the page.
 * @typedef {object} Step
 * @property {HTMLElement} element
 * @property {() => Promise<void>} open Done when all is there that its address asks for.
 */

/**
 * A guess among a few answers; the first one that is pressed stays.
 * @param {string} label
 * @param {string[]} texts
 * @param {(k: number) => void} guessed
 */
export function answers(label, texts, guessed) {
  const buttons = texts.map((text, k) =>
    button(text, `${label} ${text}`, () => {
      buttons.forEach((each, i) => each.setAttribute("aria-pressed", String(i === k)));
      guessed(k);
    }),
  );
  buttons.forEach((each) => each.setAttribute("aria-pressed", "false"));
  return h("div.xp-st-answers", { role: "group", "aria-label": label }, ...buttons);
}

/** A guess from 0 to ten, as cells to press: as many are hatched as are thought to be holes. */
export class TenGuess {
  /**
   * @param {string} label
   * @param {() => void} changed
   */
  constructor(label, changed) {
    this.range = h("input", { type: "range", min: 0, max: TEN, step: 1, value: 5, "aria-label": label, "aria-valuetext": "not guessed yet", oninput: () => this.set(this.range.valueAsNumber, changed) });
    // keys and screen readers have the slider; a pointer has the cells, which are as wide as the pictures below
    this.cells = Array.from({ length: TEN + 1 }, () => h("span"));
    /** @type {number | null} */
    this.value = null;
    const follow = (/** @type {PointerEvent} */ { clientX, clientY, buttons }) => {
      const k = this.cells.findIndex((cell) => cell === document.elementFromPoint(clientX, clientY));
      if (buttons && k >= 0 && k !== this.value && !this.range.disabled) this.set(k, changed);
    };
    this.element = h("div.xp-st-guess", { "data-open": "" }, this.range, h("div.xp-st-cells", { "aria-hidden": "true", onpointerdown: follow, onpointermove: follow }, ...this.cells));
  }

  /**
   * @param {number} value
   * @param {() => void} [changed]
   */
  set(value, changed = () => {}) {
    this.value = value;
    this.range.value = String(value);
    this.range.setAttribute("aria-valuetext", `${value} of ten`);
    this.element.removeAttribute("data-open");
    this.cells.forEach((cell, k) => cell.classList.toggle("xp-st-hatched", k > 0 && k <= value));
    this.cells.forEach((cell, k) => cell.toggleAttribute("data-guessed", k === value));
    changed();
  }

  /** What came out is known. */
  close() {
    this.range.disabled = true;
    this.element.toggleAttribute("data-closed", true);
  }
}

/** Pictures in a row that may be pointed at, walked with the arrow keys, and framed where no image is encoded. */
export class TenStrip {
  /**
   * @param {string} label
   * @param {(k: number) => void} chosen A picture is pointed at or has the focus.
   */
  constructor(label, chosen) {
    this.label = label;
    this.tiles = Array.from({ length: TEN }, (_, k) => {
      const tile = h("button.xp-st-tile", { type: "button", disabled: true, tabIndex: k ? -1 : 0, "aria-label": `draw ${k + 1}`, onpointerenter: () => tile.disabled || chosen(k), onfocus: () => chosen(k) }, h("canvas.xp-image", { width: 1, height: 1, "aria-hidden": "true" }));
      return tile;
    });
    this.element = h("div.xp-st-strip", { role: "group", "aria-label": label }, ...this.tiles);
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = step && this.tiles[this.tiles.indexOf(event.target) + step];
      if (!next || next.disabled) return;
      event.preventDefault();
      next.focus();
    });
  }

  /** Take every picture away. */
  clear() {
    for (const tile of this.tiles) {
      tile.disabled = true;
      tile.classList.remove("xp-st-hatched", "xp-st-there");
    }
  }

  /**
   * @param {number} k
   * @param {Decoded} decoded
   * @param {boolean} empty
   */
  put(k, decoded, empty) {
    const tile = this.tiles[k];
    paint(tile.firstElementChild, decoded, k);
    tile.disabled = false;
    tile.classList.add("xp-st-there");
    tile.classList.toggle("xp-st-hatched", empty);
    tile.setAttribute("aria-label", `draw ${k + 1}${empty ? ", in a hole" : ""}`);
  }
}

/**
 * A model's name over what is shown of it.
 * @param {string} title
 * @param {...import("../kit/dom.js").Child} children
 */
export const modelBox = (title, ...children) => h("div.xp-st-model", {}, h("h3", {}, title), ...children);

/** Whether movement is to be spared. */
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Wait, unless what waits is called off.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const clock = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(clock), reject(signal.reason)), { once: true });
  });
