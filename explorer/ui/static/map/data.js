/** What a map asks the server for, each thing once. */

import { byAttribute, byClass, byNumber, titleOf } from "./colours.js";
import { address, ask, askFloats, stored } from "../source/transport.js";
import { view } from "../page/view.js";

/** @typedef {import("../latent/run.js").RunInfo & {attributes?: string[] | null}} RunInfo */

/**
 * An array about every image; its address names the version of the run's files, so that it may be kept for ever.
 * @param {RunInfo} info
 * @param {"places" | "spread" | "loneliness"} what
 * @param {Record<string, string>} [query]
 * @returns {Promise<Float32Array>}
 */
export function arrayOf(info, what, query = {}) {
  const v = stored(info.stored.points).searchParams.get("v") ?? "";
  const at = address(info.name, `map/${what}`, { ...query, v });
  return view.once(`map ${at.href}`, () => askFloats(at));
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
    const at = /** @type {any} */ (info.stored).attributes;
    const values = await view.once(`attributes ${name}`, async () => new Uint8Array(await (await ask(stored(at))).arrayBuffer()));
    return byAttribute(values, Number(colour.slice("attribute:".length)), attributes);
  }
  const values = colour === "loneliness" ? await arrayOf(info, "loneliness") : await view.scalar(name, /** @type {any} */ (colour));
  return byNumber(values ?? new Float32Array(count), titleOf(colour), colour === "vacancy");
}
