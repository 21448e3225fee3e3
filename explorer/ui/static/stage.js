/** The large picture of Explore, and the line that says how far it is to be trusted. */

import { h } from "./dom.js";
import { dim, fitWhole, paint } from "./pixels.js";
import { NewestWins, Unreachable, decoder, describe } from "./transport.js";
import { showTrust } from "./trust.js";

/** @typedef {import("./view.js").RunInfo} RunInfo */

const IMAGE_WIDTH = 420;
const BESIDE_WORDS = 0.46; // share of a narrow page that the image takes, so that the trust line fits beside it

export class Stage {
  /**
   * @param {(words: string) => void} say
   * @param {() => boolean} narrow Whether the page is one column.
   */
  constructor(say, narrow) {
    this.lost = false; // whether the picture on show is not the latent's
    this.images = new NewestWins(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => decoder.decode(run, z, 1),
      (decoded, { z }) => {
        paint(this.canvas, decoded);
        this.fit();
        this.canvas.dataset.latent = Array.from(z).join(",");
        dim(this.canvas, false);
        if (this.lost) say("");
        this.lost = false;
      },
      (error) => {
        const { message } = /** @type {Error} */ (error);
        this.lost = true;
        dim(this.canvas, true);
        say(error instanceof Unreachable ? message : `No image: ${message}`);
      },
    );
    this.trusts = new NewestWins(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => describe(run, z),
      (answer) => showTrust(this.trust, answer),
      () => this.trust.replaceChildren(),
      2,
    );
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "decoded image" });
    this.trust = h("p.xp-trust", { "aria-live": "polite" });
    this.element = h("div.xp-stage", {}, h("div.xp-frame", {}, this.canvas), this.trust);
    this.fit = fitWhole(this.canvas, this.element, (room) => (narrow() ? BESIDE_WORDS * room : IMAGE_WIDTH));
  }

  /** @param {RunInfo} info */
  setRun({ image_shape }) {
    [, this.canvas.height, this.canvas.width] = image_shape;
    this.fit();
  }

  drop() {
    this.images.drop();
    this.trusts.drop();
  }

  /**
   * Decode a latent.
   * @param {RunInfo} info
   * @param {Float32Array} z
   */
  draw({ name }, z) {
    this.images.ask({ run: name, z: z.slice() });
  }

  /**
   * Say how usual a latent is.
   * @param {RunInfo} info
   * @param {Float32Array} z
   */
  judge({ name }, z) {
    this.trusts.ask({ run: name, z: z.slice() });
  }
}
