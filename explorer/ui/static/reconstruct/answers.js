/** What both models make of an image, side by side and equally large, and the three numbers that matter first. */

import { h } from "../kit/dom.js";
import { fitWhole, paint } from "../kit/pixels.js";
import { sideOf, sides } from "../kit/sides.js";
import { term } from "../kit/term.js";
import { shown } from "../latent/numbers.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * An image as a model gives it back; its look is missing while the hand moves.
 * @typedef {{info: RunInfo, reconstruction: Decoded, look?: import("./look.js").Look}} Answer
 */

const WIDTH = 420;
const FRAME_PX = 22; // of the frame around a picture, both sides

/**
 * Mean squared error of two images, pixels in [0, 1].
 * @param {Decoded} image
 * @param {Decoded} other
 */
export function squaredError({ pixels }, { pixels: others }) {
  let sum = 0;
  for (let k = 0; k < pixels.length; k++) sum += ((pixels[k] - others[k]) / 255) ** 2;
  return sum / pixels.length;
}

/** One model: its name, its picture, its numbers. */
class AnswerSide {
  /** @param {RunInfo} info */
  constructor(info) {
    this.info = info;
    const [, height, width] = info.image_shape;
    this.canvas = h("canvas.xp-image", { width, height, role: "img", "aria-label": `reconstruction ${info.name}` });
    this.numbers = h("p.xp-answer-numbers", { "aria-live": "off" });
    this.element = h("div.xp-answer", {}, h("h2.xp-side-name", {}, sideOf(info) === "ae" ? "Autoencoder" : "VAE"), h("div.xp-frame", {}, this.canvas), this.numbers);
    fitWhole(this.canvas, this.element, (room) => Math.min(WIDTH, room - FRAME_PX));
  }

  /** @param {Answer} answer @param {Decoded | null} image */
  show({ reconstruction, look }, image) {
    paint(this.canvas, reconstruction);
    if (!image) return this.numbers.replaceChildren();
    const rate = look && look.rate !== null ? [", ", term("rate"), ` ${shown(look.rate, 3)} `, term("nats")] : [];
    this.numbers.replaceChildren(`error ${shown(look?.mse ?? squaredError(image, reconstruction), 2)}`, ...rate);
  }
}

export class Answers {
  constructor() {
    /** @type {AnswerSide[]} */
    this.sides = [];
    this.element = h("div.xp-answers");
  }

  /**
   * Have a place for each model, empty until it answers.
   * @param {RunInfo[]} models The run, then its twin.
   */
  setModels(models) {
    this.sides = models.map((info) => new AnswerSide(info));
    const [mine, other] = this.sides.map(({ element }) => element);
    this.element.replaceChildren(sideOf(models[0]) === "ae" ? sides(mine, other ?? null) : sides(other ?? null, mine));
  }

  /**
   * @param {Answer[]} found
   * @param {Decoded | null} image Null where nobody has it: then nothing is measured.
   */
  show(found, image) {
    if (found.length !== this.sides.length || found.some(({ info }, k) => info !== this.sides[k].info)) this.setModels(found.map(({ info }) => info));
    found.forEach((answer, k) => this.sides[k].show(answer, image));
  }

  /** What changes with the image: the names over it do not. @returns {HTMLElement[]} */
  get said() {
    return this.sides.flatMap(({ canvas, numbers }) => [canvas, numbers]);
  }

  /** Nothing is answered. */
  clear() {
    for (const { info, canvas, numbers } of this.sides) {
      [, canvas.height, canvas.width] = info.image_shape; // an empty picture as large as one
      numbers.replaceChildren();
    }
  }
}
