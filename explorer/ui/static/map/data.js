/** What a map asks the server for, each thing once. */

import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { byAttribute, byClass, byGroup, byNumber } from "./colours.js";

/** @typedef {import("../latent/run.js").RunInfo & {attributes?: string[] | null}} RunInfo */

/**
 * An array about every image; its address names the version of the run's files, so that it may be kept for ever.
 * @param {RunInfo} info
 * @param {"places" | "spread"} what
 * @param {Record<string, string>} [query]
 * @returns {Promise<Float32Array>}
 */
export function arrayOf(info, what, query = {}) {
  const said = { ...query, v: source.version(info) };
  return view.once(`${what} ${info.name} ${JSON.stringify(said)}`, () => source.ask(what, info.name, { query: said }));
}

/**
 * The axes of a map and the plane in latent space behind them.
 * @typedef {object} MapAxes
 * @property {[string, string]} titles With their units.
 * @property {import("../latent/latent.js").Plane | null} plane Null where a place has no latent.
 * @property {[number, number] | null} circles Centre of the prior on these axes; null draws no circles.
 * @property {boolean} alike Whether both have one unit.
 */

/**
 * What the axes of a plane of a run are.
 * @param {RunInfo} info
 * @param {string} plane
 * @returns {Promise<MapAxes>}
 */
export function axesOf(info, plane) {
  const query = { plane, v: source.version(info) };
  return view.once(`axes ${info.name} ${JSON.stringify(query)}`, () => source.ask("axes", info.name, { query }));
}

/**
 * What the numbers of a colour stand for.
 * @param {RunInfo} info
 * @param {string} colour
 * @returns {Promise<import("./colours.js").Groups>}
 */
function groupsOf(info, colour) {
  const query = { colour, v: source.version(info) };
  return view.once(`groups ${info.name} ${JSON.stringify(query)}`, () => source.ask("groups", info.name, { query }));
}

/**
 * Names of a run's classes: their numbers where they have no names.
 * @param {RunInfo} info
 * @param {Int32Array | null} labels
 * @returns {string[]}
 */
export function classNames({ classes }, labels) {
  if (classes) return classes;
  let most = -1;
  for (const label of labels ?? []) if (label > most) most = label;
  return Array.from({ length: most + 1 }, (_, c) => String(c));
}

/**
 * The colours of every image.
 * @param {RunInfo} info
 * @param {string} colour A choice's value.
 * @param {string} highlight As in `byClass`.
 * @returns {Promise<import("./colours.js").Colouring>}
 */
export async function colouringOf(info, colour, highlight) {
  const { name, attributes, count } = info;
  if (colour === "label") {
    const labels = (await view.labels(name)) ?? new Int32Array(count);
    return byClass(labels, classNames(info, labels), highlight);
  }
  if (colour.startsWith("attribute:") && attributes) {
    const values = (await view.attributes(name)) ?? new Uint8Array(count * attributes.length);
    return byAttribute(values, Number(colour.slice("attribute:".length)), attributes);
  }
  const entry = info.colours.find((each) => each.name === colour);
  if (entry?.is_group) {
    const [numbers, groups] = await Promise.all([view.scalar(name, colour), groupsOf(info, colour)]);
    return byGroup(numbers ?? new Float32Array(count).fill(NaN), groups, entry.title);
  }
  const values = await view.scalar(name, colour);
  return byNumber(values ?? new Float32Array(count), entry?.title ?? "", entry?.is_p_value ?? false);
}
