/** What a p-value of vacancy says of a latent, in words and by shape, and where its norm stands. */

import { percent, shown } from "./numbers.js";

/** A latent less supported than this share of the codes of new images lies in a hole. */
export const ALPHA = 0.05;

/**
 * What is known of a latent (explorer/library/run.py, `trust`).
 * @typedef {object} Trust
 * @property {number | null} [vacancy] p-value
 * @property {boolean} [off] Whether it lies off the span of the codes.
 * @property {number} [rank] Dimensions that the codes span.
 * @property {number | null} [norm]
 * @property {number | null} [norm_percentile]
 * @property {number | null} [shell_low]
 * @property {number | null} [shell_high]
 * @property {number | null} [round_trip]
 * @property {boolean} [ignored] Whether the run ignores its latents.
 */

/** @typedef {"draws" | "means"} Among What a latent is judged among: an image's posterior mean among means, all else among draws. */

/** One less supported than this share of them, but in no hole, lies at the edge. */
export const EDGE = 0.2;

/**
 * A p-value as it is shown, with two digits: the words beside it go by the same number.
 * @param {number} p
 */
const asShown = (p) => Number(p.toPrecision(2));

/**
 * The verdict on a p-value of vacancy.
 * @param {number} p In (0, 1].
 * @returns {{state: "hole" | "edge" | "near", sign: string, text: string}}
 */
export function verdict(p) {
  const said = asShown(p); // the number that stands beside the words
  if (p <= ALPHA) return { state: "hole", sign: "▨", text: `No image is encoded here: farther from codes than ${percent(1 - said)} of real images` };
  if (p <= EDGE) return { state: "edge", sign: "◐", text: `Few images are encoded here: farther from codes than ${percent(1 - said)} of real images` };
  return { state: "near", sign: "●", text: `Codes are common here: no farther from codes than ${percent(said)} of real images` };
}

/** The verdict on every latent of a run that ignores its latents: where codes lie tells nothing there. */
export const IGNORED = /** @type {ReturnType<typeof verdict>} */ ({ state: "edge", sign: "◐", text: "Collapsed, so every latent gives this picture" });

/**
 * The verdict on a latent, by what the server knows of it.
 * @param {Trust} answer
 * @returns {ReturnType<typeof verdict> | null} Null where nothing is known.
 */
export function trustVerdict({ vacancy, off, rank, ignored }) {
  if (ignored) return IGNORED;
  if (off) return { state: "hole", sign: "▨", text: `No image is encoded here: the codes keep to ${rank} dimensions, and this latent leaves them` };
  return typeof vacancy === "number" && Number.isFinite(vacancy) ? verdict(vacancy) : null;
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
 * @param {Trust} answer
 */
export function shellPlace({ norm, shell_low, shell_high }) {
  if (typeof norm !== "number" || typeof shell_low !== "number" || typeof shell_high !== "number") return "";
  const place = norm < shell_low ? "inside of" : norm > shell_high ? "outside of" : "within";
  return `${place} the shell ${shown(shell_low)} to ${shown(shell_high)} that holds 90 % of training codes`;
}

/** @type {Record<Among, string>} */
const AMONG = { draws: "drawn codes", means: "codes of images" };

/**
 * The details beside the verdict, as one line.
 * @param {Trust} answer
 * @param {Among} [among]
 */
export function details(answer, among = "draws") {
  const parts = [];
  if (Number.isFinite(answer.vacancy)) parts.push(`p = ${shown(answer.vacancy, 2)} among ${AMONG[among]} (a hole is p ≤ ${ALPHA})`);
  if (Number.isFinite(answer.norm)) {
    const place = shellPlace(answer) || (Number.isFinite(answer.norm_percentile) ? normPlace(/** @type {number} */ (answer.norm_percentile)) : "");
    parts.push(`norm ${shown(answer.norm)} latent units${place && ", "}${place}`);
  }
  if (Number.isFinite(answer.round_trip)) parts.push(`encodes back ${shown(answer.round_trip, 2)} sd away`);
  return parts.join(" · ");
}
