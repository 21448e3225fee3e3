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

const MOST_BYTES = 192e6; // of unpacked sheets, of all runs together

/** Pictures in memory up to a number of bytes: those that were looked at longest ago go first. */
export class Shelf {
  /** @param {number} most Bytes. */
  constructor(most) {
    this.most = most;
    this.bytes = 0;
    /** By name, the ones looked at last at the end. @type {Map<string, {picture: Promise<ImageBitmap>, bytes: number}>} */
    this.held = new Map();
  }

  /**
   * A picture, loaded where it is not here.
   * @param {string} name
   * @param {(name: string) => Promise<ImageBitmap>} load
   * @returns {Promise<ImageBitmap>}
   */
  get(name, load) {
    const known = this.held.get(name);
    const entry = known ?? { picture: load(name), bytes: 0 };
    this.held.delete(name);
    this.held.set(name, entry);
    if (!known) {
      entry.picture.then(
        ({ width, height }) => this.count(name, entry, 4 * width * height),
        () => this.held.get(name) === entry && this.held.delete(name),
      );
    }
    return entry.picture;
  }

  /**
   * A picture is here: make room for it.
   * @param {string} name
   * @param {{bytes: number}} entry
   * @param {number} bytes
   */
  count(name, entry, bytes) {
    if (this.held.get(name) !== entry) return;
    entry.bytes = bytes;
    this.bytes += bytes;
    for (const [other, { bytes: size }] of this.held) {
      if (this.bytes <= this.most) return;
      if (other === name || !size) continue; // the newest stays, and what is on its way
      this.held.delete(other);
      this.bytes -= size;
    }
  }
}

const SHEETS = new Shelf(MOST_BYTES);

/** The small pictures of a run's evaluation split, loaded a sheet at a time. */
export class Sprites {
  /** @param {import("../latent/run.js").RunInfo} info */
  constructor(info) {
    this.info = info;
    /** Sheets that a drawing asked for: null while they are on the way. @type {Map<number, ImageBitmap | null>} */
    this.here = new Map();
  }

  /** @param {number} number @returns {Promise<ImageBitmap>} */
  sheet(number) {
    return SHEETS.get(this.info.stored.sprites[number], () => source.sheet(this.info, number));
  }

  /** Load every sheet now, so that no hover has to wait. */
  async load() {
    await Promise.all(this.info.stored.sprites.map((_, number) => this.sheet(number)));
  }

  /** Let go of the sheets that drawings asked for: another run is on show. */
  forget() {
    this.here.clear();
  }

  /**
   * Where the tile of an image is, for a drawing that cannot wait; null while its sheet is on the way.
   * @param {number} index
   * @param {() => void} arrived Called once when the sheet is here.
   */
  tile(index, arrived) {
    const [height, width] = this.info.sheet.tile;
    const { sheet, x, y } = tilePlace(index, this.info.sheet, height, width);
    const picture = this.here.get(sheet);
    if (picture) return { source: picture, x, y, width, height };
    if (picture === undefined) {
      this.here.set(sheet, null);
      this.sheet(sheet).then(
        (loaded) => {
          this.here.set(sheet, loaded);
          arrived();
        },
        () => this.here.delete(sheet), // it is asked for again with the next drawing
      );
    }
    return null;
  }

  /**
   * Paint the tile of an image, as large as the image: of a large one the tile is smaller.
   * @param {HTMLCanvasElement} canvas
   * @param {number} index
   */
  async paint(canvas, index) {
    const { image_shape: [, height, width], sheet: { tile: [high, wide] } } = this.info;
    const { sheet, x, y } = tilePlace(index, this.info.sheet, high, wide);
    canvas.dataset.wanted = String(index);
    const picture = await this.sheet(sheet);
    if (canvas.dataset.wanted !== String(index)) return; // another image was asked for meanwhile
    canvas.width = width;
    canvas.height = height;
    context(canvas).drawImage(picture, x, y, wide, high, 0, 0, width, height);
    canvas.dataset.index = String(index);
  }
}
