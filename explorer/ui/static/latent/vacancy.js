/** What a p-value of vacancy says of a latent, in words and with a sign, and where its norm stands. */

import { percent, shown } from "./numbers.js";

/** A latent less supported than this share of the codes of new images lies in a hole. */
export const ALPHA = 0.05;

/** One less supported than this share of them, but in no hole, lies at the edge. */
export const EDGE = 0.2;

/**
 * The verdict on a p-value of vacancy.
 * @param {number} p In (0, 1].
 * @returns {{state: "hole" | "edge" | "near", sign: string, text: string}}
 */
export function verdict(p) {
  if (p <= ALPHA) return { state: "hole", sign: "⚠", text: `In a hole: rarer than ${percent(1 - p)} of real images` };
  if (p <= EDGE) return { state: "edge", sign: "◐", text: `At the edge: rarer than ${percent(1 - p)} of real images` };
  return { state: "near", sign: "✓", text: `Near the data: as usual as ${percent(p)} of real images` };
}

/**
 * Where a norm stands among those of the training codes, in words.
 * @param {number} below Share of training codes with a smaller norm, in [0, 1].
 */
export function normPlace(below) {
  return below < 0.5 ? `closer in than ${percent(1 - below)} of training codes` : `further out than ${percent(below)} of training codes`;
}

/**
 * Where a norm stands against the shell in which nine training codes of ten lie, in words; "" where that is not known.
 * @param {Record<string, number | null>} answer Of the describe route.
 */
export function shellPlace({ norm, shell_low, shell_high }) {
  if (typeof norm !== "number" || typeof shell_low !== "number" || typeof shell_high !== "number") return "";
  const place = norm < shell_low ? "inside of" : norm > shell_high ? "outside of" : "within";
  return `${place} the shell ${shown(shell_low)} to ${shown(shell_high)} that holds 90 % of training codes`;
}

/**
 * The details beside the verdict, as one line.
 * @param {Record<string, number | null>} answer Of the describe route.
 */
export function details(answer) {
  const parts = [];
  if (Number.isFinite(answer.vacancy)) parts.push(`vacancy p = ${shown(answer.vacancy, 2)} (a hole is p ≤ ${ALPHA})`);
  if (Number.isFinite(answer.norm)) {
    const place = shellPlace(answer) || (Number.isFinite(answer.norm_percentile) ? normPlace(/** @type {number} */ (answer.norm_percentile)) : "");
    parts.push(`norm ${shown(answer.norm)} latent units${place && ", "}${place}`);
  }
  if (Number.isFinite(answer.round_trip)) parts.push(`encodes back ${shown(answer.round_trip, 2)} sd away`);
  return parts.join(" · ");
}
