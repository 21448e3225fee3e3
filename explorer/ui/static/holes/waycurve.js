/** Vacancy along the path of Holes, a curve for each model, which follow the hand; where they are hatched are holes. */

import { h } from "../kit/dom.js";
import { sideOf } from "../kit/sides.js";
import { svg } from "../kit/svg.js";
import { shown } from "../latent/numbers.js";
import { ALPHA } from "../latent/vacancy.js";

/** @typedef {{info: import("../latent/run.js").RunInfo, p: ArrayLike<number>}} Way A model and the p-values at even steps of its path. */

const DEEPEST = 3.7; // powers of ten from the top to the bottom
const TICKS = [1, 0.2, ALPHA, 0.01, 0.001];

/**
 * Share of the drawing's height that lies above a p-value, whose logarithm is drawn.
 * @param {number} p
 */
export const depthOf = (p) => Math.min(DEEPEST, 0 - Math.log10(Math.max(p, 10 ** -DEEPEST))) / DEEPEST;

/** Points of a line in a square of 100. @param {ArrayLike<number>} p */
export const lineOf = (p) => Array.from(p, (value, k) => `${((100 * k) / (p.length - 1)).toFixed(2)},${(100 * depthOf(value)).toFixed(3)}`).join(" ");

export class WayCurve {
  /** @param {(t: number) => void} jump A place was pressed, as a share of the way. */
  constructor(jump) {
    /** @type {Way[]} */
    this.ways = [];
    this.lines = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
    const band = h("div.xp-waycurve-hole", {}, h("small", {}, `holes: p ≤ ${ALPHA}`));
    band.style.top = `${100 * depthOf(ALPHA)}%`;
    const ticks = TICKS.map((p) => {
      const tick = h("small.xp-waycurve-tick", {}, String(p));
      tick.style.top = `${100 * depthOf(p)}%`;
      return tick;
    });
    this.now = h("div.xp-curve-now", { hidden: true });
    this.square = h(
      "div.xp-curve.xp-waycurve-square",
      {
        title: "Press to put the cursor there",
        onpointerdown: (/** @type {PointerEvent} */ event) => jump(this.shareAt(event)),
        onpointermove: (/** @type {PointerEvent} */ event) => this.point(this.shareAt(event)),
        onpointerleave: () => this.point(null),
      },
      band,
      ...ticks,
      this.lines,
      this.now,
    );
    this.names = h("div.xp-bar.xp-waycurve-names");
    this.told = h("p.xp-hint");
    this.element = h("div.xp-waycurve", { role: "img" }, this.names, this.square, h("div.xp-waycurve-ends", { "aria-hidden": "true" }, h("small", {}, "A"), h("small", {}, "vacancy p-value along the path"), h("small", {}, "B")), this.told);
    this.clear();
  }

  /** @param {PointerEvent} event */
  shareAt({ clientX }) {
    const { left, width } = this.square.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / (width || 1)));
  }

  /** @param {Way[]} ways The autoencoder first, where there are two. */
  show(ways) {
    this.ways = ways;
    const line = (/** @type {Way} */ { info, p }) => svg("polyline", { points: lineOf(p), fill: "none", "vector-effect": "non-scaling-stroke", "data-kind": sideOf(info), "data-run": info.name });
    this.lines.replaceChildren(...ways.map(line));
    this.names.replaceChildren(...ways.map(({ info }) => h("span.xp-waycurve-name", { "data-kind": sideOf(info) }, info.name)));
    this.element.setAttribute("aria-label", ways.map(({ info, p }) => `${info.name}: vacancy p from ${shown(p[0], 2)} over ${shown(p[p.length >> 1], 2)} to ${shown(p[p.length - 1], 2)}`).join("; "));
    this.point(null);
  }

  /** Nothing is known of the path on show. */
  clear() {
    this.ways = [];
    this.lines.replaceChildren();
    this.element.setAttribute("aria-label", "vacancy along the path");
    this.point(null);
  }

  /** Say what the curves are at a share of the way; null says how. @param {number | null} t */
  point(t) {
    this.now.hidden = t === null || !this.ways.length;
    if (t === null || !this.ways.length) return void (this.told.textContent = "Point at the curves to read them.");
    this.now.style.left = `${100 * t}%`;
    const read = (/** @type {Way} */ { info, p }) => `${info.name}: p = ${shown(p[Math.round(t * (p.length - 1))], 2)}`;
    return void (this.told.textContent = `${Math.round(100 * t)} % of the way: ${this.ways.map(read).join(", ")}`);
  }
}
