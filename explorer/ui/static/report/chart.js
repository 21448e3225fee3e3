/** A figure of the fit with a line below it that says how to read it. */

import { h } from "../kit/dom.js";
import { Figure } from "../page/figure.js";

/**
 * A figure that lets the page scroll under a finger or a wheel.
 * @param {string} label
 * @param {{[name: string]: any}} [listeners]
 */
function calm(label, listeners) {
  const figure = new Figure(label, listeners);
  figure.scrollZoom = false;
  figure.prepare = (_, layout) => (layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom");
  return figure;
}

/** A figure with a line below that says how to read it. */
export class Chart {
  /**
   * @param {string} label What it shows, for screen readers.
   * @param {string} hint How to read it.
   * @param {{[name: string]: any}} [listeners]
   */
  constructor(label, hint, listeners = {}) {
    this.figure = calm(label, {
      ...listeners,
      fail: (/** @type {Error} */ error) => (this.caption.textContent = error.message),
      drawn: () => {
        const { drawn, of } = this.figure.meta;
        this.caption.textContent = drawn < of ? `${this.words} The ${drawn} strongest of ${of} are drawn.`.trim() : this.words;
        listeners.drawn?.();
      },
    });
    this.caption = h("figcaption.xp-hint");
    this.element = h("figure.xp-chart", {}, this.figure.element, this.caption);
    this.say(hint);
  }

  /** @param {string} words How to read it. */
  say(words) {
    this.words = words;
    this.caption.textContent = words;
  }

  /**
   * Show the figure of a run, or nothing.
   * @param {boolean} wanted
   * @param {string} run
   * @param {string} name
   * @param {Record<string, string | number>} query
   */
  show(wanted, run, name, query) {
    this.element.hidden = !wanted;
    if (wanted) this.figure.show(run, name, query);
    else this.figure.drop(); // another theme must not draw what is not shown
  }
}
