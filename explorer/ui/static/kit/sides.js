/** The two kinds of model beside each other: the autoencoder left and orange, the VAE right and blue. */

import { isPoint } from "../latent/run.js";
import { h } from "./dom.js";

/** @typedef {"ae" | "vae"} Side */

/**
 * On which side a model stands: one without a prior is an autoencoder, whatever its family is called.
 * @param {import("../latent/run.js").RunInfo} info
 * @returns {Side}
 */
export const sideOf = (info) => (isPoint(info) ? "ae" : "vae");

/**
 * Two models in a row, equally wide; one alone has the row to itself.
 * @param {HTMLElement | null} left What is shown of the autoencoder.
 * @param {HTMLElement | null} right What is shown of the VAE.
 * @returns {HTMLElement}
 */
export function sides(left, right) {
  const side = (/** @type {HTMLElement | null} */ shown, /** @type {Side} */ which) => shown && h("div.xp-side", { "data-side": which }, shown);
  return h("div.xp-sides", {}, side(left, "ae"), side(right, "vae"));
}
