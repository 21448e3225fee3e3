/**
 * The part of the page's address after '#': which run, tab and latent are shown, so that a view can be sent.
 *
 * Version 1: `#v=1&run=mnist-vae-2&tab=explore&with=mnist-vae-16&dir=pca.1&grid=pca.0,pca.1,15&z=0.12,-1.3`, and of a walk
 * `&from=image.7&to=latent.0.5,-2&way=spherical&steps=12&over=0.25&at=0.4`. What else a tab shows stands under its name,
 * `&map.colour=label&holes.law=raw`. It comes from strangers: everything is checked, and what does not pass is left out;
 * whether a tab knows a value of its own is for the tab to check.
 */

import { LIMIT } from "./latent.js";

const RUN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NUMBER = /^-?(\d+(\.\d*)?|\.\d+)(e[-+]?\d{1,2})?$/i;
const TAB = /^[a-z]{1,20}$/; // the page opens those it has, and leaves out any other
const DIRECTION = /^(axes|pca|classes|attributes)\.\d{1,4}$/;
const GRID = /^((axes|pca|classes|attributes)\.\d{1,4},){2}(9|1\d|2[01])$/;
const IMAGE = /^image\.(\d{1,7})$/;
const STATE = /^([a-z]{1,20})\.([a-z]{1,16})$/;
export const LONGEST_VALUE = 200;
const MOST_STATES = 60; // of all tabs together
const LONGEST = 40000;
const LARGEST_DIM = 1024;

/** Bounds of a walk: its steps, and how far it goes beyond its ends, as a share of the way between them. */
export const PATH_BOUNDS = { fewest: 2, most: 64, overshoot: 2 };

/** What a walk is unless its address says otherwise. @type {Required<Omit<Path, "from" | "to">>} */
export const USUAL_PATH = { kind: "linear", steps: 9, overshoot: 0, at: 0.5 };

/** What a tab was called before; a link to it leads to what has taken its place. @type {Readonly<Record<string, string>>} */
const RENAMED = { training: "report" };

/**
 * The tab that an address names, by its name of today, or null.
 * @param {string | null} text
 */
export const tabIn = (text) => (text !== null && TAB.test(text) ? (Object.hasOwn(RENAMED, text) ? RENAMED[text] : text) : null);

/** What a tab shows, in its own words. @typedef {Readonly<Record<string, string>>} TabState */

/** @typedef {number | Float32Array} PathEnd The number of a test image, or a latent. */

/**
 * A walk between two latents.
 * @typedef {object} Path
 * @property {PathEnd} [from] Where position 0 is.
 * @property {PathEnd} [to] Where position 1 is.
 * @property {import("./walk.js").PathKind} [kind]
 * @property {number} [steps]
 * @property {number} [overshoot] Share of the way that it goes beyond either end.
 * @property {number} [at] The position on show.
 */

/**
 * @typedef {object} Address
 * @property {string} [run]
 * @property {string} [tab]
 * @property {string} [other] The run that it is compared with where that is not its twin; "" for none.
 * @property {string} [direction] The active one in Explore: its set, and its place there from 0.
 * @property {string} [grid] The lattice in Explore: two such directions, and pictures a side, 9 to 21.
 * @property {Float32Array} [latent]
 * @property {Path} [path] The walk in Interpolate; what is usual of it may be missing.
 * @property {Record<string, TabState>} [states] What else tabs show, by tab; what is usual is missing.
 */

/** Numbers short enough for an address: five digits, and six decimals. @param {Float32Array} latent */
const written = (latent) => Array.from(latent, (v) => +(+v.toPrecision(5)).toFixed(6)).join(",");

/**
 * Numbers of a latent, or null where they are none.
 * @param {string | null} text
 */
function latentIn(text) {
  const values = text?.split(",");
  const sound = values && values.length <= LARGEST_DIM && values.every((v) => NUMBER.test(v) && Math.abs(+v) <= LIMIT);
  return sound ? Float32Array.from(values, Number) : null;
}

/**
 * @param {PathEnd} end
 * @returns {string | null} Null for one that is too long.
 */
function endText(end) {
  if (typeof end === "number") return `image.${end}`;
  return end.length <= LARGEST_DIM ? `latent.${written(end)}` : null;
}

/**
 * @param {string | null} text
 * @returns {PathEnd | null}
 */
function endIn(text) {
  const image = IMAGE.exec(text ?? "");
  if (image) return Number(image[1]);
  return text?.startsWith("latent.") ? latentIn(text.slice("latent.".length)) : null;
}

/**
 * A number of an address within bounds, or undefined.
 * @param {string | null} text
 * @param {number} low
 * @param {number} high
 */
function numberIn(text, low, high) {
  const value = text !== null && NUMBER.test(text) ? Number(text) : NaN;
  return value >= low && value <= high ? value : undefined;
}

/**
 * The parts of an address that say what walk is shown.
 * @param {Path} path
 */
