/** What a pointer over a map shows beside it: the image of a dot, or the decode of the place. */

import { h } from "../kit/dom.js";
import { paint, shownWidth } from "../kit/pixels.js";

const SIDE = 112;

/** A small window beside the pointer; after a tap it stays, with a way to the card below the map. */
export class Tip {
  /**
   * @param {HTMLElement} room What it lies in, and beside whose edge it turns.
   * @param {() => void} details Called when somebody wants the card.
   */
  constructor(room, details) {
    this.room = room;
    this.canvas = h("canvas.xp-image");
    this.words = h("span");
    this.more = h("button.xp-link", { type: "button", title: "Go to the numbers below the map", onclick: details }, "Details ↓");
    this.element = h("div.xp-tip", { hidden: true }, this.canvas, h("div", {}, this.words, this.more));
    room.append(this.element);
    this.stays = false;
  }

  /**
   * @param {{clientX: number, clientY: number}} event
   * @param {number} width Of the image, in its own pixels.
   * @param {string} words
   * @param {boolean} [stays] Whether it stays when the pointer leaves, as after a tap.
   */
  show(event, width, words, stays = false) {
    const room = this.room.getBoundingClientRect();
    const side = shownWidth(width, SIDE);
    const left = event.clientX - room.left;
    this.canvas.style.width = `${side}px`;
    this.words.textContent = words;
    this.more.hidden = !stays;
    this.stays = stays;
    this.element.classList.toggle("xp-stays", stays);
    this.element.hidden = false;
    const { offsetWidth: wide, offsetHeight: tall } = this.element;
    const beside = left + wide + 24 > room.width ? left - wide - 16 : left + 16;
    this.element.style.left = `${Math.min(Math.max(4, beside), Math.max(4, room.width - wide - 4))}px`;
    this.element.style.top = `${Math.max(4, event.clientY - room.top - tall - 8)}px`;
    return this.canvas;
  }

  /**
   * Show a decode.
   * @param {import("../kit/pixels.js").Decoded} decoded
   */
  paint(decoded) {
    this.canvas.dataset.wanted = ""; // an image that is still loading comes too late
    delete this.canvas.dataset.index;
    paint(this.canvas, decoded);
  }

  hide() {
    this.element.hidden = true;
    this.stays = false;
  }
}
