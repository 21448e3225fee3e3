/** What a part of the page says of itself: a line of text for everybody, screen readers included. */

import { h } from "./dom.js";

/** A status line that several speak into: what one says stands until it takes that back. */
export class StatusLine {
  constructor() {
    this.element = h("p.xp-status", { role: "status" });
    /** @type {Map<unknown, string>} */
    this.said = new Map();
  }

  /**
   * @param {string} words "" to take back what was said.
   * @param {unknown} [who]
   */
  say(words, who = this) {
    if (words) this.said.set(who, words);
    else this.said.delete(who);
    this.element.textContent = [...new Set(this.said.values())].join(" ");
  }

  /** Nothing of what was said is so any longer. */
  clear() {
    this.said.clear();
    this.say("");
  }
}
