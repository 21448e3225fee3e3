/** The decodes of a run by epoch, and what moves the epoch. */

import { button, freshId, h } from "../kit/dom.js";
import { context, fitWhole } from "../kit/pixels.js";
import { source } from "../source/source.js";

/** @typedef {import("./story.js").Story} Story */
/** @typedef {import("./story.js").FilmSheet} Sheet */
/** @typedef {import("./story.js").Stop} Stop */

const FRAME_MS = 450;

/** How wide a sheet may be: as tall as is left below the verdicts. */
const most = () => Math.max(300, (globalThis.innerHeight ?? 900) - 430);

/** The sheets of one run. */
export class Sheets {
  constructor() {
    /** @type {Sheet[]} */
    this.sheets = [];
    /** @type {Map<string, Promise<ImageBitmap>>} */
    this.pictures = new Map();
    this.canvas = h("canvas.xp-image", { width: 64, height: 64, role: "img" });
    this.title = h("h3");
    this.caption = h("p.xp-status");
    this.missing = h("p.xp-hint", {}, "This run kept no sheets; train.py keeps one every --save-every epochs.");
    const room = h("div.xp-sheet", {}, this.canvas);
    this.element = h("section.xp-half", {}, this.title, room, this.caption, this.missing);
    this.fit = fitWhole(this.canvas, room, most);
  }

  /**
   * @param {Story | null} story
   * @param {string} [title] What the model is called where it stands; its name by itself.
   */
  setStory(story, title = story?.name ?? "") {
    this.sheets = story?.sheets ?? [];
    this.pictures.clear();
    this.wanted = "";
    this.element.hidden = !story;
    this.name = story?.name ?? "";
    this.title.textContent = title;
    this.title.setAttribute("aria-label", title === this.name ? title : `${title} ${this.name}`);
    this.caption.textContent = "";
    this.family = story?.point ? "one Gaussian of its codes" : "its prior";
    this.canvas.hidden = !this.sheets.length;
    this.missing.hidden = this.sheets.length > 0;
    delete this.canvas.dataset.epoch;
  }

  /** @param {Sheet} sheet @returns {Promise<ImageBitmap>} */
  picture({ url }) {
    let found = this.pictures.get(url);
    if (!found) {
      found = source.picture(url);
      this.pictures.set(url, found);
      found.catch(() => this.pictures.delete(url));
    }
    return found;
  }

  /** @param {number | null} epoch After which a sheet was kept. */
  async show(epoch) {
    const sheet = this.sheets.find((each) => each.epoch === epoch);
    if (!sheet) return;
    this.wanted = sheet.url;
    try {
      const image = await this.picture(sheet);
      if (this.wanted !== sheet.url) return;
      this.canvas.width = image.width;
      this.canvas.height = image.height;
      context(this.canvas).drawImage(image, 0, 0);
      this.canvas.dataset.epoch = String(sheet.epoch);
      this.canvas.setAttribute("aria-label", `decodes of ${this.name} after epoch ${sheet.epoch}`);
      this.canvas.title = `After epoch ${sheet.epoch}, latents from ${this.family}.`;
      this.caption.textContent = "";
      this.fit();
    } catch {
      if (this.wanted === sheet.url) this.caption.textContent = `The sheet of epoch ${sheet.epoch} did not load; reload the page.`;
    }
  }
}

/** The epoch and what moves it. */
export class Scrubber {
  /** @param {(stop: Stop) => void} moved */
  constructor(moved) {
    this.moved = moved;
    /** @type {Stop[]} */
    this.stops = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    const id = freshId();
    this.range = h("input", { type: "range", id, min: "0", step: "1", title: "Arrow keys move one sheet at a time", oninput: () => this.halt() });
    this.output = h("span.xp-epoch", { "aria-hidden": "true" }); // the slider says it as well
    this.play = button("Play", "Show the sheets one after the other", () => this.press());
    this.label = h("label", { for: id }, "Epoch");
    this.element = h("div.xp-scrubber", {}, this.label, this.range, this.output, this.play);
    this.still.addEventListener("change", () => this.halt());
  }

  /**
   * @param {ReturnType<typeof import("./story.js").scrubberStops>} stops
   * @param {boolean} stay Whether to stay where it is, and not to go to the end.
   */
  setStops({ linked, stops }, stay) {
    const share = stay ? (this.stops[Number(this.range.value)]?.share ?? 1) : 1;
    this.stops = stops;
    this.label.textContent = linked ? "Share of the fit" : "Epoch";
    const last = Math.max(0, stops.length - 1);
    this.range.max = String(last);
    const near = stops.findIndex((stop) => stop.share >= share - 1e-6);
    this.range.value = String(near < 0 ? last : near);
    this.play.disabled = this.range.disabled = stops.length < 2;
    this.halt();
  }

  halt() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.update();
  }

  press() {
    if (this.timer !== undefined) return this.halt();
    const last = this.stops.length - 1;
    if (this.still.matches) {
      this.range.value = String((Number(this.range.value) + 1) % (last + 1));
      return this.update();
    }
    if (Number(this.range.value) === last) this.range.value = "0";
    this.timer = setTimeout(() => this.advance(), FRAME_MS);
    return this.update();
  }

  advance() {
    const last = this.stops.length - 1;
    this.range.value = String(Math.min(last, Number(this.range.value) + 1));
    const going = Number(this.range.value) < last && this.element.offsetParent; // not on another tab
    this.timer = going ? setTimeout(() => this.advance(), FRAME_MS) : undefined;
    this.update();
  }

  update() {
    this.play.textContent = this.timer !== undefined ? "Pause" : this.still.matches ? "Next sheet" : "Play";
    const stop = this.stops[Number(this.range.value)];
    if (!stop) return;
    this.output.textContent = stop.text;
    this.range.setAttribute("aria-valuetext", stop.spoken);
    this.moved(stop);
  }
}
