/** The large picture of Explore, and the line that says how far it is to be trusted. */

import { h } from "../kit/dom.js";
import { LivePicture } from "../page/picture.js";
import { TrustLine } from "../page/trust.js";
import { source } from "../source/source.js";
import { Ahead } from "./ahead.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const IMAGE_WIDTH = 420;
const BESIDE_WORDS = 0.46; // share of a narrow page that the image takes, so that the trust line fits beside it

export class Stage {
  /**
   * @param {import("../kit/status.js").StatusLine} status
   * @param {() => boolean} narrow Whether the page is one column.
   */
  constructor(status, narrow) {
    this.ahead = new Ahead(source);
    this.picture = new LivePicture(status, { ahead: this.ahead });
    this.trust = new TrustLine();
    this.element = h("div.xp-stage", {}, h("div.xp-frame", {}, this.picture.canvas), this.trust.element);
    this.picture.fitInto(this.element, (room) => (narrow() ? BESIDE_WORDS * room : IMAGE_WIDTH));
  }

  /** @param {RunInfo} info */
  setRun({ image_shape }) {
    const { canvas } = this.picture;
    [, canvas.height, canvas.width] = image_shape;
    this.picture.fit();
  }

  drop() {
    this.ahead.forget();
    this.picture.drop();
    this.trust.drop();
  }

  /**
   * Decode a latent.
   * @param {RunInfo} info
   * @param {Float32Array} z
   */
  draw({ name }, z) {
    this.picture.draw(name, z);
  }

  /**
   * A slider moves: have the pictures of its other places ready.
   * @param {RunInfo} info
   * @param {import("../latent/latent.js").Direction} direction
   * @param {Float32Array} z Where it stands.
   */
  async prepare(info, direction, z) {
    await this.ahead.prepare(info, direction, z);
    this.picture.canvas.dataset.ahead = this.ahead.ready;
  }

  /** The latent moves: what is said of one before is no longer so. */
  doubt() {
    this.trust.doubt();
  }

  /**
   * Say how usual a latent is.
   * @param {RunInfo} info
   * @param {Float32Array} z
   * @param {import("../latent/vacancy.js").Among} among
   */
  judge({ name }, z, among) {
    this.trust.judge(name, z, among);
  }
}
