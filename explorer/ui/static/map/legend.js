/** The legend beside a map: a button for every class, or a scale for numbers whose ends can be drawn in. */

import { h } from "../kit/dom.js";

const AGAIN_MS = 400;

/** Classes that can be hidden, shown, and shown alone; numbers of which a part can be shown. */
export class Legend {
  /** @param {() => void} changed Called when what is hidden changed. */
  constructor(changed) {
    this.changed = changed;
    /** Entries that are hidden. @type {Set<number>} */
    this.hidden = new Set();
    /** The part of the scale that is shown, as shares of it. @type {[number, number]} */
    this.kept = [0, 1];
    this.element = h("div.xp-maplegend");
    this.last = { number: -1, time: 0 };
    /** @type {HTMLElement[]} */
    this.buttons = [];
  }

  /** @param {import("./colours.js").Colouring} colouring */
  show({ entries, title, ticks, said }) {
    this.buttons = [];
    if (!entries) return this.element.replaceChildren(this.scale(title, ticks));
    this.buttons = entries.map(({ name, colour, count }, number) => {
      const swatch = h("span.xp-swatch", { "aria-hidden": "true" });
      swatch.style.background = colour < 0 ? "var(--xp-other)" : `var(--xp-class-${colour})`;
      return h(
        "button.xp-entry",
        {
          type: "button",
          title: `${count.toLocaleString("en")} images. Press to hide or show them; press twice, or with Shift, to show them alone`,
          onclick: (/** @type {MouseEvent} */ event) => this.press(number, event),
        },
        swatch,
        h("span", {}, name),
      );
    });
    this.all = h("button.xp-link", { type: "button", title: "Show every class again", onclick: () => this.only(null) }, "Show all");
    this.element.replaceChildren(h("div.xp-entries", { role: "group", "aria-label": `colours: ${title}` }, ...this.buttons, this.all), ...(said ? [h("p.xp-hint", { role: "status" }, said)] : []));
    this.mark();
    return undefined;
  }

  /**
   * A colour bar with a handle at either end: dots beyond the handles are not drawn.
   * @param {string} title
   * @param {{at: number, text: string}[]} ticks
   */
  scale(title, ticks) {
    const strip = h("div.xp-scale-strip.xp-ramp");
    const shades = [h("span.xp-ramp-shade"), h("span.xp-ramp-shade")];
    const ends = [0, 1].map((end) =>
      h("input.xp-ramp-end", {
        type: "range",
        min: 0,
        max: 1,
        step: 0.01,
        value: this.kept[end],
        "aria-label": end ? `highest ${title} that is shown` : `lowest ${title} that is shown`,
        title: "Drag to show only the dots between both handles",
        oninput: () => take(end),
      }),
    );
    const told = h("small");
    const all = h("button.xp-link", { type: "button", title: "Show every dot again", onclick: () => this.keep([0, 1]) }, "Show all");
    const show = () => {
      const [low, high] = this.kept;
      shades[0].style.width = `${100 * low}%`;
      shades[1].style.width = `${100 * (1 - high)}%`;
      ends.forEach((end, k) => {
        end.valueAsNumber = this.kept[k];
        end.setAttribute("aria-valuetext", `${valueWords(this.kept[k], ticks)}`);
      });
      all.hidden = low <= 0 && high >= 1;
      told.textContent = `${title}${all.hidden ? "" : ` · shown: ${valueWords(low, ticks)} to ${valueWords(high, ticks)}`}`;
    };
    const take = (/** @type {number} */ end) => {
      const other = this.kept[1 - end];
      const value = end ? Math.max(other, ends[1].valueAsNumber) : Math.min(other, ends[0].valueAsNumber);
      this.keep(end ? [other, value] : [value, other]);
    };
    this.mark = show;
    show();
    const numbers = h("div.xp-ticks", {}, ...ticks.map(({ at, text }) => tick(at, text)));
    strip.append(...shades, ...ends);
    return h("div.xp-colourbar", { role: "group", "aria-label": barWords(title, ticks) }, strip, numbers, told, " ", all);
  }

  /** @param {[number, number]} kept Shares of the scale. */
  keep(kept) {
    this.kept = kept;
    this.mark();
    this.changed();
  }

  mark = () => {
    this.buttons.forEach((element, number) => element.setAttribute("aria-pressed", String(!this.hidden.has(number))));
    if (this.all) this.all.hidden = this.hidden.size === 0;
  };

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
    this.kept = [0, 1];
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
 * The number at a place of a scale, between its ticks.
 * @param {number} share In [0, 1].
 * @param {{at: number, text: string}[]} ticks
 */
export function valueWords(share, ticks) {
  const k = Math.max(0, Math.min(ticks.length - 2, ticks.filter(({ at }) => at <= share + 1e-9).length - 1));
  const [from, to] = [ticks[k], ticks[k + 1]];
  const [low, high] = [from, to].map(({ text }) => Number(text.replace("−", "-")));
  const part = Math.min(1, Math.max(0, (share - from.at) / (to.at - from.at)));
  const isRatio = ticks[0].text === "0.001"; // p-values, whose scale is logarithmic
  const value = isRatio ? low * (high / low) ** part : low + part * (high - low);
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/**
 * @param {string} title
 * @param {{text: string}[]} ticks
 */
const barWords = (title, ticks) => `scale of ${title}, from ${ticks[0].text}, dark, to ${ticks[ticks.length - 1].text}, bright`;
