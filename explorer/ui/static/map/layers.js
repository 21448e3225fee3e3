/** What can be laid over a map: names, rings, ellipses, densities, images of the classes, one's own image. */

import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { shadow } from "../latent/latent.js";
import { view } from "../page/view.js";
import { arrayOf } from "./data.js";
import { contourPath, densityOf, levelHolding } from "../plane/contours.js";
import { boxOf } from "../plane/pane.js";
import { ellipseOf, middleOf, nearestRow } from "../plane/shapes.js";

/** Shares of the images that the density lines hold. */
export const SHARES = [0.25, 0.5, 0.75, 0.95];

const GRID = 72;
const MOST_ELLIPSES = 150;
const MOST_NAMES = 20;

/** @typedef {"names" | "prior" | "density" | "spread" | "classes" | "pictures" | "backdrop"} LayerName */

/** The layers of a map, each on or off. */
export class Layers {
  /**
   * @param {import("../kit/planeabove.js").Above} overlay
   * @param {() => import("./side.js").Data | null} data
   * @param {() => Int32Array} rows Images that are drawn.
   * @param {() => import("../latent/run.js").Chosen | null} chosenNow
   * @param {() => import("../latent/latent.js").Plane | null} plane
   * @param {(words: string, who: unknown) => void} say
   * @param {Record<LayerName, boolean>} on Which are laid over the dots.
   */
  constructor(overlay, data, rows, chosenNow, plane, say, on) {
    this.overlay = overlay;
    this.data = data;
    this.rows = rows;
    this.chosenNow = chosenNow;
    this.plane = plane;
    this.say = say;
    this.on = on;
    /** @type {number[]} */
    this.near = [];
  }

  /** Another run is on show. */
  forget() {
    this.near = [];
    for (const name of ["names", "prior", "chosen", "near", "hover", "classes", "own"]) this.overlay.setPins(name, []);
    for (const name of ["prior", "density", "spread", "ellipse"]) this.overlay.setShapes(name, []);
  }

  /** The dots on show changed. */
  renew() {
    this.prior();
    this.density();
    this.spread();
    this.classes();
    this.chosen();
    this.neighbours(this.near);
    this.own();
  }

  /** Drawn images by their entry of the legend. @returns {Map<number, number[]>} */
  groups() {
    const data = this.data();
    /** @type {Map<number, number[]>} */
    const found = new Map();
    if (!data?.colouring.entries) return found;
    const { codes } = data.colouring;
    for (const row of this.rows()) {
      const group = found.get(codes[row]);
      if (group) group.push(row);
      else found.set(codes[row], [row]);
    }
    return found;
  }

  names() {
    const data = this.data();
    const entries = data?.colouring.entries;
    if (!this.on.names || this.on.classes || !data || !entries || entries.filter(({ named }) => named).length > MOST_NAMES) return this.overlay.setPins("names", []);
    const pins = [];
    const groups = [...this.groups()].sort(([a], [b]) => a - b); // in the legend's order, so that hiding one moves no other
    for (const [number, rows] of groups) {
      if (!entries[number].named) continue;
      const [x, y] = middleOf(data.places, rows);
      pins.push({ element: h("span.xp-badge", {}, entries[number].name), x, y });
    }
    this.overlay.setPins("names", pins);
  }

  /** Circles at 1, 2 and 3 standard deviations of the prior. */
  prior() {
    const data = this.data();
    const middle = this.on.prior ? data?.axes.circles : null;
    const [x, y] = middle ?? [0, 0];
    const radii = middle ? [1, 2, 3] : [];
    this.overlay.setShapes("prior", radii.map((r) => svg("circle", { cx: x, cy: y, r })));
    this.overlay.setPins("prior", radii.map((r) => ({ element: h("span.xp-sd", {}, `${r} sd`), x, y: y + r })));
  }

  /** Mark the image that somebody points at, here or on the map beside. @param {number | null} row */
  hovered(row) {
    const data = this.data();
    const x = row === null || !data ? NaN : data.places[2 * row];
    this.overlay.setPins("hover", Number.isFinite(x) && data ? [{ element: h("span.xp-hover-ring"), x, y: data.places[2 * Number(row) + 1] }] : []);
  }

  density() {
    const data = this.data();
    const rows = this.rows();
    if (!this.on.density || !data || rows.length < 10) return this.overlay.setShapes("density", []);
    const { left, right, bottom, top } = boxOf(data.places, rows);
    const [across, up] = [0.08 * (right - left), 0.08 * (top - bottom)]; // the smooth tails reach beyond the dots
    const box = { left: left - across, right: right + across, bottom: bottom - up, top: top + up };
    const grid = densityOf(data.places, rows, box, GRID);
    const lines = SHARES.map((share) => svg("path", { d: contourPath(grid, GRID, box, levelHolding(grid, share)), "data-share": share }));
    this.overlay.setShapes("density", lines);
  }

