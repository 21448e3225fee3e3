/** One run's map: its dots on a plane, what is laid over and under them, and what the pointer shows. */

import { h } from "../kit/dom.js";
import { Plane } from "../kit/plane.js";
import { sideOf } from "../kit/sides.js";
import { onPlane } from "../latent/latent.js";
import { Stream } from "../page/stream.js";
import { view } from "../page/view.js";
import { joined, widened } from "../plane/pane.js";
import { nearestRows } from "../plane/shapes.js";
import { source } from "../source/source.js";
import { Backdrop } from "./backdrop.js";
import { paintedOf } from "./colours.js";
import { arrayOf, axesOf, classNames } from "./data.js";
import { Tip } from "./hover.js";
import { Layers } from "./layers.js";

/** The window of a run that ignores its latents: in one of their own, its codes would look spread. */
const OF_PRIOR = { left: -2, right: 2, bottom: -2, top: 2 };

const TOLD = 6; // classes, and images near the middle, that a screen reader is told of

/**
 * What a map shows of a run.
 * @typedef {object} Data
 * @property {import("./data.js").RunInfo} info
 * @property {Float32Array} places x and y by turns, (N * 2), NaN for an image without a place.
 * @property {string} plane
 * @property {import("./data.js").MapAxes} axes
 * @property {Int32Array | null} labels
 * @property {string[]} names Of the classes.
 * @property {import("./colours.js").Colouring} colouring
 */

/**
 * What a map asks of the tab that it stands in.
 * @typedef {object} SideRoom
 * @property {Record<import("./layers.js").LayerName, boolean>} on
 * @property {string} hoverMode "image" or "decode".
 * @property {(row: number | null) => void} hovered Somebody points at an image.
 * @property {(side: MapSide, spot: import("../kit/plane.js").Spot) => void} tapped
 * @property {(rows: number[] | null, more: boolean) => void} selected
 * @property {(side: MapSide) => import("../latent/run.js").Chosen | null} chosen
 * @property {(side: MapSide) => import("../latent/latent.js").Plane} anchored The plane that its places are decoded on.
 * @property {import("./legend.js").Legend} legend
 * @property {() => ArrayLike<number>} picked Images that are selected.
 * @property {() => void} details
 * @property {import("../kit/status.js").StatusLine} status
 */

export class MapSide {
  /** @param {SideRoom} room */
  constructor(room) {
    this.room = room;
    /** @type {import("./data.js").RunInfo | null} */
    this.info = null;
    /** @type {import("../page/sprites.js").Sprites | null} */
    this.sprites = null;
    /** @type {Data | null} */
    this.data = null;
    /** When it stood so, after its name; "" for the run as it is. */
    this.when = "";
    /** Images that are drawn, in order. @type {Int32Array} */
    this.rows = new Int32Array(0);
    this.plane = new Plane("map of the encoded test images; arrow keys move it, plus and minus zoom, Enter chooses what is in its middle", {
      hover: (spot) => this.hover(spot),
      wander: (x, y, event) => this.wander(x, y, event),
      leave: () => !this.tip.stays && this.tip.hide(),
      tap: (spot) => room.tapped(this, spot),
      select: (rows, more) => room.selected(rows, more),
      moved: () => this.backdrop.follow(),
      describe: (rows) => this.describe(rows),
    });
    this.title = h("p.xp-map-title", { hidden: true });
    this.tip = new Tip(this.plane.element, () => room.details());
    this.backdrop = new Backdrop(this.plane, room.status);
    this.backdrop.wanted = () => (this.isDecodable && this.info ? { run: this.info.name, plane: room.anchored(this), image: this.info.image_shape } : null);
    this.layers = new Layers(
      this.plane.above,
      () => this.data,
      () => this.rows,
      () => room.chosen(this),
      () => this.data?.axes.plane ?? null,
      (words, who) => room.status.say(words, who),
      room.on,
    );
    this.decodes = new Stream(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => source.decode(run, z, 1),
      (decoded) => room.hoverMode === "decode" && !this.tip.element.hidden && this.tip.paint(decoded),
      { status: room.status },
    );
    this.plane.pad.addEventListener("pointerdown", () => this.tip.hide());
    this.element = h("div.xp-mapside", {}, this.title, this.plane.element);
  }

  /**
   * Take up a run; its dots follow by `show`.
   * @param {import("./data.js").RunInfo} info
   * @param {import("../page/sprites.js").Sprites} sprites
   */
  setRun(info, sprites) {
    if (info !== this.info) this.sprites?.forget();
    Object.assign(this, { info, sprites });
    this.data = null;
    this.decodes.drop();
    this.backdrop.turn(false);
    this.tip.hide();
    this.layers.forget();
    this.plane.element.dataset.run = info.name;
    this.plane.dots.pictureOf = (row) => sprites.tile(row, () => this.plane.ask());
  }