function pathParts({ from, to, kind, steps, overshoot, at }) {
  const [a, b] = [from, to].map((end) => (end === undefined ? null : endText(end)));
  const parts = [];
  if (a) parts.push(`from=${a}`);
  if (b) parts.push(`to=${b}`);
  if (kind && kind !== USUAL_PATH.kind) parts.push(`way=${kind}`);
  if (steps !== undefined && steps !== USUAL_PATH.steps) parts.push(`steps=${steps}`);
  if (overshoot !== undefined && overshoot !== USUAL_PATH.overshoot) parts.push(`over=${overshoot}`);
  if (at !== undefined && at !== USUAL_PATH.at) parts.push(`at=${+at.toFixed(4)}`);
  return parts;
}

/**
 * @param {URLSearchParams} fields
 * @returns {Path | null} Null where nothing is said of a walk.
 */
function pathIn(fields) {
  /** @type {Path} */
  const found = {};
  const [from, to] = [endIn(fields.get("from")), endIn(fields.get("to"))];
  if (from !== null) found.from = from;
  if (to !== null) found.to = to;
  const way = fields.get("way");
  if (way === "linear" || way === "spherical") found.kind = way;
  const { fewest, most, overshoot } = PATH_BOUNDS;
  const steps = numberIn(fields.get("steps"), fewest, most);
  if (steps !== undefined && Number.isInteger(steps)) found.steps = steps;
  const over = numberIn(fields.get("over"), 0, overshoot);
  if (over !== undefined) found.overshoot = over;
  const at = numberIn(fields.get("at"), -overshoot, 1 + overshoot);
  if (at !== undefined) found.at = at;
  return Object.keys(found).length ? found : null;
}

/**
 * Whether a value of a tab's state can stand in an address.
 * @param {string} tab
 * @param {string} key
 * @param {string} value
 */
export const isState = (tab, key, value) => STATE.test(`${tab}.${key}`) && value.length <= LONGEST_VALUE;

/**
 * The parts of an address that tabs have put there.
 * @param {Record<string, TabState>} states
 */
const stateParts = (states) =>
  Object.entries(states)
    .flatMap(([tab, state]) => Object.entries(state).map(([key, value]) => ({ tab, key, value })))
    .filter(({ tab, key, value }) => value && isState(tab, key, value))
    .slice(0, MOST_STATES)
    .map(({ tab, key, value }) => `${tab}.${key}=${encodeURIComponent(value)}`);

/**
 * @param {URLSearchParams} fields
 * @returns {Record<string, TabState> | null} Null where no tab has put anything there.
 */
function statesIn(fields) {
  /** @type {Map<string, Map<string, string>>} */
  const found = new Map();
  let count = 0;
  for (const [name, value] of fields) {
    const [, named, key] = STATE.exec(name) ?? [];
    const tab = tabIn(named ?? null);
    if (tab === null || !value || value.length > LONGEST_VALUE || ++count > MOST_STATES) continue;
    const state = found.get(tab) ?? new Map();
    if (!state.has(key)) state.set(key, value); // as with every other name, the first one counts
    found.set(tab, state);
  }
  return found.size ? Object.fromEntries([...found].map(([tab, state]) => [tab, Object.fromEntries(state)])) : null;
}

/**
 * @param {Address} view
 * @returns {string} The fragment with its '#'.
 */
export function toFragment({ run, tab, other, direction, grid, latent, path, states }) {
  const parts = ["v=1"];
  if (run) parts.push(`run=${encodeURIComponent(run)}`);
  if (tab) parts.push(`tab=${encodeURIComponent(tab)}`);
  if (other !== undefined) parts.push(`with=${encodeURIComponent(other)}`);
  if (direction) parts.push(`dir=${direction}`);
  if (grid) parts.push(`grid=${grid}`);
  if (path) parts.push(...pathParts(path));
  if (states) parts.push(...stateParts(states));
  if (latent && latent.length <= LARGEST_DIM) parts.push(`z=${written(latent)}`);
  return `#${parts.join("&")}`;
}

/**
 * Whether a link names a latent, be it one that is not understood.
 * @param {string} fragment
 */
export const namesLatent = (fragment) => typeof fragment === "string" && /(^#?|&)z=/.test(fragment);

/**
 * @param {string} fragment With or without its '#'; anything at all.
 * @returns {Address} What could be understood; empty when nothing could.
 */
export function fromFragment(fragment) {
  if (typeof fragment !== "string" || fragment.length > LONGEST) return {};
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  if (fields.get("v") !== "1") return {};
  /** @type {Address} */
  const found = {};
  const run = fields.get("run");
  if (run && RUN.test(run)) found.run = run;
  const tab = tabIn(fields.get("tab"));
  if (tab !== null) found.tab = tab;
  const other = fields.get("with");
  if (other !== null && (other === "" || RUN.test(other))) found.other = other;
  const direction = fields.get("dir");
  if (direction && DIRECTION.test(direction)) found.direction = direction;
  const grid = fields.get("grid");
  if (grid && GRID.test(grid)) found.grid = grid;
  const latent = latentIn(fields.get("z"));
  if (latent) found.latent = latent;
  const path = pathIn(fields);
  if (path) found.path = path;
  const states = statesIn(fields);
  if (states) found.states = states;
  return found;
}
