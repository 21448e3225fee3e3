/** Decodes of the window on show, laid under the dots of a map. */

import { h } from "../kit/dom.js";
import { context, toRgba } from "../kit/pixels.js";
import { onPlane } from "../latent/latent.js";
import { Stream } from "../page/stream.js";
import { source } from "../source/source.js";

const CELL_PX = 52;
const MOST_CELLS = 320;
const SETTLE_MS = 250;

/**
 * Rows and columns of cells, shaped like the images, that fill a window.
 * @param {number} width Pixels.
 * @param {number} height Pixels.
 * @param {number} aspect Width of an image over its height.
 */
export function cellsOf(width, height, aspect) {
  const side = Math.max(CELL_PX, Math.sqrt((width * height) / (aspect * MOST_CELLS)));
  return { rows: Math.max(1, Math.floor(height / side)), columns: Math.max(1, Math.floor(width / (side * aspect))) };
}

/** The backdrop of a map: a picture under its dots, decoded anew when the window has settled. */
export class Backdrop {
  /**
   * @param {import("../kit/plane.js").Plane} plane
   * @param {import("../kit/status.js").StatusLine} status
   */
  constructor(plane, status) {
    this.plane = plane;
    this.canvas = h("canvas");
    this.on = false;
    /** Strength of the decodes, in [0, 1]. */
    this.opacity = 0.55;
    /** Where they lie. @type {import("../plane/pane.js").Box | null} */
    this.box = null;
    /** @type {(() => {run: string, plane: import("../latent/latent.js").Plane, image: [number, number, number]} | null)} */
    this.wanted = () => null;
    this.requests = new Stream(
      async (/** @type {{run: string, latents: Float32Array, rows: number, columns: number, box: import("../plane/pane.js").Box}} */ request) =>
        source.decode(request.run, request.latents, request.rows * request.columns),
      (decoded, request) => this.show(decoded, request),
      { status, failed: "No decodes behind the dots", limit: 1 },
    );
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on;
    if (on) this.ask();
    else {
      this.requests.drop();
      this.box = null;
      this.lay();
    }
  }

  /** Follow the window, once it rests. */
  follow() {
    if (!this.on) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), SETTLE_MS);
  }

  ask() {
    const { pane } = this.plane;
    const wanted = this.wanted();
    if (!this.on || !pane || !wanted) return;
    const [, height, width] = wanted.image;
    const { rows, columns } = cellsOf(pane.width, pane.height, width / height);
    const { left, right, bottom, top } = pane.box;
    const d = wanted.plane.origin.length;
    const latents = new Float32Array(rows * columns * d);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const a = left + ((column + 0.5) / columns) * (right - left);
        const b = top - ((row + 0.5) / rows) * (top - bottom);
        latents.set(onPlane(wanted.plane, a, b), (row * columns + column) * d);
      }
    }
    if (latents.some((value) => Math.abs(value) > 1e4)) return; // further out than the server decodes
    this.requests.ask({ run: wanted.run, latents, rows, columns, box: pane.box });
  }

  /**
   * @param {import("../kit/pixels.js").Decoded} decoded
   * @param {{rows: number, columns: number, box: import("../plane/pane.js").Box}} request
   */
  show({ pixels, shape }, { rows, columns, box }) {
    if (!this.on) return;
    const [, height, width, channels] = shape;
    const { canvas } = this;
    canvas.width = columns * width;
    canvas.height = rows * height;
    const pen = context(canvas);
    const size = height * width;
    for (let k = 0; k < rows * columns; k++) {
      const cell = new ImageData(/** @type {any} */ (toRgba(pixels, channels, k * size * channels, size)), width, height);
      pen.putImageData(cell, (k % columns) * width, Math.floor(k / columns) * height);
    }
    this.box = box;
    this.plane.pad.dataset.cells = `${rows},${columns}`;
    this.lay();
  }

  /** Put the decodes under the dots, as strong as they are wished for, or take them away. */
  lay() {
    if (!this.box) delete this.plane.pad.dataset.cells;
    this.plane.setPicture("decodes", this.box && { source: this.canvas, box: this.box, smooth: true, opacity: this.opacity });
  }
}
