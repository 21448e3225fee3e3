/** The numbers of an image as a table, and the scale of its error map. */

import { h } from "../kit/dom.js";
import { ERROR_COLOURS } from "../kit/pixels.js";
import { theme } from "../kit/theme.js";
import { rounded, shown } from "../latent/numbers.js";
import { shareBelow } from "./look.js";

/**
 * One image under one run.
 * @typedef {object} Found
 * @property {import("../latent/run.js").RunInfo} info
 * @property {import("./look.js").Look} look
 * @property {import("../kit/pixels.js").Decoded} reconstruction
 */

/**
 * Scores of one run beyond those of `Look`, as they arrive, and those of test images to rank them among.
 * @typedef {{elbo?: number | null, bound?: number | null, ranks: Record<string, ArrayLike<number> | null>}} Late
 */

/** The colours of the error map with their numbers. */
export function errorScale() {
  const strip = h("div.xp-scale-strip");
  const colour = () => {
    const stops = ERROR_COLOURS[theme()].map((rgb) => `rgb(${rgb.join(",")})`);
    strip.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  };
  colour();
  const element = h(
    "div.xp-scale",
    { role: "img", "aria-label": "scale of the error map, from minus one, purple, to plus one, green" },
    strip,
    h("div", {}, h("span", {}, "−1: too dark"), h("span", {}, "0"), h("span", {}, "+1: too bright")),
    h("small", {}, "error = reconstruction − original, in units of the full grey scale"),
  );
  return { element, paint: colour };
}

/**
 * @param {Found[]} found
 * @param {Map<string, Late>} late
 */
export function scoreTable(found, late) {
  const lateOf = (/** @type {Found} */ { info }) => late.get(info.name) ?? { ranks: {} };
  /**
   * @typedef {object} ScoreRow
   * @property {string} name
   * @property {string} meaning
   * @property {string} unit
   * @property {string} score Which test images' scores it is ranked among.
   * @property {(f: Found) => number | null | undefined} value Undefined where it is not known yet.
   */
  const has = (/** @type {Found} */ { look, info }) => look.rate !== null && !info.caution;
  /** @type {ScoreRow[]} */
  const rows = [
    { name: "MSE", meaning: "mean squared error, pixels in [0, 1]", unit: "", score: "mse", value: (f) => f.look.mse },
    { name: "Distortion", meaning: "−log p(x|z) at the posterior mean", unit: "nats", score: "distortion", value: (f) => f.look.distortion },
    { name: "Rate", meaning: "KL from posterior to prior", unit: "nats", score: "rate", value: (f) => f.look.rate },
    { name: "ELBO, grey image, 16 draws", meaning: "mean of log p(x|z) over codes drawn from the posterior, minus the rate", unit: "nats", score: "elbo", value: (f) => (has(f) ? lateOf(f).elbo : null) },
    { name: "Importance-weighted bound, K = 64", meaning: "a closer lower bound on log p(x)", unit: "nats", score: "bound", value: (f) => (has(f) ? lateOf(f).bound : null) },
    { name: "Hole p-value of the code", meaning: "share of real images whose codes lie at least as far from others; at most 0.05 is a hole", unit: "", score: "", value: (f) => f.look.vacancy },
  ];
  /** @param {ScoreRow} row @param {Found} f */
  const cell = ({ score, unit, value }, f) => {
    const number = value(f);
    if (number === undefined) return h("td", { "aria-busy": "true" }, "…");
    if (number === null) return h("td", {}, "–");
    const scores = lateOf(f).ranks[score] ?? null;
    const share = shareBelow(scores, number);
    const rank = share === null || !scores ? null : `more than ${rounded(share)} of ${scores.length.toLocaleString("en")}`;
    return h("td", {}, `${shown(number, 4)} ${unit}`, rank && h("small", {}, rank));
  };
  return h(
    "table.xp-table",
    {},
    h("caption", {}, "The numbers of this image; below each, how many of so many test images have a smaller value."),
    h("thead", {}, h("tr", {}, h("td"), ...found.map(({ info }) => h("th", { scope: "col" }, info.name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name, h("small", {}, row.meaning)), ...found.map((f) => cell(row, f))))),
  );
}
