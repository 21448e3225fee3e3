/** One decode on show that follows a hand, and the line that says how far its latent is to be trusted. */

import { h } from "../kit/dom.js";
import { dim, fitWhole, paint } from "../kit/pixels.js";
import { source } from "../source/source.js";
import { Stream } from "./stream.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("./trust.js").Judged} Judged */

export class LivePicture {
  /**
   * @param {{say: (words: string, who?: unknown) => void}} status Says why there is no picture.
   * @param {object} [settings]
   * @param {{find: (run: string, z: Float32Array) => {pictures: Decoded, index: number} | null}} [settings.ahead] Pictures that may be there already.
   * @param {number} [settings.limit] Most requests in flight.
   */
  constructor(status, { ahead, limit } = {}) {
    this.ahead = ahead;
    this.fit = () => {};
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "decoded image" });
    this.images = new Stream(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => source.decode(run, z, 1),
      (decoded, { z }) => this.show(decoded, z),
      { status, failed: "No image", pictures: () => [this.canvas], limit },
    );
  }

  /**
   * Keep it as large as its room allows.
   * @param {HTMLElement} room
   * @param {(room: number) => number} most Largest width of that room's, both in CSS pixels.
   */
  fitInto(room, most) {
    this.fit = fitWhole(this.canvas, room, most);
  }

  /**
   * Decode a latent.
   * @param {string} run
   * @param {Float32Array} z
   */
  draw(run, z) {
    const found = this.ahead?.find(run, z);
    if (!found) return this.images.ask({ run, z: z.slice() });
    this.images.drop(); // what was asked for before is older
    this.show(found.pictures, z, found.index);
  }

  /**
   * @param {Decoded} decoded
   * @param {Float32Array} z
   * @param {number} [index] Of the picture among those decoded.
   */
  show(decoded, z, index = 0) {
    const { width, height } = this.canvas;
    paint(this.canvas, decoded, index);
    // measuring its room has the page laid out at once, so only where the picture's size is another
    if (this.canvas.width !== width || this.canvas.height !== height) this.fit();
    this.canvas.dataset.latent = Array.from(z).join(",");
    dim(this.canvas, false);
  }

  /** Forget what was asked for. */
  drop() {
    this.images.drop();
  }
}
