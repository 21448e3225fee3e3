/** What a map writes into the page's address, so that a link shows the same map, and what it takes up from one. */

import { LONGEST_VALUE } from "../latent/address.js";
import { canUnfold } from "./unfold.js";

/** @typedef {import("./layers.js").LayerName} LayerName */
/** @typedef {import("./data.js").RunInfo} RunInfo */

/** What lies over a map unless somebody chose otherwise. @type {Record<LayerName, boolean>} */
export const USUAL_LAYERS = { names: true, prior: true, density: false, spread: false, classes: false, pictures: false, backdrop: false };

const NO_LAYER = "none";

/** The plane of a run's map before somebody chooses another. @param {{latent_dim: number}} info */
export const usualPlane = ({ latent_dim: d }) => (d === 1 ? "0" : d === 2 ? "0,1" : "pca");

/**
 * A map as its part of the address; what is usual is "" and left out.
 * @param {object} shown
 * @param {RunInfo} shown.info
 * @param {string} shown.plane
 * @param {string} shown.colour
 * @param {string} shown.usualColour
 * @param {string} shown.highlight Numbers of the classes that are coloured, "" for the usual ones.
 * @param {Record<LayerName, boolean>} shown.on
 * @param {number} shown.epoch Of the fit, that is on show beside; 0 for none.
 * @param {number | null} shown.image The chosen one.
 * @param {ArrayLike<number>} shown.rows The selected ones; more than an address holds are left out.
 * @returns {Record<string, string>}
 */
export function stateOf({ info, plane, colour, usualColour, highlight, on, epoch, image, rows }) {
  const names = /** @type {LayerName[]} */ (Object.keys(USUAL_LAYERS));
  const isUsual = names.every((name) => on[name] === USUAL_LAYERS[name]);
  const picked = Array.from(rows).join(",");
  return {
    plane: plane === usualPlane(info) ? "" : plane,
    colour: colour === usualColour ? "" : colour,
    classes: highlight,
    layers: isUsual ? "" : names.filter((name) => on[name]).join(",") || NO_LAYER,
    epoch: epoch ? String(epoch) : "",
    image: image === null ? "" : String(image),
    rows: picked.length > LONGEST_VALUE ? "" : picked,
  };
}

/**
 * @param {string} text
 * @param {number} below
 * @returns {number[]} Whole numbers in a row; none where one is none, or too large.
 */
function numbersIn(text, below) {
  const parts = text.split(",");
  return parts.every((part) => /^\d{1,9}$/.test(part) && Number(part) < below) ? parts.map(Number) : [];
}

/**
 * What of a map's part of an address makes sense for a run; anybody may have written it.
 * @param {Record<string, string>} state
 * @param {RunInfo} info
 * @param {string[]} colours That are offered.
 * @param {boolean} hasTsne Whether a layout can be had.
 * @returns {{plane: string, colour: string | null, highlight: string, layers: Record<LayerName, boolean> | null, epoch: number, image: number | null, rows: number[]}}
 */
export function wished({ plane = "", colour = "", classes = "", layers = "", epoch = "", image = "", rows = "" }, info, colours, hasTsne) {
  const d = info.latent_dim;
  const axes = numbersIn(plane, d);
  const isPlane = (plane === "pca" && d > 1) || (plane === "tsne" && d > 2 && hasTsne) || (axes.length === 2 && axes[0] !== axes[1]);
  const named = layers === NO_LAYER ? [] : layers.split(",");
  const known = layers !== "" && named.every((name) => Object.hasOwn(USUAL_LAYERS, name));
  const on = Object.fromEntries(Object.keys(USUAL_LAYERS).map((name) => [name, named.includes(name)]));
  return {
    plane: isPlane ? plane : usualPlane(info),
    colour: colours.includes(colour) ? colour : null,
    highlight: numbersIn(classes, info.classes?.length ?? 0).join(","),
    layers: known ? /** @type {Record<LayerName, boolean>} */ (on) : null,
    epoch: canUnfold(info) ? (numbersIn(epoch, Infinity)[0] ?? 0) : 0,
    image: numbersIn(image, info.count)[0] ?? null,
    rows: numbersIn(rows, info.count),
  };
}
