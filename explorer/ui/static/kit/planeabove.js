/** What lies above the dots of a plane: lines and ellipses that scale with it, and things that keep their size. */

import { apart } from "../plane/shapes.js";
import { h } from "./dom.js";
import { svg } from "./svg.js";

/** @typedef {import("../plane/pane.js").Pane} Pane */

/**
 * Something that stands at a place and keeps its size.
 * @typedef {object} Pin
 * @property {HTMLElement} element
 * @property {number} x In the plane's coordinates.
 * @property {number} y
 */

const LABEL_HEIGHT = 22;

/** The layers above one plane, by name; drawn as SVG and elements, which a screen reader passes over. */
export class Above {
  constructor() {
    this.scaled = svg("g"); // in the plane's coordinates
    this.outline = svg("path", { class: "xp-outline" });
    this.svg = svg("svg", {}, this.scaled, this.outline);
    this.element = h("div.xp-overlay", { "aria-hidden": "true" });
    this.element.append(this.svg);
    /** @type {Map<string, SVGElement>} */
    this.layers = new Map();
    /** @type {Map<string, Pin[]>} */
    this.pins = new Map();
    /** @type {Pane | null} */
    this.pane = null;
  }

  /**
   * Replace what a layer draws in the plane's coordinates.
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
   * Replace the things of a layer that keep their size; those of "names" make room for one another.
   * @param {string} name
   * @param {Pin[]} pins
   */
  setPins(name, pins) {
    const stay = new Set(pins.map(({ element }) => element));
    this.pins.get(name)?.forEach(({ element }) => stay.has(element) || element.remove());
    this.pins.set(name, pins);
    pins.forEach(({ element }) => {
      element.classList.add("xp-pin");
      if (!element.isConnected || element.parentElement !== this.element) this.element.append(element);
    });
    if (this.pane) this.put(name, this.pane);
  }

  /** @param {Pane} pane */
  refresh(pane) {
    this.pane = pane;
    const { across, up, box } = pane;
    this.scaled.setAttribute("transform", `matrix(${across} 0 0 ${-up} ${-box.left * across} ${box.top * up})`);
    for (const name of this.pins.keys()) this.put(name, pane);
  }

  /**
   * @param {string} name
   * @param {Pane} pane
   */
  put(name, pane) {
    const pins = this.pins.get(name) ?? [];
    const spots = pins.map(({ x, y }) => ({ x: pane.px(x), y: pane.py(y) }));
    const placed = name === "names" ? this.spread(pins, spots, pane) : spots;
    pins.forEach(({ element }, k) => (element.style.transform = `translate(${placed[k].x}px, ${placed[k].y}px) translate(-50%, -50%)`));
  }

  /**
   * Names are pushed apart, but those out of sight stay out of it.
   * @param {Pin[]} pins
   * @param {{x: number, y: number}[]} spots
   * @param {Pane} pane
   */
  spread(pins, spots, pane) {
    const placed = [...spots];
    const inSight = pins.map((_, k) => k).filter((k) => pane.holds(spots[k].x, spots[k].y));
    const boxes = inSight.map((k) => ({ ...spots[k], width: pins[k].element.offsetWidth }));
    apart(boxes, LABEL_HEIGHT).forEach((spot, i) => {
      const half = boxes[i].width / 2;
      placed[inSight[i]] = { x: Math.min(pane.width - half, Math.max(half, spot.x)), y: Math.min(pane.height - 11, Math.max(11, spot.y)) };
    });
    return placed;
  }

  /** @param {[number, number][]} path In pixels; none hides it. */
  drawOutline(path) {
    if (path.length) this.outline.setAttribute("d", `M${path.map(([a, b]) => `${a},${b}`).join("L")}Z`);
    else this.outline.removeAttribute("d");
  }
}