  /**
   * Say whose map it is, where there are two.
   * @param {boolean} isPaired
   * @param {boolean} [isKindEnough] Whether its kind tells it from the other.
   * @param {import("../kit/sides.js").Side} [expected] What it will be while it is on its way.
   */
  name(isPaired, isKindEnough = false, expected = undefined) {
    const { info } = this;
    const kind = info ? sideOf(info) : expected;
    this.title.hidden = !isPaired || !kind;
    this.element.classList.toggle("xp-coming", !this.data);
    if (!kind) return;
    const words = kind === "ae" ? "Autoencoder" : "VAE";
    this.title.textContent = `${isKindEnough || !info ? words : `${words} ${info.name}`} ${this.when}`.trim();
    this.title.title = info?.name ?? "";
    this.title.dataset.kind = kind;
  }

  /**
   * Fetch what a plane needs.
   * @param {string} plane
   * @returns {Promise<Omit<Data, "colouring">>}
   */
  async fetched(plane) {
    const info = /** @type {import("./data.js").RunInfo} */ (this.info);
    const [places, axes, labels] = await Promise.all([arrayOf(info, "places", { plane }), axesOf(info, plane), view.labels(info.name)]);
    return { info, places, axes, plane, labels, names: classNames(info, labels) };
  }

  /** Draw other dots. @param {Data} data */
  show(data) {
    const { plane } = this;
    const isSame = this.data?.info === data.info && this.data.plane === data.plane;
    this.data = data;
    this.element.classList.remove("xp-coming");
    if (!isSame) this.backdrop.turn(false); // it is of another plane
    if (!isSame) {
      plane.setDots(data.places);
      plane.setAxes({ titles: data.axes.titles, alike: data.axes.alike });
      const { bounds } = plane.dots.crowd;
      plane.setHome(widened(data.info.collapse && data.axes.plane ? joined(bounds, OF_PRIOR) : bounds));
    }
    this.paint();
    this.showBackdrop();
    plane.measure();
    plane.element.dataset.ready = `${data.info.name} ${data.plane}`;
  }

  /** The same images stand elsewhere; the window stays. @param {Float32Array} places (N * 2) */
  move(places) {
    if (!this.data) return;
    this.data.places = places;
    this.plane.setDots(places);
    this.paint();
  }

  /** Give the dots the colours of the legend; those that it hides are not drawn. */
  paint() {
    const { data, plane } = this;
    if (!data) return;
    plane.setColours(paintedOf(data.colouring, this.room.legend));
    plane.setPicked(this.room.picked());
    plane.dots.always = this.room.on.pictures;
    this.rows = plane.dots.rows;
    this.layers.renew();
  }

  /** Show or hide the decodes behind the dots. */
  showBackdrop() {
    this.backdrop.turn(this.room.on.backdrop && this.isDecodable && (this.info?.latent_dim ?? 0) > 1);
  }

  /** Whether a place of this map has a latent. */
  get isDecodable() {
    return Boolean(this.data?.axes.plane);
  }

  /** @param {import("../kit/plane.js").Spot | null} spot */
  hover(spot) {
    if (this.room.hoverMode === "decode" || this.tip.stays) return;
    this.room.hovered(spot?.index ?? null);
    if (!spot || spot.index === null) return this.tip.hide();
    this.showTip(spot.index, spot.event, false);
  }

  /**
   * Show an image beside the pointer.
   * @param {number} index
   * @param {MouseEvent} event
   * @param {boolean} stays
   */
  showTip(index, event, stays) {
    const { info, data, sprites } = this;
    if (!info || !data || !sprites) return;
    const label = data.labels ? `${data.names[data.labels[index]] ?? data.labels[index]} · ` : "";
    const canvas = this.tip.show(event, info.image_shape[2], `${label}image ${index}`, stays);
    sprites.paint(canvas, index).catch(() => {}); // the tab says that they did not load
  }

  /**
   * Decode where the pointer is.
   * @param {number} x
   * @param {number} y
   * @param {PointerEvent} event
   */
  wander(x, y, event) {
    const { info } = this;
    if (this.room.hoverMode !== "decode" || !info || !this.isDecodable) return;
    this.tip.show(event, info.image_shape[2], "decoded here");
    this.decodes.ask({ run: info.name, z: onPlane(this.room.anchored(this), x, y) });
  }

  /** What is in view, in words. @param {number[]} rows @returns {string[]} */
  describe(rows) {
    const { data } = this;
    const { pane } = this.plane;
    if (!data || !pane) return [];
    const lines = [`${rows.length.toLocaleString("en")} images in view`];
    const { entries, codes } = data.colouring;
    if (entries) {
      const counts = entries.map(({ name }) => ({ name, count: 0 }));
      for (const row of rows) counts[codes[row]].count++;
      const most = counts.filter(({ count }) => count).sort((a, b) => b.count - a.count).slice(0, TOLD);
      lines.push(...most.map(({ name, count }) => `${name}: ${count.toLocaleString("en")}`));
    }
    const near = nearestRows(data.places, rows, pane, TOLD);
    if (near.length) lines.push(`nearest to the middle: images ${near.join(", ")}`);
    return lines;
  }

  /** Nothing of it is on show any longer. */
  leave() {
    this.decodes.drop();
    this.backdrop.turn(false);
    this.sprites?.forget();
    this.info = null;
    this.data = null;
    delete this.plane.element.dataset.ready;
    delete this.plane.element.dataset.epoch;
  }
}
