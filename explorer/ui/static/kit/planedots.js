/** The dots of a plane on their canvas: their colours, those that are picked or hidden, and pictures in their place. */

import { HIDDEN, partsOf } from "../plane/colours.js";
import { Crowd } from "../plane/crowd.js";
import { Pane } from "../plane/pane.js";
import { tilesOf } from "../plane/pictures.js";
import { drawDots, LEVELS, Sheet } from "../plane/raster.js";

/** @typedef {import("../plane/pane.js").Box} Box */
/** Colours of the theme. @typedef {{classes: string[], other: string, ramp: string[]}} Palette */

/**
 * Paints of dots in the colours of a theme.
 * @typedef {object} Painted
 * @property {Uint16Array} codes Number of each row's paint, (N,).
 * @property {(palette: Palette) => Uint32Array} paints
 * @property {Set<number>} [behind] Paints that are drawn first, below all others.
 * @property {Uint8Array | null} [strength] Opacity of each row from 0 to 255, (N,); all alike unless said.
 */

/**
 * Where the small picture of a row is found; null while it is on its way.
 * @typedef {(row: number) => {source: CanvasImageSource, x: number, y: number, width: number, height: number} | null} PictureOf
 */

const PICTURE_PX = 22; // CSS pixels of the smallest picture in the place of a dot
const FEW = 120; // dots in view that are shown as pictures without being asked

/**
 * Width of one of that many dots, CSS pixels: a crowd of small ones still shows what lies below it.
 * @param {number} count In view.
 */
export const dotSize = (count) => (count < 150 ? 8 : count < 600 ? 6 : count < 2000 ? 4.5 : count < 8000 ? 3.4 : count < 30_000 ? 2.6 : count < 300_000 ? 2 : 1.2);

/** @param {Box} box */
const areaOf = ({ left, right, bottom, top }) => (right - left) * (top - bottom);

