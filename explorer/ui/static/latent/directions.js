/** Which directions Explore offers, what they and their units are called, and how a link names one. */

import { levelOf } from "./latent.js";
import { isPoint } from "./run.js";

/** @typedef {import("./latent.js").Direction} Direction */
/** @typedef {import("./run.js").RunInfo} RunInfo */

/** @typedef {"axes" | "pca" | "classes" | "attributes" | "found"} SetName */

/** Sets of directions in the order in which they are offered; what was found on the page is in no link. */
export const SETS = /** @type {{value: SetName, text: string, hint: string}[]} */ ([
  { value: "axes", text: "Latent axes", hint: "One slider per latent dimension, strongest first" },
  { value: "pca", text: "PCA directions", hint: "Directions along which the encoded data varies most" },
  { value: "classes", text: "Classes", hint: "From the mean of all other images to the mean of a class" },
  { value: "attributes", text: "Attributes", hint: "From the mean of the images without something to the mean of those with it" },
  { value: "found", text: "Found", hint: "Directions that were found on the map or below" },
]);

/**
 * The directions of a set; none where the run has none of them.
 * @param {RunInfo | null} info
 * @param {string} set
 * @param {Map<string, Direction[]>} found By run, as the view holds them.
 * @returns {Direction[]}
 */
export function directionsOf(info, set, found) {
  if (!info) return [];
  if (set === "found") return found.get(info.name) ?? [];
  return info.directions[/** @type {"axes"} */ (set)] ?? [];
}

/**
 * The sets that a run has.
 * @param {RunInfo} info
 * @param {Map<string, Direction[]>} found
 */
export const setsOf = (info, found) => SETS.filter(({ value }) => directionsOf(info, value, found).length > 0);

/** Attributes that a visitor looks for first, whatever their strength. */
const SOUGHT = ["Smiling", "Male", "Eyeglasses", "Blond_Hair"];

/**
 * Directions as they are offered: those that are sought first, then as they come, the strongest first.
 * @template {Pick<Direction, "name">} D
 * @param {D[]} directions
 * @returns {D[]}
 */
export function inOrder(directions) {
  const rank = (/** @type {D} */ { name }) => (SOUGHT.includes(name) ? SOUGHT.indexOf(name) : SOUGHT.length);
  return [...directions].sort((one, other) => rank(one) - rank(other));
}

/**
 * The set that is offered first: attributes have words that everybody knows.
 * @param {RunInfo} info
 * @returns {SetName}
 */
export const usualSet = ({ directions }) => (directions.attributes?.length ? "attributes" : "axes");

/** Whether the directions of a set have numbers for names, which say nothing of where they lead. @param {string} set */
export const isNumbered = (set) => set === "axes" || set === "pca";

/**
 * What a link calls a direction: its set and its place there.
 * @param {string} set
 * @param {number} index
 */
export const keyOf = (set, index) => `${set}.${index}`;

/**
 * The direction that a key names, or null where the run has no such.
 * @param {RunInfo} info
 * @param {string} key
 * @param {Map<string, Direction[]>} found
 * @returns {{set: SetName, index: number, direction: Direction} | null}
 */
export function directionAt(info, key, found) {
  const [name, place] = key.split(".");
  const set = SETS.find(({ value }) => value === name)?.value;
  const direction = set && directionsOf(info, set, found)[Number(place)];
  return set && direction ? { set, index: Number(place), direction } : null;
}

/**
 * What the sliders of a set count in.
 * @param {string} set
 * @param {RunInfo} info
 */
export function unitOf(set, info) {
  if (set === "pca") return "standard deviations of the encoded data along the direction";
  if (set === "classes") return "\u22121 is the mean of all other images, +1 the mean of the class";
  if (set === "attributes") return "\u22121 is the mean of the images without it, +1 the mean of those with it";
  if (set === "found") return "each direction's own: \u22121 and +1 are what it leads from and to";
  return isPoint(info) ? "latent units" : "standard deviations of the prior";
}

/**
 * What the numbers beside the sliders' names mean, where it is not plain.
 * @param {Direction[]} directions
 */
export function notesHint(directions) {
  if (directions.some(({ note }) => note.includes("nats"))) return " Nats: how much the axis tells about an image.";
  if (directions.some(({ note }) => note.includes("reliability"))) {
    return (
      " Reliability: cosine between the directions found on two random halves of the images, 1 at best; " +
      "sd: standard deviations within the groups; n: images with it / without it."
    );
  }
  return "";
}

/**
 * What a direction is called: where a run has several levels of latents, with the one it moves.
 * @param {Pick<Direction, "name" | "vector">} direction
 * @param {number[]} [sizes] Axes of each level, the top one first.
 */
export function directionName(direction, sizes = []) {
  const level = sizes.length > 1 ? levelOf(direction, sizes) : null;
  const words = direction.name.replaceAll("_", " ");
  return level === null ? words : `${words} · level ${level}`;
}

/**
 * Of many directions those whose names hold all words of a filter.
 * @template {Pick<Direction, "name">} D
 * @param {D[]} directions
 * @param {string} filter
 */
export function namedLike(directions, filter) {
  const words = filter.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
  return directions.filter(({ name }) => {
    const text = name.toLowerCase().replaceAll("_", " ");
    return words.every((word) => text.includes(word));
  });
}

/**
 * A step that divides a slider into some hundred places, and is 1, 2 or 5 times a power of ten.
 * @param {number} low
 * @param {number} high
 */
export function niceStep(low, high) {
  const wanted = (high - low) / 120;
  if (!(wanted > 0)) return 0.01;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((m) => m * power >= wanted * 0.999) ?? 10;
  return +(step * power).toPrecision(1);
}
