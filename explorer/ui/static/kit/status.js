/** What a part of the page says of itself: a line of text for everybody, screen readers included. */

import { h } from "./dom.js";

const NEWS_MS = 4000; // that good news stays in sight

/**
 * A status line that several speak into: what one says stands until it says something else, or takes that back. Trouble
 * is coloured; it hides good news.
 */
export class StatusLine {
  constructor() {
    this.element = h("p.xp-status", { role: "status" });
    /** @type {Map<unknown, {words: string, good: boolean}>} */
    this.said = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.hush = undefined;
  }

  /**
   * @param {string} words "" to take back what was said.
   * @param {unknown} [who]
   */
  say(words, who = this) {
    this.put(words, who, false);
  }

  /**
   * Say something that is no trouble.
   * @param {string} words
   * @param {{who?: unknown, brief?: boolean}} [how] `brief`: nobody has to keep it in sight.
   */
  tell(words, { who = this, brief = false } = {}) {
    this.put(words, who, true);
    if (brief) this.hush = setTimeout(() => this.put("", who, true), NEWS_MS);
  }

  /** Nothing of what was said is so any longer. */
  clear() {
    this.said.clear();
    this.put("", this, true);
  }

  /** Every trouble, in a line. */
  get trouble() {
    return [...this.said.values()].filter(({ good }) => !good).map(({ words }) => words).join(" ");
  }

  /**
   * @param {string} words
   * @param {unknown} who
   * @param {boolean} good
   */
  put(words, who, good) {
    clearTimeout(this.hush);
    if (words) this.said.set(who, { words, good });
    else this.said.delete(who);
    const all = [...this.said.values()];
    const bad = all.filter((each) => !each.good);
    this.element.textContent = [...new Set((bad.length ? bad : all).map((each) => each.words))].join(" ");
    this.element.classList.toggle("xp-neutral", !bad.length);
  }
}