  /** Covariances of the posteriors on this plane, or null where they have none. */
  async covariances() {
    const data = this.data();
    if (!data || data.plane === "tsne" || !this.plane() || data.info.latent_dim < 2 || !data.info.stored.rate) return null;
    return arrayOf(data.info, "spread", { plane: data.plane });
  }

  async spread() {
    if (!this.on.spread) return this.overlay.setShapes("spread", []);
    const rows = this.rows();
    const step = Math.max(1, Math.ceil(rows.length / MOST_ELLIPSES));
    await this.drawEllipses("spread", Array.from(rows).sort((a, b) => a - b).filter((_, k) => k % step === 0));
  }

  /**
   * @param {string} layer
   * @param {number[]} rows
   */
  async drawEllipses(layer, rows) {
    const data = this.data();
    try {
      const found = rows.length ? await this.covariances() : null;
      this.say("", layer);
      if (data && data === this.data()) this.overlay.setShapes(layer, found ? ellipses(found, data.places, rows) : []);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, layer);
    }
  }

  /** Mark the chosen image or place. */
  chosen() {
    const now = this.chosenNow();
    const data = this.data();
    const place = now && data ? this.placeOf(now) : null;
    const index = now?.whence.kind === "image" ? now.whence.index : undefined;
    this.overlay.setPins("chosen", place ? [{ element: h(index === undefined ? "span.xp-cross" : "span.xp-ring"), x: place[0], y: place[1] }] : []);
    this.drawEllipses("ellipse", index === undefined ? [] : [index]);
  }

  /**
   * Where a latent stands on the map, or null where it has no place.
   * @param {import("../latent/run.js").Chosen} chosen
   * @returns {[number, number] | null}
   */
  placeOf({ whence, latent }) {
    const data = /** @type {import("./side.js").Data} */ (this.data());
    const { index } = whence;
    if (whence.kind === "image" && index !== undefined) {
      const x = data.places[2 * index];
      return Number.isFinite(x) ? [x, data.places[2 * index + 1]] : null;
    }
    const plane = this.plane();
    if (!plane || plane.origin.length !== latent.length || !plane.second.some(Boolean)) return null;
    return shadow(plane, latent);
  }

  /** Mark the images nearest to the chosen one. @param {number[]} images */
  neighbours(images) {
    this.near = images;
    const data = this.data();
    const there = data ? images.filter((row) => Number.isFinite(data.places[2 * row])) : [];
    const pins = there.map((row) => ({ element: h("span.xp-near-ring"), x: data?.places[2 * row] ?? 0, y: data?.places[2 * row + 1] ?? 0 }));
    this.overlay.setPins("near", pins);
  }

  /** One image of every class, where it stands: the one nearest to the middle of its class. */
  async classes() {
    const data = this.data();
    this.names(); // below their images where there are any
    if (!this.on.classes || !data) return this.overlay.setPins("classes", []);
    const groups = this.groups();
    const pins = [];
    const sprites = await view.sprites(data.info.name);
    if (data !== this.data()) return undefined;
    for (const [number, rows] of groups) {
      const entry = data.colouring.entries?.[number];
      if (!entry || entry.colour < 0) continue;
      const [x, y] = middleOf(data.places, rows);
      const row = nearestRow(data.places, rows, x, y);
      const canvas = h("canvas.xp-image");
      const name = this.on.names && entry.named ? h("span.xp-badge", {}, entry.name) : null;
      sprites.paint(canvas, row).catch(() => {}); // the map says that they did not load
      pins.push({ element: h("span.xp-class-image", { "data-row": row }, canvas, name), x: data.places[2 * row], y: data.places[2 * row + 1] });
    }
    this.overlay.setPins("classes", pins);
    return undefined;
  }

  /** Somebody's own image, as a star. */
  own() {
    const data = this.data();
    const mine = data ? view.own.get(data.info.name) : undefined;
    const place = mine ? this.placeOf({ ...mine, whence: { ...mine.whence, kind: "own" } }) : null;
    this.overlay.setPins("own", place ? [{ element: h("span.xp-star", {}, "★"), x: place[0], y: place[1] }] : []);
  }
}

/**
 * Ellipses of posteriors, two standard deviations wide to either side, in the map's coordinates.
 * @param {Float32Array} spread Covariances, (N * 3).
 * @param {Float32Array} places (N * 2)
 * @param {ArrayLike<number>} rows
 */
function ellipses(spread, places, rows) {
  return Array.from(rows, (row) => {
    const { rx, ry, angle } = ellipseOf(spread[3 * row], spread[3 * row + 1], spread[3 * row + 2]);
    return svg("ellipse", { rx: 2 * rx, ry: 2 * ry, transform: `translate(${places[2 * row]} ${places[2 * row + 1]}) rotate(${angle})` });
  });
}
