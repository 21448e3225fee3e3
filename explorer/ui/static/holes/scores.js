/** The table of hole scores, which Python puts together (explorer/views/hole_scores.py, `score_table`). */

import { freshId, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { term } from "../kit/term.js";
import { shown } from "../latent/numbers.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("./tab.js").SubView} SubView */

/**
 * A score with its 95 % interval.
 * @typedef {{value: number, low?: number, high?: number, n?: number, beside?: string}} Score
 *
 * A share of a hundred, in words.
 * @typedef {{text: string, ends: string, value: string}} Counted
 *
 * Holes and tell-apart of every model under one law.
 * @typedef {{title: string, hint: string, models: {empty: Counted | null, told: Counted | null, leads: boolean}[]}} SideBySide
 *
 * @typedef {object} Table
 * @property {string | null} short The verdict in a sentence for the screen.
 * @property {string[]} collapse What is to be read before all else.
 * @property {string | null} verdict
 * @property {string | null} beside What the verdict must not be read without.
 * @property {string[]} reading What else the scores say, in sentences.
 * @property {string} caption
 * @property {string[]} models
 * @property {import("../kit/sides.js").Side[]} kinds Of each model, the side where it stands.
 * @property {{name: string, title: string, hint: string}[]} laws Columns of each model.
 * @property {SideBySide[]} sides
 * @property {{name: string, meaning: string, cells: (Score | null)[]}[]} rows
 */

/**
 * @param {Score | null} score
 * @param {string} tag
 */
function scoreCell(score, tag) {
  if (!score) return h(tag, {}, "–");
  const { value, low, high, n, beside } = score;
  const details = [];
  if (low !== undefined && high !== undefined) details.push(`${shown(low)} to ${shown(high)}`);
  if (beside) details.push(beside);
  if (n !== undefined) details.push(`n = ${n.toLocaleString("en")}`);
  const text = Number.isInteger(value) ? String(value) : shown(value);
  return h(tag, {}, text, ...details.map((line) => h("small", {}, line)));
}

/**
 * @param {Table} table
 * @param {string} id Of the caption.
 * @returns {HTMLTableElement}
 */
export function build({ models, laws, rows }, id) {
  // a rule stands before every model but the first
  const ruled = (/** @type {string} */ tag, /** @type {number} */ column) => (column > 0 && column % laws.length === 0 ? `${tag}.xp-first` : tag);
  return h(
    "table.xp-table.xp-scores",
    { "aria-labelledby": id },
    h(
      "thead",
      {},
      h("tr", {}, h("td"), ...models.map((name, i) => h(ruled("th", i * laws.length), { scope: "colgroup", colSpan: laws.length }, name))),
      h("tr", {}, h("td"), ...models.flatMap((_, m) => laws.map(({ title, hint }, i) => h(ruled("th", m * laws.length + i), { scope: "col", title: hint }, title)))),
    ),
    h(
      "tbody",
      {},
      ...rows.map(({ name, meaning, cells }) =>
        h("tr", {}, h("th", { scope: "row" }, name, h("small", {}, meaning)), ...cells.map((score, i) => scoreCell(score, ruled("td", i)))),
      ),
    ),
  );
}

/** @param {Counted | null} score @param {string} note */
const countCell = (score, note) =>
  score ? h("td", {}, score.text, h("small", {}, [score.ends, note].filter(Boolean).join("; "))) : h("td", {}, "–", h("small", {}, "not measured"));

/**
 * Holes and tell-apart side by side under every law.
 * @param {Table} table
 */
export function sideBySide({ models, sides }) {
  return h(
    "table.xp-table.xp-hs-sides",
    { "aria-label": "holes and tell-apart under every law" },
    h(
      "thead",
      {},
      h("tr", {}, h("td"), ...models.map((name) => h("th", { scope: "colgroup", colSpan: 2 }, name))),
      h(
        "tr",
        {},
        h("td"),
        ...models.flatMap(() => [
          h("th", { scope: "col", title: "The share of draws that lie further from codes than 95 % of the codes of new images do" }, "no image encoded there", h("small", {}, "of 100 draws; 5 is usual")),
          h("th", { scope: "col", title: "Tell-apart: the area under the curve of a classifier of draws against codes" }, "told from codes", h("small", {}, "of 100 pairs; 50 is a coin")),
        ]),
      ),
    ),
    h(
      "tbody",
      {},
      ...sides.map(({ title, hint, models: found }) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", title: hint }, title),
          ...found.flatMap(({ empty, told, leads }) => [countCell(empty, ""), countCell(told, [told && `AUC ${told.value}`, leads && "Random draws so"].filter(Boolean).join("; "))]),
        ),
      ),
    ),
  );
}

/**
 * The shares of draws in holes under each law as bars: a law a row, a model a column, the intervals as lines.
 * @param {Table} table
 */
