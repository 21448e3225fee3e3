/** The large picture of a model in Explore, its name, and the line that says how far the picture is to be trusted. */

import { h } from "../kit/dom.js";
import { sideOf } from "../kit/sides.js";
import { LivePicture } from "../page/picture.js";
import { TrustLine } from "../page/trust.js";
import { source } from "../source/source.js";
import { Ahead } from "./ahead.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const IMAGE_WIDTH = 420;
const FRAME_PX = 22; // of the frame around the picture, both sides

/** What a model is called over its picture. @param {import("../kit/sides.js").Side} side */
export const modelWords = (side) => (side === "ae" ? "Autoencoder" : "VAE");

/**
 * Width of a picture beside another, or alone.
 * @param {number} room CSS pixels.
 */
export const stageWidth = (room) => Math.min(IMAGE_WIDTH, room - FRAME_PX);

export class Stage {
  /** @param {import("../kit/status.js").StatusLine} status */
  constructor(status) {
    this.ahead = new Ahead(source);
    this.picture = new LivePicture(status, { ahead: this.ahead });
    this.told = h("p.xp-hint");
    this.trust = new TrustLine(this.told);
    this.name = h("h2.xp-side-name");
    this.element = h("div.xp-stage", {}, this.name, h("div.xp-frame", {}, this.picture.canvas), this.trust.element);
    this.picture.fitInto(this.element, stageWidth);
  }

  /** @param {RunInfo} info */
  setRun(info) {
    const { canvas } = this.picture;
    [, canvas.height, canvas.width] = info.image_shape;
    this.name.textContent = modelWords(sideOf(info));
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
