/**
 * A plane of dots on plain 2D canvases: no WebGL, no request when the theme changes, forty dots or a million.
 *
 * From below: the paper (pictures, grid, axes), the dots, a pad that catches hands and keys, and what lies above. An
 * owner says what there is (`setDots`, `setColours`, `setAxes`, `setPicture`, `above`); the plane draws it in the next
 * frame, keeps its window, and tells what was pointed at, tapped or outlined.
 *
 * d3-zoom and d3-scale were weighed for gestures and ticks: with what they import they are thirteen modules and know
 * one scale for both axes only; the two files here are shorter than their licences and their glue.
 */

import { boxBetween, evened, Pane, widened } from "../plane/pane.js";
import { h } from "./dom.js";
import { Above } from "./planeabove.js";
import { Dots } from "./planedots.js";
import { Hand } from "./planehand.js";
import { drawPaper, marginsOf } from "./planepaper.js";
import { coloursAt, onTheme } from "./theme.js";

/** @typedef {import("../plane/pane.js").Box} Box */
/** @typedef {import("./planepaper.js").Axes} Axes */
/** @typedef {import("./planepaper.js").GroundPicture} GroundPicture */

/**
 * A place that somebody points at or taps.
 * @typedef {object} Spot
 * @property {number | null} index Row of the dot there; null on empty space.
 * @property {number} x In the plane's coordinates.
 * @property {number} y
 * @property {MouseEvent} event
 */

/**
 * @typedef {object} PlaneListeners
 * @property {(spot: Spot | null) => void} [hover] Null when the pointer leaves a dot.
 * @property {(x: number, y: number, event: PointerEvent) => void} [wander] The pointer moves anywhere over the plane.
 * @property {() => void} [leave]
 * @property {(spot: Spot) => void} [tap]
 * @property {(rows: number[] | null, more: boolean) => void} [select] Rows inside an outline; null for a mere tap.
 * @property {() => void} [moved] Another window is on show.
 * @property {(event: KeyboardEvent) => boolean} [key] Whether the owner took a key.
 * @property {(rows: number[]) => string[]} [describe] Lines for a screen reader about the rows in view.
 */

export const PLANE_STYLE = new URL("./plane.css", import.meta.url);

const REACH_PX = 8;
const MOVE_MS = 180;
const DESCRIBE_MS = 500;
const FARTHEST = 24; // widths of the whole that a window may have
const NEAREST = 4000; // and how often the whole may be enlarged
const CLASSES = 10;

