/** The legend beside a map: a button for every class, or a scale for numbers. */

import { h } from "../kit/dom.js";

const AGAIN_MS = 400;

/** Classes that can be hidden, shown, and shown alone. */
export class Legend {
  /** @param {() => void} changed Called when what is hidden changed. */
  constructor(changed) {
    this.changed = changed;
    /** Entries that are hidden. @type {Set<number>} */
    this.hidden = new Set();
    this.element = h("div.xp-maplegend");
    this.last = { number: -1, time: 0 };
    /** @type {HTMLElement[]} */
    this.buttons = [];
  }

  /**
   * @param {import("./colours.js").Colouring} colouring
   * @param {{palette: string[], scale: string[], other: string}} meta Colours of the theme.
   */
  show({ entries, title, ticks }, { palette, scale, other }) {
    this.buttons = [];
    if (!entries) {
      const strip = h("div.xp-scale-strip");
      strip.style.background = `linear-gradient(to right, ${scale.join(",")})`;
      const numbers = h("div.xp-ticks", {}, ...ticks.map(({ at, text }) => tick(at, text)));
      this.element.replaceChildren(h("div.xp-colourbar", { role: "img", "aria-label": barWords(title, ticks) }, strip, numbers, h("small", {}, title)));
      return;
    }
    this.buttons = entries.map(({ name, colour, count }, number) => {
      const swatch = h("span.xp-swatch", { "aria-hidden": "true" });
      swatch.style.background = colour < 0 ? other : palette[colour];
      return h(
        "button.xp-entry",
        {
          type: "button",
          title: "Press to hide or show it; press twice, or with Shift, to show it alone",
          onclick: (/** @type {MouseEvent} */ event) => this.press(number, event),
        },
        swatch,
        h("span", {}, name),
        h("small", {}, count.toLocaleString("en")),
      );
    });
    this.all = h("button.xp-link", { type: "button", title: "Show every class again", onclick: () => this.only(null) }, "Show all");
    this.element.replaceChildren(h("div.xp-entries", { role: "group", "aria-label": `colours: ${title}` }, ...this.buttons, this.all));
    this.mark();
  }

  mark() {
    this.buttons.forEach((element, number) => element.setAttribute("aria-pressed", String(!this.hidden.has(number))));
    if (this.all) this.all.hidden = this.hidden.size === 0;
  }

  /**
   * @param {number} number
   * @param {MouseEvent} event
   */
  press(number, { shiftKey, detail, timeStamp }) {
    // a thumb has no double click, so what counts is when it pressed
    const again = this.last.number === number && (detail === 2 || timeStamp - this.last.time < AGAIN_MS);
    if (shiftKey || again) return this.only(number);
    this.last = { number, time: timeStamp };
    if (!this.hidden.delete(number)) this.hidden.add(number);
    this.mark();
    this.changed();
  }

  /** @param {number | null} number The one that is left, or null for all. */
  only(number) {
    this.last = { number: -1, time: 0 }; // the next press is the first of its kind
    this.hidden = new Set(number === null ? [] : this.buttons.map((_, k) => k).filter((k) => k !== number));
    this.mark();
    this.changed();
  }

  /** Show everything again, without saying so. */
  forget() {
    this.hidden.clear();
  }
}

/**
 * @param {number} at In [0, 1].
 * @param {string} text
 */
function tick(at, text) {
  const element = h("span", {}, text);
  element.style.left = `${100 * at}%`;
  return element;
}

/**
 * @param {string} title
 * @param {{text: string}[]} ticks
 */
const barWords = (title, ticks) => `scale of ${title}, from ${ticks[0].text}, dark, to ${ticks[ticks.length - 1].text}, bright`;