export class Dots {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => Palette | null} palette Null in a page that is being left.
   */
  constructor(canvas, palette) {
    this.palette = palette;
    // read now and then, else every drawing is sent to a graphics card that may not be there
    this.ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    this.crowd = new Crowd(new Float32Array(0));
    /** @type {Painted} */
    this.painted = { codes: new Uint16Array(0), paints: () => new Uint32Array(0) };
    /** Paint of every dot, in the order of the crowd. */
    this.codes = new Uint16Array(0);
    /** Made when they are needed; null after a change. @type {Uint32Array | null} */
    this.paints = null;
    /** Per dot whether it is picked; null where nothing is. @type {Uint8Array | null} */
    this.picked = null;
    /** Opacity of every dot in steps, or null where all are alike. @type {Uint8Array | null} */
    this.strengths = null;
    /** @type {PictureOf | null} */
    this.pictureOf = null;
    this.isOff = false; // nothing is drawn
    this.always = false; // pictures in the place of dots, also of many
    this.opacity = 0.75;
    /** Width of a dot in CSS pixels; by their number where null. @type {number | null} */
    this.size = null;
    /** @type {Sheet | null} */
    this.sheet = null;
    this.shown = 0; // dots in the window that was drawn last
    /** Pictures in it, and their width in CSS pixels. @type {{side: number, tiles: import("../plane/pictures.js").Tile[]}} */
    this.tiling = { side: 0, tiles: [] };
  }

  /** @param {Float32Array} places x and y by turns, (N * 2). */
  place(places) {
    this.crowd = new Crowd(places);
    this.codes = new Uint16Array(this.crowd.count);
    this.picked = null;
    this.strengths = null;
  }

  /** @param {Painted} painted Of every row. */
  colour(painted) {
    this.painted = painted;
    this.paints = null;
    const { rows } = this.crowd;
    for (let dot = 0; dot < rows.length; dot++) this.codes[dot] = painted.codes[rows[dot]];
    const { strength = null } = painted;
    this.strengths = strength && Uint8Array.from(rows, (row) => (strength[row] * LEVELS) >> 8);
  }

  /** @param {ArrayLike<number>} rows */
  pick(rows) {
    this.picked = null;
    if (!rows.length) return;
    const chosen = new Uint8Array(this.painted.codes.length);
    for (let k = 0; k < rows.length; k++) chosen[rows[k]] = 1;
    const all = this.crowd.rows;
    this.picked = new Uint8Array(all.length);
    for (let dot = 0; dot < all.length; dot++) this.picked[dot] = chosen[all[dot]];
  }

  /** @returns {Uint32Array} */
  get inks() {
    const palette = this.paints ? null : this.palette();
    if (palette) this.paints = this.painted.paints(palette);
    return this.paints ?? new Uint32Array(0);
  }

  /** Whether a dot is drawn at all. @param {number} dot */
  isShown(dot) {
    return this.inks[this.codes[dot]] !== HIDDEN;
  }

  /** Rows that are drawn, in order, wherever the window is. @returns {Int32Array} */
  get rows() {
    return this.crowd.rows.filter((_, dot) => this.isShown(dot)).sort();
  }

  /** Rows of a box that are drawn. @param {Box} box */
  inside(box) {
    return this.crowd.inside(box, (dot) => this.isShown(dot));
  }

  /** Rows inside an outline that are drawn. @param {[number, number][]} outline */
  within(outline) {
    return this.crowd.within(outline, (dot) => this.isShown(dot));
  }

  /** Pictures in the window that was drawn last. */
  get tiled() {
    return this.tiling.tiles.length;
  }

  /**
   * The dot whose picture covers a pixel, or the nearest one.
   * @param {Pane} pane
   * @param {number} px
   * @param {number} py
   * @param {number} reach CSS pixels.
   */
  nearest(pane, px, py, reach) {
    const { crowd, codes, inks } = this;
    const half = this.tiling.side / 2;
    const tile = this.tiling.tiles.find((each) => Math.abs(each.px - px) < half && Math.abs(each.py - py) < half);
    if (tile) return { row: tile.row, x: tile.x, y: tile.y };
    const dot = crowd.nearest(pane, px, py, reach, (each) => inks[codes[each]] !== HIDDEN);
    return dot < 0 ? null : { row: crowd.rows[dot], x: crowd.x[dot], y: crowd.y[dot] };
  }

  /**
   * Draw the dots of a window, and pictures in their place.
   * @param {Pane} pane In CSS pixels.
   * @param {number} dense Pixels of the canvas in one of them.
   * @param {Box} home The whole.
   * @param {CanvasRenderingContext2D} [ink] Of another canvas, as for a file.
   */
  draw(pane, dense, home, ink = this.ink) {
    const { crowd, codes, picked, inks: paints } = this;
    const { width, height } = ink.canvas;
    // by the share of the whole, and not by those that are counted: the size stays while the plane is moved
    const share = Math.min(1, areaOf(pane.box) / areaOf(home));
    const size = (this.size ?? dotSize(crowd.count * share)) * dense;
    const edge = Math.ceil(size) + 2;
    if (this.sheet?.width !== width || this.sheet.height !== height || this.sheet.edge !== edge) this.sheet = new Sheet(width, height, edge);
    const sheet = /** @type {Sheet} */ (this.sheet);
    sheet.clear();
    if (this.isOff) {
      this.shown = 0;
      ink.clearRect(0, 0, width, height);
      return;
    }
    const { behind: first } = this.painted;
    const behind = first?.size ? Uint8Array.from(paints, (_, code) => Number(first.has(code))) : undefined;
    this.shown = drawDots(sheet, crowd, new Pane(pane.box, width, height), { codes, paints, behind, picked, strengths: this.strengths, size, opacity: this.opacity });
    ink.putImageData(new ImageData(/** @type {any} */ (sheet.bytes), sheet.stride, sheet.lines), -edge, -edge);
    this.drawPictures(ink, pane, dense);
  }

  /**
   * @param {CanvasRenderingContext2D} ink
   * @param {Pane} pane
   * @param {number} dense
   */
  drawPictures(ink, pane, dense) {
    const { crowd, codes, picked, pictureOf, shown, inks: paints } = this;
    this.tiling = { side: 0, tiles: [] };
    if (!pictureOf || !shown || (!this.always && shown > FEW)) return;
    const { always } = this;
    const isWanted = (/** @type {number} */ dot) => paints[codes[dot]] !== HIDDEN && (!picked || picked[dot] === 1);
    const { side, tiles } = tilesOf(crowd, pane, always ? PICTURE_PX : 2 * PICTURE_PX, isWanted, always && shown > FEW);
    this.tiling.side = side;
    const frame = (side > 30 ? 2 : 1) * dense;
    for (const tile of tiles) {
      const { row, px, py } = tile;
      const picture = pictureOf(row);
      if (!picture) continue;
      const scale = ((0.92 * side) / Math.max(picture.width, picture.height)) * dense;
      const [wide, tall] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
      const [x, y] = [Math.round(px * dense - wide / 2), Math.round(py * dense - tall / 2)];
      ink.fillStyle = `rgb(${partsOf(paints[this.painted.codes[row]])})`;
      ink.fillRect(x - frame, y - frame, wide + 2 * frame, tall + 2 * frame);
      ink.imageSmoothingEnabled = wide < picture.width;
      ink.drawImage(picture.source, picture.x, picture.y, picture.width, picture.height, x, y, wide, tall);
      this.tiling.tiles.push(tile);
    }
  }
}
