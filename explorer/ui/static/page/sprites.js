/** The small pictures of a run's evaluation split. */

import { context } from "../kit/pixels.js";
import { source } from "../source/source.js";

/**
 * Sheet and place of an image's tile.
 * @param {number} index
 * @param {{size: number, columns: number}} sheet Tiles of a sheet, and of one of its rows.
 * @param {number} height Of a tile.
 * @param {number} width
 */
export function tilePlace(index, { size, columns }, height, width) {
  const k = index % size;
  return { sheet: Math.floor(index / size), x: (k % columns) * width, y: Math.floor(k / columns) * height };
}

/** The small pictures of a run's evaluation split, loaded a sheet at a time. */
export class Sprites {
  /** @param {import("../latent/run.js").RunInfo} info */
  constructor(info) {
    this.info = info;
    /** @type {Map<number, Promise<ImageBitmap>>} */
    this.sheets = new Map();
  }

  /** @param {number} number @returns {Promise<ImageBitmap>} */
  sheet(number) {
    let sheet = this.sheets.get(number);
    if (!sheet) {
      sheet = source.picture(this.info.stored.sprites[number]);
      this.sheets.set(number, sheet);
      sheet.catch(() => this.sheets.delete(number));
    }
    return sheet;
  }

  /** Load every sheet now, so that no hover has to wait. */
  async load() {
    await Promise.all(this.info.stored.sprites.map((_, number) => this.sheet(number)));
  }

  /**
   * Paint the tile of an image.
   * @param {HTMLCanvasElement} canvas
   * @param {number} index
   */
  async paint(canvas, index) {
    const [, height, width] = this.info.image_shape;
    const { sheet, x, y } = tilePlace(index, this.info.sheet, height, width);
    canvas.dataset.wanted = String(index);
    const picture = await this.sheet(sheet);
    if (canvas.dataset.wanted !== String(index)) return; // another image was asked for meanwhile
    canvas.width = width;
    canvas.height = height;
    context(canvas).drawImage(picture, x, y, width, height, 0, 0, width, height);
    canvas.dataset.index = String(index);
  }
}
