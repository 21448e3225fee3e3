/** What is to be said of a run first: verdicts by word and shape, each with its evidence and a next step behind it. */

import { h } from "../kit/dom.js";

/** @typedef {import("./story.js").Story} Story */

/**
 * A verdict (explorer/views/report_verdicts.py, `Verdict`).
 * @typedef {object} Verdict
 * @property {string} key
 * @property {string} title
 * @property {"red" | "amber" | "green" | "unknown"} level
 * @property {string} word The level in a word.
 * @property {string} short The evidence in a few words.
 * @property {string} evidence The same in a sentence, with its interval.
 * @property {string | null} step What to do next.
 * @property {string} source Where the limits come from.
 */

/** The shapes of the levels: they are told apart without their colours. */
const SHAPES = { red: "▲", amber: "◆", green: "●", unknown: "○" };

/**
 * One verdict; behind it stand the sentences.
 * @param {Verdict} verdict Of the run on show.
 * @param {{name: string, verdict: Verdict}[]} others The same verdict of the runs beside it.
 */
function row({ title, level, word, short, evidence, step, source }, others) {
  return h(
    "details.xp-verdict",
    { "data-level": level },
    h("summary", {}, h("span.xp-verdict-shape", { "aria-hidden": "true" }, SHAPES[level]), h("strong", {}, title), " ", h("span.xp-verdict-word", {}, word), " ", h("span.xp-verdict-short", {}, short)),
    h("p", {}, evidence),
    step && h("p", {}, h("strong", {}, "Next: "), step),
    ...others.map(({ name, verdict }) => h("p", {}, `${name}: ${verdict.word}. ${verdict.evidence}`)),
    h("p.xp-hint", {}, `Limits: ${source}.`),
  );
}

/** The verdicts on a run. */
export class Verdicts {
  constructor() {
    this.element = h("section.xp-verdicts", { "aria-label": "verdicts" });
  }

  /** @param {Story[]} stories The run on show, and what it is compared with. */
  setStories([run, ...beside]) {
    const rows = (run.verdicts ?? []).map((verdict) =>
      row(
        verdict,
        beside.flatMap(({ name, verdicts = [] }) => verdicts.filter(({ key }) => key === verdict.key).map((found) => ({ name, verdict: found }))),
      ),
    );
    this.element.replaceChildren(...rows);
  }
}
