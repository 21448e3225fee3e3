/** What the server tells of how a run was fitted, and what is said of it. */

import { shown } from "../latent/numbers.js";

/**
 * @typedef {{epoch: number, url: string}} FilmSheet
 * @typedef {{group: string, name: string, meaning: string, text: string, detail: string}} CardRow
 * @typedef {{axis: number, rate: number, variance: number, active: boolean}} Axis
 *
 * What the server tells of a run (explorer/views/report.py, `story`).
 * @typedef {object} Story
 * @property {string} name
 * @property {string} family
 * @property {boolean} point Whether codes are points, as an autoencoder's: no rate, no prior.
 * @property {string | null} note What of the curves is missing, and why.
 * @property {string[]} parts Which curves its history tells.
 * @property {boolean} has_rates Whether the rate of each dimension is known over the epochs.
 * @property {boolean} has_deviations The same of the posterior deviations.
 * @property {boolean} has_levels The same of the rates of levels of latents.
 * @property {number | null} beta
 * @property {boolean} varies_beta
 * @property {number | null} epochs The last one of the fit.
 * @property {FilmSheet[]} sheets In order of their epochs.
 * @property {Axis[]} axes Strongest first.
 * @property {Record<string, string | null>} scale What its nats are nats of; null where that is not known.
 * @property {{reparameterised: number, score: number} | null} gradient Variance of the encoder's gradient.
 * @property {import("./verdicts.js").Verdict[]} [verdicts]
 * @property {CardRow[]} card
 *
 * A place of the scrubber.
 * @typedef {object} Stop
 * @property {number} share Of the fit, in [0, 1].
 * @property {(number | null)[]} epochs After which each run's sheet is shown there.
 * @property {string} text
 * @property {string} spoken
 */

/**
 * Where the scrubber stops: after every epoch for which any of the runs kept a sheet. Fits of different lengths are
 * linked by their share, so that the end of one stands beside the end of the other.
 * @param {Pick<Story, "name" | "sheets" | "epochs">[]} stories
 * @returns {{linked: boolean, stops: Stop[]}} `linked`: whether the places are shares of the fits.
 */
export function scrubberStops(stories) {
  const total = (/** @type {Pick<Story, "epochs">} */ { epochs }) => epochs || 1;
  const kept = stories.filter(({ sheets }) => sheets.length);
  const linked = new Set(kept.map(total)).size > 1;
  const shares = kept.flatMap((story) => story.sheets.map(({ epoch }) => +(epoch / total(story)).toFixed(6)));
  const stops = [...new Set(shares)]
    .sort((a, b) => a - b)
    .map((share) => {
      const epochs = stories.map((story) => sheetAt(story.sheets, (share + 1e-6) * total(story))?.epoch ?? null);
      if (!linked) {
        const epoch = String(Math.round(share * total(kept[0])));
        return { share, epochs, text: epoch, spoken: `epoch ${epoch}` };
      }
      const text = `${Math.round(100 * share)} %`;
      const each = stories.flatMap(({ name }, i) => (epochs[i] === null ? [] : [`${name} after epoch ${epochs[i]}`]));
      return { share, epochs, text, spoken: `${text} of the fit: ${each.join(", ")}` };
    });
  return { linked, stops };
}

/**
 * The last sheet kept up to an epoch; before the first one, the first.
 * @param {FilmSheet[]} sheets In order.
 * @param {number} epoch
 * @returns {FilmSheet | null}
 */
export function sheetAt(sheets, epoch) {
  return sheets.filter((sheet) => sheet.epoch <= epoch).at(-1) ?? sheets[0] ?? null;
}

/**
 * The cards of several runs as one table: a row for every name that any of them has, groups together.
 * @param {CardRow[][]} cards
 * @returns {{group: string, name: string, meaning: string, cells: (CardRow | null)[], differs: boolean}[]} `differs`:
 *   whether it is a setting in which the runs differ.
 */
