/** Arithmetic and words of Holes that need no page: grids of values, slices, paths, and what is said of a place. */

import { levelOf, onPlane } from "../latent/latent.js";
import { percent, shown } from "../latent/numbers.js";
import { verdict } from "../latent/vacancy.js";
import { tickStep } from "../plane/ticks.js";

/** @typedef {import("../latent/latent.js").Plane} Plane */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {[number, number]} Place A place (a, b) of a plane, in standard deviations of the codes. */
/** @typedef {{from: Place, to: Place}} Segment */

/** Where the arrow keys go on a plane. */
export const ARROWS = /** @type {Record<string, Place>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });

/** How far an arrow key goes on a plane: a thirtieth of half its width, or a little more, as a round number. @param {number} extent */
export const stepOf = (extent) => tickStep(extent, 30);

/** Places along a path whose p-values are measured, and of them the pictures that are shown. */
export const STEPS = 41;
export const FILMS = 11;

/**
 * Value of an even grid over [-extent, extent] at the cell nearest to (a, b).
 * @param {ArrayLike<number>[] | ArrayLike<number>} grid Rows from below, or all of them in one.
 * @param {number} size Cells on a side.
 * @param {number} extent
 * @param {number} a
 * @param {number} b
 */
export function gridValue(grid, size, extent, a, b) {
  const place = (/** @type {number} */ v) => Math.min(size - 1, Math.max(0, Math.round(((v + extent) / (2 * extent)) * (size - 1))));
  const [row, column] = [place(b), place(a)];
  const first = /** @type {any} */ (grid)[0];
  return typeof first === "number" ? /** @type {any} */ (grid)[row * size + column] : /** @type {any} */ (grid)[row][column];
}

/**
 * An array as the server packs it into JSON.
 * @typedef {{kind: "f4" | "u1", shape: number[], bytes: string}} PackedNumbers
 */

/** @typedef {{values: Float32Array | Uint8Array, shape: number[]}} Numbers */

/**
 * Numbers of an array that the server packed; or that the page itself computed.
 * @param {PackedNumbers | Numbers} told
 * @returns {Numbers}
 */
export function numbersOf(told) {
  if ("values" in told) return told;
  const { kind, shape, bytes } = told;
  const letters = atob(bytes);
  const raw = new Uint8Array(letters.length);
  for (let k = 0; k < raw.length; k++) raw[k] = letters.charCodeAt(k);
  return { values: kind === "u1" ? raw : new Float32Array(raw.buffer), shape };
}

/**
 * Latents at the middles of the cells of a lattice over a plane, the upper row first.
 * @param {Plane} plane
 * @param {number} cells On a side.
 * @param {number} extent
 * @returns {Float32Array} (cells * cells * d)
 */
export function cellLatents(plane, cells, extent) {
  const d = plane.origin.length;
  const latents = new Float32Array(cells * cells * d);
  const middle = (/** @type {number} */ k) => -extent + ((2 * extent) / cells) * (k + 0.5);
  for (let cell = 0; cell < cells * cells; cell++) latents.set(onPlane(plane, middle(cell % cells), middle(cells - 1 - Math.floor(cell / cells))), cell * d);
  return latents;
}

/**
 * Diagonals of the cells of a lattice that are holes, as an SVG path in the plane's coordinates.
 * @param {ArrayLike<number>} holes (size * size), by row from below.
 * @param {number} size
 * @param {number} extent Half the width that they fill.
 */
export function hatching(holes, size, extent) {
  const edge = (2 * extent) / size;
  const parts = [];
  for (let cell = 0; cell < size * size; cell++) {
    if (!holes[cell]) continue;
    const [x, y] = [-extent + (cell % size) * edge, -extent + Math.floor(cell / size) * edge];
    parts.push(`M${+x.toPrecision(6)},${+y.toPrecision(6)}L${+(x + edge).toPrecision(6)},${+(y + edge).toPrecision(6)}`);
  }
  return parts.join("");
}

/** The box whose cells have their middles at an even grid over [-extent, extent]. @param {number} size @param {number} extent */
export function cellBox(size, extent) {
  const half = extent + extent / (size - 1);
  return { left: -half, right: half, bottom: -half, top: half };
}

/**
 * Three different numbers of images.
 * @param {number} count Images there are, three at least.
 * @param {() => number} [random] In [0, 1).
 * @returns {number[]}
 */
export function threeOf(count, random = Math.random) {
  /** @type {number[]} */
  const chosen = [];
  for (let left = count; left > count - 3; left--) {
    let number = Math.floor(random() * left); // among those that are left
    for (const taken of [...chosen].sort((a, b) => a - b)) if (number >= taken) number++;
    chosen.push(number);
  }
  return chosen;
}

/**
 * A place kept on the plane.
 * @param {Place} place
 * @param {number} extent
 * @returns {Place}
 */
export function keptOn([a, b], extent) {
  const kept = (/** @type {number} */ v) => Math.min(extent, Math.max(-extent, v));
  return [kept(a), kept(b)];
}

/**
 * A place of a path.
 * @param {Segment} segment
 * @param {number} t 0 is its start, 1 its end.
 * @returns {Place}
 */
export const alongPath = ({ from, to }, t) => [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];

/**
 * Latents at even steps of a path, flat.
 * @param {Plane} plane
 * @param {Segment} segment
 * @param {number} count At least 2.
 * @returns {Float32Array} (count * d)
 */
