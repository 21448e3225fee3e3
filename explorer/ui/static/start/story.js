/** What Start tells of a run, as its source has it (explorer/views/start.py), and the models that tell it. */

import { sideOf } from "../kit/sides.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../kit/sides.js").Side} Side */
/** @typedef {{value: number, low?: number, high?: number}} Measured A score with its interval. */

/**
 * What is measured of draws from one law.
 * @typedef {object} ToldOfLaw
 * @property {Record<string, string | null>} empty By run, of a hundred draws those that lie where no image is encoded.
 * @property {string | null} short
 * @property {string[]} words With every interval.
 */

/**
 * A run of the ladder of betas.
 * @typedef {object} StoryRung
 * @property {string} name
 * @property {string} label
 * @property {number | null} beta Null of an autoencoder.
 * @property {Measured | null} vacancy
 * @property {Measured | null} distortion
 * @property {number | null} active_units
 * @property {number} latent_dim
 * @property {string | null} flag What is to be said before its numbers are believed.
 */

/**
 * @typedef {object} StoryTold
 * @property {string[]} pair
 * @property {string | null} note
 * @property {Record<string, ToldOfLaw>} laws
 * @property {string | null} remembered
 * @property {{run: string | null, words: string} | null} closer The run whose reconstructions are closer; null for neither, or where it is not measured.
 * @property {{rungs: StoryRung[], law: string, note: string | null, d: number | null, short: string | null, words: string[], other: string | null}} ladder
 * @property {{smile: string | null, attribute: string, stories: {run: string, dataset: string, many: string}[]}} elsewhere
 */

/** @typedef {{info: RunInfo, side: Side}} Model */

/**
 * The story of a run, and the models that tell it, the autoencoder first.
 * @param {string} run
 * @returns {Promise<{story: StoryTold, models: Model[]}>}
 */
export async function storyOf(run) {
  view.info(run).catch(() => {}); // beside the story and not after it; what is wrong with it, the story's pair says
  /** @type {StoryTold} */
  const story = await view.once(`story ${run}`, () => source.ask("story", run));
  const infos = await Promise.all(story.pair.map((name) => view.info(name)));
  return { story, models: infos.map((info) => ({ info, side: sideOf(info) })) };
}

/** What a model is called at the head of its side. @param {Side} side */
export const titleOf = (side) => (side === "ae" ? "Autoencoder" : "VAE");

/** The same within a sentence. @param {Side} side */
export const calledOf = (side) => (side === "ae" ? "autoencoder" : "VAE");