export function mergedRows(cards) {
  const all = [...cards].sort((a, b) => b.length - a.length).flat(); // the fullest card gives the order
  const groups = [...new Set(all.map((row) => row.group))];
  return groups.flatMap((group) => {
    const names = [...new Set(all.filter((row) => row.group === group).map((row) => row.name))];
    return names.map((name) => {
      const cells = cards.map((rows) => rows.find((row) => row.group === group && row.name === name) ?? null);
      const values = new Set(cells.map((cell) => cell && `${cell.text}\n${cell.detail}`));
      const differs = SETTINGS.includes(group) && values.size > 1;
      return { group, name, meaning: cells.find((cell) => cell)?.meaning ?? "", cells, differs };
    });
  });
}

/** Settings of which a card shows only those that differ, unless all are asked for. */
export const FURTHER = "Further settings";

export const SETTINGS = ["Settings", FURTHER];

/**
 * In which settings two runs differ, in words.
 * @param {ReturnType<typeof mergedRows>} rows
 */
export function differingWords(rows) {
  const names = rows.filter(({ differs }) => differs).map(({ name }) => name);
  if (!names.length) return "No setting differs between these two runs.";
  return `${names.length === 1 ? "One setting differs" : `${names.length} settings differ`}: ${names.join(", ")}.`;
}

/**
 * Why the nats of two runs do not compare, or "" where they do as far as is known.
 * @param {Pick<Story, "name" | "scale">[]} stories
 */
export function scaleWords(stories) {
  if (stories.length < 2) return "";
  const [one, two] = stories.map(({ scale }) => scale);
  const foreign = one["data set"] !== two["data set"]; // then its copy and its size say nothing more
  const why = Object.keys(one)
    .filter((what) => one[what] !== null && two[what] !== null && one[what] !== two[what])
    .filter((what) => !foreign || !["copy of the data set", "image size"].includes(what))
    .map((what) => `${what} (${one[what]} and ${two[what]})`);
  if (!why.length) return "";
  const [a, b] = stories.map(({ name }) => name);
  const named = why.length > 1 ? `${why.slice(0, -1).join(", ")} and ${why[why.length - 1]}` : why[0];
  return `The nats of ${a} and ${b} do not compare: the runs differ in ${named}.`;
}

/**
 * Which dimensions count, in words.
 * @param {Pick<Story, "axes" | "point">} story
 */
export function activeWords({ axes, point }) {
  const idle = axes.filter(({ active }) => !active).map(({ axis }) => axis);
  const rule = point ? "0.01 of the widest axis's variance" : "0.01";
  const words = `${axes.length - idle.length} of ${axes.length} dimensions are active: their posterior mean varies by more than ${rule} over the test images.`;
  if (!idle.length) return words;
  const sorted = [...idle].sort((a, b) => a - b);
  const named = sorted.slice(0, MOST_NAMED).join(", ") + (sorted.length > MOST_NAMED ? ` and ${sorted.length - MOST_NAMED} more` : "");
  return `${words} Collapsed, and hatched: ${idle.length === 1 ? "axis" : "axes"} ${named}.`;
}

const MOST_NAMED = 24;

/**
 * What the variances of the encoder's gradient mean.
 * @param {{reparameterised: number, score: number}} gradient
 */
export function gradientWords({ reparameterised, score }) {
  const times = score / reparameterised;
  const ratio = times >= 10 ? Math.round(times).toLocaleString("en") : shown(times, 2);
  return (
    `The score-function estimate varies ${ratio} times as much, so a step as steady as a reparameterised one would need ${ratio} times as many draws. ` +
    "Reparameterised, a latent is mean + deviation · noise, and the decoder's own slope tells the encoder which way to move it; " +
    "the score function only learns how good each draw was."
  );
}

/**
 * Whether a panel has anything to tell of these runs.
 * @param {string} part
 * @param {Story[]} stories
 */
export function isTold(part, stories) {
  if (!stories.some(({ parts }) => parts.includes(part))) return false;
  if (part === "sum") return stories.some(({ point }) => !point); // of autoencoders it is the distortion itself
  if (part === "beta") {
    const betas = new Set(stories.filter(({ point, beta }) => !point && beta !== null).map(({ beta }) => beta));
    return betas.size > 1 || stories.some(({ varies_beta }) => varies_beta);
  }
  return true;
}