export function pathLatents(plane, segment, count) {
  const d = plane.origin.length;
  const latents = new Float32Array(count * d);
  for (let k = 0; k < count; k++) latents.set(onPlane(plane, ...alongPath(segment, k / (count - 1))), k * d);
  return latents;
}

/**
 * Two ends as a query says them.
 * @param {Segment} segment
 */
export const endsText = ({ from, to }) => [...from, ...to].map((v) => +v.toFixed(6)).join(",");

/**
 * Share of a slice's movement that falls on each level of latents.
 * @param {Plane} plane
 * @param {number[]} sizes Axes of each level, the top one first.
 * @returns {number[]} Summing to one.
 */
export function levelShares({ first, second }, sizes) {
  const squares = first.map((v, i) => v * v + second[i] * second[i]);
  const total = squares.reduce((sum, v) => sum + v, 0) || 1;
  let end = 0;
  return sizes.map((size) => squares.slice(end, (end += size)).reduce((sum, v) => sum + v, 0) / total);
}

/**
 * Directions that a slice can be spanned by: what they are called, and the key that both models of a pair understand.
 * @param {RunInfo} info
 * @returns {{value: string, text: string}[]}
 */
export function sliceDirections(info) {
  const { axes, pca, classes = [], attributes = [] } = info.directions;
  /** @param {string} kind @param {string[] | null} names @param {{name: string}[]} found */
  const named = (kind, names, found) =>
    (names ?? []).flatMap((name, place) => (found.some((direction) => direction.name === name) ? [{ value: `${kind}:${place}`, text: name.replaceAll("_", " ") }] : []));
  const sizes = info.level_sizes ?? [];
  const level = (/** @type {import("../latent/latent.js").Direction} */ direction) => {
    const found = sizes.length > 1 ? levelOf(direction, sizes) : null;
    return found === null ? "" : ` · level ${found}`;
  };
  return [
    ...named("classes", info.classes, classes).map(({ value, text }) => ({ value, text: `class ${text}` })),
    ...named("attributes", info.attributes, attributes),
    ...pca.map((_, k) => ({ value: `pca:${k}`, text: `component ${k + 1} of its codes` })),
    ...axes.map((axis, k) => ({ value: `axes:${k}`, text: `its axis ${k + 1} by strength${level(axis)}` })),
  ];
}

/** @typedef {{state: "hole" | "edge" | "near" | "", sign: string, name: string, text: string}} Fact */

/**
 * A p-value in words.
 * @param {string} name
 * @param {number | null | undefined} p
 * @param {{hole: string, edge: string, near: string}} words By verdict.
 * @returns {Fact}
 */
function fact(name, p, words) {
  if (typeof p !== "number" || !Number.isFinite(p)) return { state: "", sign: "–", name, text: "not known here" };
  const { state, sign } = verdict(p);
  return { state, sign, name, text: `p = ${shown(p, 2)}, ${words[state]}` };
}

/**
 * All that is known of a place beside its vacancy, in words with signs.
 * @param {Record<string, any>} answer Of the place route.
 * @param {string} layer
 * @param {number | null} value Of the layer's own colours at the place.
 * @returns {Fact[]}
 */
export function placeFacts(answer, layer, value) {
  const rarer = (/** @type {number} */ p) => `than ${percent(1 - p)} of the codes of new images`;
  const miss = `comes back ${shown(answer.miss, 2)} sd away per active axis`;
  const p = answer.layer;
  const facts = [
    fact("Round trip", answer.round_trip, {
      hole: `${miss}, further ${rarer(answer.round_trip)}`,
      edge: `${miss}, further ${rarer(answer.round_trip)}`,
      near: `${miss}, which is usual`,
    }),
  ];
  if (layer === "density") {
    const over = `samples come here too often, more so ${rarer(p)}`;
    facts.push(fact("Density ratio", p, { hole: over, edge: over, near: "samples come here about as often as images do" }));
  } else if (layer === "validity") {
    const unlike = `less like a real image ${rarer(p)}`;
    facts.push(fact("Validity", p, { hole: unlike, edge: unlike, near: "as like a real image as decodes of new images are" }));
  } else if (layer === "class" && answer.class !== undefined) {
    facts.push({ state: "", sign: "◆", name: "Class", text: `taken for ${answer.class}, sure to ${percent(answer.chance ?? 0)}` });
  } else if (layer === "entropy" && answer.class !== undefined) {
    facts.push({ state: "", sign: "◆", name: "Doubt", text: `${shown(p, 2)} nats; taken for ${answer.class}, sure to ${percent(answer.chance ?? 0)}` });
  } else if (layer === "cliff" && value !== null) {
    facts.push({ state: "", sign: "◆", name: "Cliff", text: `${shown(value, 2)}, log change of the image per sd²` });
  }
  return facts;
}

/**
 * What a path leads through, in words.
 * @param {ArrayLike<number>} p Vacancy at even steps.
 * @param {number} alpha
 */
export function pathSummary(p, alpha) {
  let holes = 0;
  for (let k = 0; k < p.length; k++) if (p[k] <= alpha) holes++;
  return holes ? `▨ ${percent(holes / p.length)} of the way lies in holes` : "● no part of the way lies in a hole";
}