export class Plane {
  /**
   * @param {string} label What it shows, for screen readers.
   * @param {PlaneListeners} [listeners]
   */
  constructor(label, listeners = {}) {
    this.listeners = listeners;
    this.paper = h("canvas.xp-plane-paper", { "aria-hidden": "true" });
    this.canvas = h("canvas.xp-plane-dots", { "aria-hidden": "true" });
    this.inView = h("ul.xp-unseen", { id: `xp-view-${++made}` });
    this.pad = h("div.xp-plane-pad", { role: "group", tabIndex: 0, "aria-label": label, "aria-describedby": this.inView.id });
    this.cross = h("div.xp-plane-middle", { "aria-hidden": "true" });
    this.tools = h("div.xp-plane-tools");
    this.above = new Above();
    this.square = h("div.xp-plane-square", {}, this.paper, this.canvas, this.pad, this.above.element, this.cross);
    this.element = h("div.xp-plane", {}, this.square, this.tools, this.inView);
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.paper.getContext("2d"));
    this.hand = new Hand(this.pad, {
      pane: () => this.pane,
      look: (box, smooth) => this.look(box, smooth),
      home: () => this.goHome(),
      tap: (px, py, event) => this.listeners.tap?.(this.spotAt(px, py, event, event instanceof PointerEvent && event.pointerType === "touch" ? 2 * REACH_PX : REACH_PX)),
      point: (px, py, event) => this.pointed(px, py, event),
      leave: () => this.left(),
      outlining: (path) => this.above.drawOutline(path),
      outlined: (outline, more) => this.listeners.select?.(outline && this.dots.within(outline), more),
      key: (event) => this.listeners.key?.(event) ?? false,
    });
    this.dots = new Dots(this.canvas, () => this.theme?.palette ?? null);
    /** @type {Axes} */
    this.axes = { titles: ["", ""], alike: true };
    /** @type {Map<string, GroundPicture>} */
    this.pictures = new Map();
    /** The whole, which a window is taken from. @type {Box} */
    this.home = { left: -1, right: 1, bottom: -1, top: 1 };
    /** @type {Box} */
    this.box = this.home;
    /** @type {Pane | null} */
    this.pane = null;
    /** Inks of the theme, as long as it stays. @type {import("./planepaper.js").Inks | undefined} */
    this.known = undefined;
    this.frame = 0;
    this.hovered = -1;
    onTheme(() => this.retint());
    new ResizeObserver(() => this.measure()).observe(this.square);
  }

  /**
   * Put other dots on the plane; their colours follow by `setColours`.
   * @param {Float32Array} places x and y by turns, NaN for a row without a place, (N * 2).
   */
  setDots(places) {
    this.dots.place(places);
    this.hovered = -1;
    this.ask();
  }

  /** @param {import("./planedots.js").Painted} painted Of every row. */
  setColours(painted) {
    this.dots.colour(painted);
    this.ask();
  }

  /** The paints changed and not their numbers: some are hidden now, or shown again. */
  repaint() {
    this.dots.paints = null;
    this.ask();
  }

  /** Fade all but some rows; none fades nothing. @param {ArrayLike<number>} rows */
  setPicked(rows) {
    this.dots.pick(rows);
    this.ask();
  }

  /** @param {Axes} axes */
  setAxes(axes) {
    this.axes = axes;
    this.fit();
  }

  /**
   * Lay a picture under the dots, or take it away.
   * @param {string} name
   * @param {GroundPicture | null} picture
   */
  setPicture(name, picture) {
    if (picture) this.pictures.set(name, picture);
    else this.pictures.delete(name);
    this.ask();
  }

  /**
   * Say what the whole is, and show it.
   * @param {Box} [home] What holds all dots, unless said.
   */
  setHome(home = widened(this.dots.crowd.bounds)) {
    this.home = home;
    this.look(home);
  }

  goHome() {
    this.look(this.home, true);
  }

  /** @param {number} times Factor of the window's width. */
  zoom(times) {
    const { left, right, bottom, top } = this.box;
    const [x, y] = [(left + right) / 2, (bottom + top) / 2];
    const [half, tall] = [(times * (right - left)) / 2, (times * (top - bottom)) / 2];
    this.look({ left: x - half, right: x + half, bottom: y - tall, top: y + tall }, true);
  }

  /**
   * Show a window.
   * @param {Box} box
   * @param {boolean} [smooth] Get there in some frames, unless less motion is wished for.
   */
  look(box, smooth = false) {
    cancelAnimationFrame(this.moving ?? 0);
    const whole = this.home.right - this.home.left;
    const wide = box.right - box.left;
    if (!(wide < FARTHEST * whole && wide > whole / NEAREST)) return;
    if (!smooth || !this.pane || matchMedia("(prefers-reduced-motion: reduce)").matches) return this.show(box);
    const [from, began] = [this.box, performance.now()];
    const step = () => {
      const share = Math.min(1, (performance.now() - began) / MOVE_MS);
      this.show(boxBetween(from, box, share * (2 - share)));
      if (share < 1) this.moving = requestAnimationFrame(step);
    };
    step();
  }

  /** @param {Box} box */
  show(box) {
    this.box = box;
    this.fit();
    this.listeners.moved?.();
  }

  /** Make the pane anew from the window that is wished for and the room there is. */
  fit() {
    const { width = 0, height = 0 } = this.room ?? {};
    if (width > 0 && height > 0) this.pane = new Pane(this.axes.alike ? evened(this.box, width, height) : this.box, width, height);
    this.ask();
  }

  /** The plane got another size. */
  measure() {
    const { clientWidth, clientHeight } = this.square;
    const dense = globalThis.devicePixelRatio || 1;
    if (!clientWidth || !clientHeight) return;
    const margins = marginsOf(clientWidth);
    const width = clientWidth - margins.left - margins.right;
    const height = clientHeight - margins.top - margins.bottom;
    if (width < 20 || height < 20) return;
    this.margins = margins;
    this.room = { width, height, dense };
    const set = (/** @type {HTMLCanvasElement} */ canvas, /** @type {number} */ w, /** @type {number} */ t) => {
      if (canvas.width !== w) canvas.width = w;
      if (canvas.height !== t) canvas.height = t;
    };
    set(this.paper, Math.round(clientWidth * dense), Math.round(clientHeight * dense));
    set(this.canvas, Math.round(width * dense), Math.round(height * dense));
    const place = { left: `${margins.left}px`, top: `${margins.top}px`, width: `${width}px`, height: `${height}px` };
    for (const part of [this.canvas, this.pad, this.above.element]) Object.assign(part.style, place);
    Object.assign(this.cross.style, { left: `${margins.left + width / 2}px`, top: `${margins.top + height / 2}px` });
    this.fit();
    this.listeners.moved?.();
    this.draw(); // before the frame is shown: a canvas that got another size is empty
  }

  /** Draw in the next frame. */
  ask() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /**
   * Colours of the theme that the plane stands in; null in a page that is being left.
   * @returns {{palette: import("./planedots.js").Palette, inks: import("./planepaper.js").Inks} | null}
   */
  get theme() {
    const token = coloursAt(this.element);
    if (!token) return null;
    const palette = { classes: Array.from({ length: CLASSES }, (_, k) => token(`class-${k}`)), other: token("other"), ramp: token("ramp").split(/\s*,\s*/) };
    const { fontFamily: font } = getComputedStyle(this.element);
    return { palette, inks: { text: token("ink"), soft: token("soft"), grid: token("grid"), zero: token("zero"), line: token("frame"), font } };
  }

  /** The theme changed. */
  retint() {
    this.dots.paints = null;
    this.known = undefined;
    this.ask();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { pane, room, margins } = this;
    if (!pane || !room || !margins || !this.element.offsetParent) return;
    const { dense } = room;
    this.known ??= this.theme?.inks;
    if (!this.known) return;
    this.pen.setTransform(dense, 0, 0, dense, 0, 0);
    drawPaper(this.pen, { width: this.square.clientWidth, height: this.square.clientHeight }, margins, pane, this.axes, this.pictures.values(), this.known);
    this.dots.draw(pane, dense, this.home);
    this.above.refresh(pane);
    const { left, right, bottom, top } = pane.box;
    this.pad.dataset.window = [left, right, bottom, top].join(",");
    Object.assign(this.pad.dataset, { dots: String(this.dots.shown), pictures: String(this.dots.tiled) });
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell(), DESCRIBE_MS);
  }

  /**
   * @param {number} px
   * @param {number} py
   * @param {MouseEvent} event
   * @param {number} [reach]
   * @returns {Spot}
   */
  spotAt(px, py, event, reach = REACH_PX) {
    const pane = /** @type {Pane} */ (this.pane);
    const found = this.dots.nearest(pane, px, py, reach);
    const [x, y] = found ? [found.x, found.y] : pane.place(px, py);
    return { index: found ? found.row : null, x, y, event };
  }

  /**
   * @param {number} px
   * @param {number} py
   * @param {PointerEvent} event
   */
  pointed(px, py, event) {
    const { pane } = this;
    if (!pane || event.pointerType === "touch") return;
    const { hover, wander } = this.listeners;
    if (wander) wander(...pane.place(px, py), event);
    if (!hover) return;
    const spot = this.spotAt(px, py, event);
    if (spot.index === null && this.hovered < 0) return;
    this.hovered = spot.index ?? -1;
    hover(spot.index === null ? null : spot);
  }

  left() {
    this.listeners.leave?.();
    if (this.hovered < 0) return;
    this.hovered = -1;
    this.listeners.hover?.(null);
  }

  /** Say what is in view to those who do not see it. */
  tell() {
    const { pane } = this;
    const { describe } = this.listeners;
    if (!pane || !describe) return;
    const lines = describe(this.dots.inside(pane.box));
    this.inView.replaceChildren(...lines.map((line) => h("li", {}, line)));
  }
}

let made = 0;
