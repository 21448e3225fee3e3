/** The line that says how usual a latent is, in words and with a sign, never by colour alone. */

import { h } from "../kit/dom.js";
import { dim } from "../kit/pixels.js";
import { details, trustVerdict } from "../latent/vacancy.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { view } from "./view.js";

/** @typedef {import("../latent/vacancy.js").Among} Among */
/** @typedef {import("../latent/vacancy.js").Trust} Trust */
/** @typedef {{run: string, z: Float32Array, among: Among}} Judged */

export class TrustLine {
  /** @param {HTMLElement} [told] Where its numbers stand, so that the line itself says but the verdict; else in the line. */
  constructor(told) {
    this.told = told;
    this.element = h("p.xp-trust", { "aria-live": "polite" });
    this.answers = new NewestWins(
      (/** @type {Judged} */ { run, z, among }) => askTrust(run, z, among),
      (answer, { run, among }) => {
        this.dim(false);
        if (told) showBriefly(this.element, told, run, answer, among);
        else showTrust(this.element, answer, among);
      },
      (error) => {
        const { message } = /** @type {Error} */ (error);
        this.dim(false);
        told?.replaceChildren();
        showVerdict(this.element, null, error instanceof Unreachable ? message : `How usual this latent is cannot be told: ${message}`);
      },
      2,
    );
  }

  /**
   * Say how usual a latent is.
   * @param {string} run
   * @param {Float32Array} z
   * @param {Among} [among]
   */
  judge(run, z, among = "draws") {
    this.answers.ask({ run, z: z.slice(), among });
  }

  /** The latent moves on: what is said of one before it waits for an answer of its own. */
  doubt() {
    this.answers.drop();
    this.dim(true);
  }

  /** What is known of a place without asking, as while a walk plays; its numbers wait. @param {ReturnType<typeof trustVerdict>} said */
  say(said) {
    this.answers.drop();
    dim(this.element, false);
    if (this.told) dim(this.told, true);
    const brief = briefly(said);
    if (this.element.textContent !== `${brief?.sign}${brief?.text}`) showVerdict(this.element, brief, "");
  }

  /** @param {boolean} stale */
  dim(stale) {
    dim(this.element, stale);
    if (this.told) dim(this.told, stale);
  }

  /** Forget what was asked for. */
  drop() {
    this.doubt();
  }
}

/**
 * What is known of a latent.
 * @param {string} run
 * @param {Float32Array} z
 * @param {Among} among
 * @returns {Promise<Trust>}
 */
export async function askTrust(run, z, among) {
  const [answer, { collapse }] = await Promise.all([source.ask("trust", run, { query: { among }, body: z }), view.info(run)]);
  return { ...answer, ignored: Boolean(collapse) };
}

/**
 * Write a verdict into an element: sign and words.
 * @param {HTMLElement} line
 * @param {ReturnType<typeof trustVerdict>} said Null where nothing is known.
 * @param {string} detail
 */
export function showVerdict(line, said, detail) {
  for (const state of ["hole", "edge", "near"]) line.classList.toggle(`xp-${state}`, said?.state === state);
  line.replaceChildren(
    ...(said ? [h("span.xp-sign", { "aria-hidden": "true" }, said.sign), h("strong", {}, said.text)] : []),
    h("small", {}, detail),
  );
}

/**
 * Write the trust line into an element.
 * @param {HTMLElement} line
 * @param {Trust} answer
 * @param {Among} [among]
 */
export function showTrust(line, answer, among = "draws") {
  showVerdict(line, trustVerdict(answer), details(answer, among));
}

/**
 * A verdict without its numbers.
 * @template {{text: string}} V
 * @param {V | null} said
 * @returns {V | null}
 */
export const briefly = (said) => said && { ...said, text: said.text.split(":")[0] };

/**
 * Write the verdict into one element, and what it rests on into another.
 * @param {HTMLElement} line
 * @param {HTMLElement} told
 * @param {string} run
 * @param {Trust} answer
 * @param {Among} among
 */
function showBriefly(line, told, run, answer, among) {
  const said = trustVerdict(answer);
  showVerdict(line, briefly(said), "");
  told.replaceChildren(h("strong", {}, run), ` ${said ? `${said.text}. ` : ""}`, h("small", {}, details(answer, among)));
}
