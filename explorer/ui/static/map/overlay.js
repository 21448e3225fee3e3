/** What is laid over a map's dots, and under them: rings, ellipses, lines, names, small images. It follows every zoom. */

import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { apart } from "./shapes.js";

/**
 * Something that stands at a place and keeps its size.
 * @typedef {object} Pin
 * @property {HTMLElement} element
 * @property {number} x In the map's coordinates.
 * @property {number} y
 */

const LABEL_HEIGHT = 22;

/** Layers over and under the dots of a figure. */
export class Overlay {
  /** @param {import("../page/figure.js").Figure} figure */
  constructor(figure) {
    this.figure = figure;
    this.scaled = svg("g"); // in the map's coordinates
    this.svg = svg("svg", { "aria-hidden": "true" });
    this.svg.append(this.scaled);
    this.element = h("div.xp-overlay.xp-over", { "aria-hidden": "true" });
    this.element.append(this.svg);
    this.backdrop = h("canvas.xp-backdrop", { hidden: true, "aria-hidden": "true" });
    this.below = h("div.xp-underlay.xp-over", { "aria-hidden": "true" }, this.backdrop);
    figure.element.prepend(this.below);
    figure.element.append(this.element);
    /** @type {Map<string, SVGElement>} */
    this.layers = new Map();
    /** @type {Map<string, Pin[]>} */
    this.pins = new Map();
    /** Where the backdrop lies, in the map's coordinates. @type {import("./shapes.js").Box | null} */
    this.backdropBox = null;
    /** Called when another window is shown. @type {(() => void) | null} */
    this.moved = null;
  }

  /** Follow plotly's own drawing; called once there is one. */
  listen() {
    const plot = /** @type {any} */ (this.figure.plot);
    if (this.heard === plot._ev) return;
    this.heard = plot._ev; // plotly's emitter is a new one after a purge
    for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"]) {
      plot.on(event, () => {
        this.refresh();
        this.moved?.();
      });
    }
  }

  /**
   * Replace what a layer draws in the map's coordinates.
   * @param {string} name
   * @param {SVGElement[]} elements
   */
  setShapes(name, elements) {
    let layer = this.layers.get(name);
    if (!layer) {
      layer = svg("g", { class: `xp-shapes-${name}` });
      this.layers.set(name, layer);
      this.scaled.append(layer);
    }
    layer.replaceChildren(...elements);
  }

  /**
   * Replace the things of a layer that keep their size.
   * @param {string} name
   * @param {Pin[]} pins
   */
  setPins(name, pins) {
    this.pins.get(name)?.forEach(({ element }) => element.remove());
    this.pins.set(name, pins);
    pins.forEach(({ element }) => {
      element.classList.add("xp-pin");
      this.element.append(element);
    });
    this.refresh();
  }

  /** The window on show, or null before there is one. */
  get frame() {
    return this.figure.frame;
  }

  refresh() {
    const { frame } = this;
    if (!frame || !(frame.width > 0)) return;
    for (const element of [this.element, this.below]) {
      Object.assign(element.style, { left: `${frame.left}px`, top: `${frame.top}px`, width: `${frame.width}px`, height: `${frame.height}px` });
    }
    const { across, up, box } = frame;
    this.scaled.setAttribute("transform", `matrix(${across} 0 0 ${-up} ${-box.left * across} ${box.top * up})`);
    for (const [name, pins] of this.pins) {
      const spots = pins.map(({ x, y }) => ({ x: frame.px(x), y: frame.py(y) }));
      const placed = name === "names" ? this.spread(pins, spots, frame) : spots;
      pins.forEach(({ element }, k) => (element.style.transform = `translate(${placed[k].x}px, ${placed[k].y}px) translate(-50%, -50%)`));
    }
    if (this.backdropBox) this.placeBackdrop(frame);
  }

  /**
   * Names are pushed apart, but those out of sight stay out of it.
   * @param {Pin[]} pins
   * @param {{x: number, y: number}[]} spots
   * @param {import("../page/figure.js").Frame} frame
   */
  spread(pins, spots, frame) {
    const placed = [...spots];
    const inSight = pins.map((_, k) => k).filter((k) => spots[k].x > 0 && spots[k].x < frame.width && spots[k].y > 0 && spots[k].y < frame.height);
    const boxes = inSight.map((k) => ({ ...spots[k], width: pins[k].element.offsetWidth }));
    apart(boxes, LABEL_HEIGHT).forEach((spot, i) => {
      const half = boxes[i].width / 2;
      placed[inSight[i]] = { x: Math.min(frame.width - half, Math.max(half, spot.x)), y: Math.min(frame.height - 11, Math.max(11, spot.y)) };
    });
    return placed;
  }

  /** @param {import("../page/figure.js").Frame} frame */
  placeBackdrop(frame) {
    const { left, right, bottom, top } = /** @type {import("./shapes.js").Box} */ (this.backdropBox);
    Object.assign(this.backdrop.style, {
      left: `${frame.px(left)}px`,
      top: `${frame.py(top)}px`,
      width: `${(right - left) * frame.across}px`,
      height: `${(top - bottom) * frame.up}px`,
    });
  }

  /**
   * Show decodes under the dots; null hides them.
   * @param {import("./shapes.js").Box | null} box
   */
  setBackdrop(box) {
    this.backdropBox = box;
    this.backdrop.hidden = !box;
    this.refresh();
  }
}

/**
 * Ellipses of posteriors, two standard deviations wide to either side, in the map's coordinates.
 * @param {Float32Array} spread Covariances, (N * 3).
 * @param {Float32Array} places (N * 2)
 * @param {ArrayLike<number>} rows
 * @param {(xx: number, xy: number, yy: number) => {rx: number, ry: number, angle: number}} ellipse
 */
export function ellipses(spread, places, rows, ellipse) {
  return Array.from(rows, (row) => {
    const { rx, ry, angle } = ellipse(spread[3 * row], spread[3 * row + 1], spread[3 * row + 2]);
    return svg("ellipse", { rx: 2 * rx, ry: 2 * ry, transform: `translate(${places[2 * row]} ${places[2 * row + 1]}) rotate(${angle})` });
  });
}
