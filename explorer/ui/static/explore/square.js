/** A square to move over where a latent has two dimensions: the codes lie on it as dots, and the hand is the latent. */

import { h } from "../kit/dom.js";
import { context } from "../kit/pixels.js";
import { onTheme, theme } from "../kit/theme.js";
import { coordinate, moved } from "../latent/latent.js";
import { view } from "../page/view.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const SIDE = 280; // CSS pixels
const STEPS = 60; // arrow keys from one edge to the other
const DOT = 1.5;

export class Square {
  /**
   * @param {object} page
   * @param {() => Float32Array} page.latent The latent on show, (d,).
   * @param {(z: Float32Array) => void} page.drag The hand is on a latent.
   * @param {() => void} page.settle The hand is off.
   */
  constructor(page) {
    this.page = page;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {Float32Array | null} */
    this.points = null;
    this.held = -1; // the pointer that holds it
    this.canvas = h("canvas.xp-square-dots", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    this.mark = h("span.xp-square-mark", { "aria-hidden": "true" });
    this.element = h(
      "div.xp-square",
      {
        hidden: true,
        tabIndex: 0,
        role: "application",
        "aria-roledescription": "pad",
        "aria-label": "both dimensions at once: arrow keys move the latent",
        title: "Drag over it: across is the first dimension, up the second, and each dot is the code of an image",
        onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(event),
        onpointermove: (/** @type {PointerEvent} */ event) => event.pointerId === this.held && this.point(event),
        onpointerup: (/** @type {PointerEvent} */ event) => this.release(event),
        onpointercancel: (/** @type {PointerEvent} */ event) => this.release(event),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      },
      this.canvas,
      this.mark,
    );
    onTheme(() => this.draw());
  }

  /** Both axes, across and up. @returns {[Direction, Direction] | null} */
  get axes() {
    const axes = this.info?.directions.axes ?? [];
    const along = (/** @type {number} */ dimension) => axes.find(({ vector }) => Math.abs(vector[dimension]) > 0.5);
    const [across, up] = [along(0), along(1)];
    return across && up ? [across, up] : null;
  }

  /** @param {RunInfo} info */
  async setRun(info) {
    this.info = info;
    this.points = null;
    this.element.hidden = info.latent_dim !== 2 || !this.axes;
    this.draw();
    if (this.element.hidden) return;
    const { signal } = view;
    const points = await view.points(info.name).catch(() => null); // without them it is an empty square
    if (signal.aborted || info !== this.info) return;
    this.points = points;
    this.draw();
  }

  /** @param {ArrayLike<number>} z (2,) @returns {number[]} Shares of the square, across and up. */
  shares(z) {
    return /** @type {Direction[]} */ (this.axes ?? []).map((axis) => (coordinate(axis, z) - axis.low) / (axis.high - axis.low));
  }

  draw() {
    const pen = context(this.canvas);
    pen.clearRect(0, 0, SIDE, SIDE);
    if (!this.points || this.element.hidden) return;
    pen.fillStyle = theme() === "dark" ? "white" : "black";
    pen.globalAlpha = 0.35;
    for (let k = 0; k < this.points.length; k += 2) {
      const [x, y] = this.shares(this.points.subarray(k, k + 2));
      pen.fillRect(x * SIDE, (1 - y) * SIDE, DOT, DOT);
    }
    pen.globalAlpha = 1;
  }

  /** Let the mark show the latent. */
  refresh() {
    if (this.element.hidden) return;
    const [x, y] = this.shares(this.page.latent()).map((share) => Math.min(1, Math.max(0, share)));
    this.mark.style.left = `${100 * x}%`;
    this.mark.style.top = `${100 * (1 - y)}%`;
  }

  /** @param {number} across @param {number} up Shares of the square. */
  go(across, up) {
    const { axes } = this;
    if (!axes) return;
    const inside = (/** @type {number} */ share) => Math.min(1, Math.max(0, share));
    const place = (/** @type {Float32Array} */ z, /** @type {Direction} */ axis, /** @type {number} */ share) => moved(axis, z, axis.low + inside(share) * (axis.high - axis.low));
    this.page.drag(place(place(this.page.latent(), axes[0], across), axes[1], up));
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0 || this.held >= 0) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    this.held = event.pointerId;
    this.point(event);
  }

  /** @param {PointerEvent} event */
  point(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    this.go((event.clientX - left) / width, 1 - (event.clientY - top) / height);
  }

  /** @param {PointerEvent} event */
  release(event) {
    if (event.pointerId !== this.held) return;
    this.held = -1;
    this.page.settle();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] })[event.key];
    if (!step) return;
    event.preventDefault();
    const [x, y] = this.shares(this.page.latent());
    this.go(x + step[0] / STEPS, y + step[1] / STEPS);
    this.page.settle();
  }
}
