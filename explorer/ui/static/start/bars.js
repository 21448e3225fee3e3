/** A latent as a strip of bars: one for each of its numbers, up where it is positive. */

import { svg } from "../kit/svg.js";

const [WIDTH, HEIGHT] = [100, 40];
const HALF = HEIGHT / 2;

export class Bars {
  /** @param {string} label What the numbers are, for screen readers. */
  constructor(label) {
    this.label = label;
    this.element = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "xp-st-bars", role: "img" });
    this.clear();
  }

  /** Nothing to show yet. */
  clear() {
    this.element.setAttribute("aria-label", `${this.label}: none yet`);
    this.element.replaceChildren(svg("line", { x1: 0, x2: WIDTH, y1: HALF, y2: HALF }));
  }

  /**
   * @param {ArrayLike<number>} values
   * @param {number} most What fills the strip; beyond it a bar is cut off.
   */
  draw(values, most) {
    const step = WIDTH / values.length;
    const bars = Array.from(values, (value, k) => {
      const height = Math.max(0.6, HALF * Math.min(1, Math.abs(value) / most));
      return svg("rect", { x: (k + 0.12) * step, width: 0.76 * step, y: value > 0 ? HALF - height : HALF, height });
    });
    this.element.setAttribute("aria-label", `${this.label}: ${values.length} numbers`);
    this.element.replaceChildren(svg("line", { x1: 0, x2: WIDTH, y1: HALF, y2: HALF }), ...bars);
  }
}
