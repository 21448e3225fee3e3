/** What is shown of an autoencoder and its VAE twin beside each other in Holes. */

import { sideOf, sides } from "../kit/sides.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * Head a model's side by what it is; who hears the page is told the run's name as well.
 * @param {HTMLElement} heading
 * @param {RunInfo} info
 */
export function entitle(heading, info) {
  const kind = sideOf(info) === "ae" ? "Autoencoder" : "VAE";
  heading.textContent = kind;
  heading.title = `${info.name}: ${info.label}`;
  heading.setAttribute("aria-label", `${kind} ${info.name}`);
}

/**
 * A choice whose words speak for themselves: its label is heard, and not seen.
 * @param {HTMLFieldSetElement} choice
 */
export function unlabelled(choice) {
  const legend = choice.querySelector("legend");
  choice.setAttribute("aria-label", legend?.textContent ?? "");
  legend?.remove();
  return choice;
}

/**
 * What is shown of one or two models, each on its side; on a phone one below the other.
 * @param {RunInfo[]} pair The autoencoder first, where there are two.
 * @param {HTMLElement[]} shown Of each model; those of no model are left out.
 */
export function ampleSides(pair, shown) {
  const kinds = pair.map(sideOf);
  const alike = kinds.length > 1 && kinds[0] === kinds[1];
  const on = (/** @type {"ae" | "vae"} */ side, /** @type {number} */ place) => {
    const found = alike ? place : kinds.indexOf(side);
    return found < 0 ? null : (shown[found] ?? null);
  };
  const row = sides(on("ae", 0), on("vae", 1));
  row.classList.add("xp-holes-sides");
  return row;
}
