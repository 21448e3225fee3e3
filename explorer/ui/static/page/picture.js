/** One decode on show that follows a hand, and the line that says how far its latent is to be trusted. */

import { h } from "../kit/dom.js";
import { dim, fitWhole, paint } from "../kit/pixels.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("./trust.js").Judged} Judged */

export class LivePicture {
  /**
   * @param {(words: string) => void} say Why there is no picture, and "" when there is one again.
   * @param {object} [settings]
   * @param {{find: (run: string, z: Float32Array) => {pictures: Decoded, index: number} | null}} [settings.ahead] Pictures that may be there already.
   * @param {number} [settings.limit] Most requests in flight.
   */
  constructor(say, { ahead, limit } = {}) {
    this.say = say;
    this.ahead = ahead;
    this.lost = false; // whether the picture on show is not the latent's
    this.fit = () => {};
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "decoded image" });
    this.images = new NewestWins(
      (/** @type {Judged} */ { run, z }) => source.decode(run, z, 1),
      (decoded, { z }) => this.show(decoded, z),
      (error) => {
        const { message } = /** @type {Error} */ (error);
        this.lost = true;
        dim(this.canvas, true);
        say(error instanceof Unreachable ? message : `No image: ${message}`);
      },
      limit,
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
    if (this.lost) this.say("");
    this.lost = false;
  }

  /** Forget what was asked for. */
  drop() {
    this.images.drop();
  }
}
