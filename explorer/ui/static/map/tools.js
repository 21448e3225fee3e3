/** Choosing many images of a map with a box or a lasso, by mouse, pen or finger. */

import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";

/** @typedef {import("../kit/planehand.js").Tool} Tool */

const STILL_PX = 4;

/** A layer that catches the pointer while a tool other than moving is on. */
export class Outliner {
  /**
   * @param {import("./overlay.js").Overlay} overlay
   * @param {(outline: [number, number][] | null, more: boolean) => void} drawn Given the outline in the map's
   *   coordinates, or null for a mere tap; `more` where it adds to what is chosen.
   */
  constructor(overlay, drawn) {
    this.overlay = overlay;
    this.drawn = drawn;
    /** @type {Tool} */
    this.tool = "move";
    this.line = svg("path", { class: "xp-outline" });
    overlay.svg.append(this.line);
    this.element = h("div.xp-catch", {
      hidden: true,
      onpointerdown: (/** @type {PointerEvent} */ event) => this.start(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.go(event),
      onpointerup: (/** @type {PointerEvent} */ event) => this.end(event),
      onpointercancel: () => this.stop(),
    });
    overlay.element.append(this.element);
    globalThis.addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    /** @type {[number, number][] | null} Pixels from the axes' corner. */
    this.path = null;
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool = tool;
    this.element.hidden = tool === "move" || tool === "pan";
    this.stop();
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  at(event) {
    const room = this.element.getBoundingClientRect();
    return [Math.min(room.width, Math.max(0, event.clientX - room.left)), Math.min(room.height, Math.max(0, event.clientY - room.top))];
  }

  /** @param {PointerEvent} event */
  start(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    this.path = [this.at(event)];
  }

  /** @param {PointerEvent} event */
  go(event) {
    if (!this.path) return;
    const [x, y] = this.at(event);
    const [x0, y0] = this.path[0];
    if (this.tool === "box") {
      this.path = [
        [x0, y0],
        [x, y0],
        [x, y],
        [x0, y],
      ];
    } else {
      const [lastX, lastY] = this.path[this.path.length - 1];
      if (Math.hypot(x - lastX, y - lastY) >= 3) this.path.push([x, y]);
    }
    this.line.setAttribute("d", `M${this.path.map(([a, b]) => `${a},${b}`).join("L")}Z`);
  }

  /** @param {PointerEvent} event */
  end(event) {
    const { path } = this;
    const { frame } = this.overlay;
    this.stop();
    if (!path || !frame) return;
    const [x0, y0] = path[0];
    const reach = Math.max(...path.map(([x, y]) => Math.hypot(x - x0, y - y0)));
    this.drawn(reach < STILL_PX || path.length < 3 ? null : path.map(([x, y]) => frame.place(x, y)), event.shiftKey);
  }

  stop() {
    this.path = null;
    this.line.removeAttribute("d");
  }
}

/**
 * A window moved or scaled about its middle.
 * @param {import("../plane/pane.js").Box} box
 * @param {number} zoom Factor of its width.
 * @param {[number, number]} [pan] In widths and heights.
 * @returns {import("../plane/pane.js").Box}
 */
export function windowOf({ left, right, bottom, top }, zoom, [across, up] = [0, 0]) {
  const x = (left + right) / 2 + across * (right - left);
  const y = (bottom + top) / 2 + up * (top - bottom);
  const half = (zoom * (right - left)) / 2;
  const tall = (zoom * (top - bottom)) / 2;
  return { left: x - half, right: x + half, bottom: y - tall, top: y + tall };
}