export function shareBars({ models, kinds, sides }) {
  const column = (/** @type {number} */ m) =>
    h(
      "div.xp-hs-shares",
      { role: "img", "aria-label": `${models[m]}: ${sides.map(({ title, models: found }) => `${title} ${found[m].empty?.text ?? "not measured"}${found[m].empty ? " of 100 draws" : ""}`).join(", ")}; 5 of 100 is usual` },
      ...sides.map(({ title, models: found }) => {
        const { empty } = found[m];
        const bar = h("div.xp-hs-share", { "data-law": title, title: empty ? `${title}: ${empty.text} of 100 draws (${empty.ends})` : `${title}: not measured` });
        if (!empty) return bar;
        const [low, high] = empty.ends.split(" to ").map(Number);
        const fill = h("span");
        fill.style.width = `${Number(empty.text)}%`;
        const whisker = h("i");
        Object.assign(whisker.style, { left: `${low}%`, width: `${high - low}%` });
        bar.append(fill, ...(Number.isFinite(high - low) ? [whisker] : []));
        return bar;
      }),
    );
  const side = (/** @type {number} */ m) => h("div.xp-side", { "data-side": kinds[m] }, h("h3", {}, kinds[m] === "ae" ? "Autoencoder" : "VAE"), column(m));
  const names = h("div.xp-hs-names", {}, ...sides.map(({ title, hint }) => h("span", { title: hint }, title)));
  return h("div.xp-hs-by-law", {}, names, ...models.map((_, m) => side(m)));
}

/** @implements {SubView} */
export class Scores {
  constructor() {
    this.asks = new Latest();
    this.scroll = h("div.xp-scroll", { role: "region" });
    // what scrolls must be reachable by keyboard, what does not is no stop on the way
    new ResizeObserver(() => {
      if (this.scroll.scrollWidth > this.scroll.clientWidth) this.scroll.tabIndex = 0;
      else this.scroll.removeAttribute("tabindex");
    }).observe(this.scroll);
    this.element = h("section.xp-holes-scores.xp-column", { "aria-label": "hole scores" });
  }

  /** @param {import("../latent/run.js").RunInfo[]} pair */
  async setPair(pair) {
    const signal = this.asks.next(view.signal);
    const run = view.run ?? pair[0].name;
    const table = await source.ask("scores", run, { signal }).catch((error) => error);
    if (signal.aborted) return;
    if (table instanceof Error) this.element.replaceChildren(h("p.xp-status", { role: "status" }, `No scores: ${table.message}`));
    else this.put(table);
  }

  /** @param {Table | null} table */
  put(table) {
    if (!table) return this.element.replaceChildren(h("p", {}, "No hole scores are stored with this run; train.py measures them."));
    const id = freshId();
    const { scroll } = this;
    // the caption stands outside, so that it wraps where the table scrolls
    scroll.setAttribute("aria-labelledby", id);
    scroll.replaceChildren(build(table, id));
    const { short, collapse, verdict, beside, reading, caption } = table;
    this.element.replaceChildren(
      h("p.xp-hs-verdict", {}, short ?? verdict ?? "The holes of this run are not measured."),
      h("p.xp-hint", {}, "Share of draws in a ", term("hole"), "; dashed: that of real images."),
      shareBars(table),
      more(
        "More",
        ...collapse.map((words) => h("p.xp-hs-collapse", {}, h("span", { "aria-hidden": "true" }, "⚠ "), words)),
        ...(verdict ? [h("p.xp-hs-told", {}, verdict)] : []),
        ...(beside ? [h("p.xp-hint", {}, beside)] : []),
        h("div.xp-scroll", { role: "region", "aria-label": "holes and tell-apart", tabIndex: 0 }, sideBySide(table)),
        h("ul.xp-hs-reading", { "aria-label": "what the scores say" }, ...reading.map((words) => h("li", {}, words))),
        h("p.xp-hint", { id }, caption),
        scroll,
        h("p.xp-hint.xp-prose", {}, READ_BESIDE),
      ),
    );
  }
}

const READ_BESIDE =
  "Read the share in holes only beside coverage and active units: a model that ignores its latents has no holes and covers " +
  "nothing. Compare equal laws first. From the prior an autoencoder has luck or bad luck: if its codes spread far " +
  "beyond it, every draw falls into the middle of the crowd, hits no hole and covers little. Vacancy asks whether " +
  "any code is near and falls silent in many dimensions; tell-apart stands beside it. That autoencoders cannot " +
  "generate is false: several fitted bells reduce their holes, and may beat a VAE's own prior; that they cannot be " +
  "sampled naively is true. How sure a classifier is of the decodes, and how near they are to real images pixel by " +
  "pixel, does not tell the two models apart.";
