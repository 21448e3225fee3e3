/** The line that says how usual a latent is, in words and with a sign, never by colour alone. */

import { h } from "../kit/dom.js";
import { details, verdict } from "../latent/vacancy.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {{run: string, z: Float32Array}} Judged */

export class TrustLine {
  constructor() {
    this.element = h("p.xp-trust", { "aria-live": "polite" });
    this.answers = new NewestWins(
      (/** @type {Judged} */ { run, z }) => source.ask("trust", run, { body: z }),
      (answer) => showTrust(this.element, answer),
      () => this.element.replaceChildren(),
      2,
    );
  }

  /**
   * Say how usual a latent is.
   * @param {string} run
   * @param {Float32Array} z
   */
  judge(run, z) {
    this.answers.ask({ run, z: z.slice() });
  }

  /** Forget what was asked for. */
  drop() {
    this.answers.drop();
  }
}

/**
 * Write a verdict into an element: colour, sign and words.
 * @param {HTMLElement} line
 * @param {ReturnType<typeof verdict> | null} said Null where nothing is known.
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
 * @param {Record<string, number | null>} answer
 */
export function showTrust(line, answer) {
  const p = answer.vacancy;
  showVerdict(line, typeof p === "number" && Number.isFinite(p) ? verdict(p) : null, details(answer));
}
