/** The table of hole scores, which Python puts together (explorer/views/hole_scores.py, `score_table`). */

import { freshId, h, useStyle } from "../kit/dom.js";
import { shown } from "../latent/numbers.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

export const STYLE = new URL("./holes.css", import.meta.url);

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
 * @property {string[]} collapse What is to be read before all else.
 * @property {string | null} verdict
 * @property {string | null} beside What the verdict must not be read without.
 * @property {string[]} reading What else the scores say, in sentences.
 * @property {string} caption
 * @property {string[]} models
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
          h("th", { scope: "col", title: "Vacancy: the share of draws that lie further from codes than 95 % of the codes of new images do" }, "no image encoded there", h("small", {}, "of 100 draws; 5 is usual")),
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

/** @param {import("../page/host.js").Host} host */
export async function mount({ element }) {
  await useStyle(STYLE);
  const root = /** @type {HTMLElement} */ (element.querySelector(".xp-host"));
  const part = h("div.xp-scroll", { role: "region" });
  // what scrolls must be reachable by keyboard, what does not is no stop on the way
  new ResizeObserver(() => {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }).observe(part);
  /** @param {Table | null} table */
  const put = (table) => {
    if (!table) return root.replaceChildren();
    const id = freshId();
    // the caption stands outside, so that it wraps where the table scrolls
    part.setAttribute("aria-labelledby", id);
    part.replaceChildren(build(table, id));
    const { collapse, verdict, beside, reading, caption } = table;
    root.replaceChildren(
      ...collapse.map((words) => h("p.xp-hs-collapse", {}, h("span", { "aria-hidden": "true" }, "⚠ "), words)),
      ...(verdict ? [h("p.xp-hs-verdict", {}, verdict)] : []),
      ...(beside ? [h("p.xp-hint", {}, beside)] : []),
      h("div.xp-scroll", { role: "region", "aria-label": "holes and tell-apart", tabIndex: 0 }, sideBySide(table)),
      h("ul.xp-hs-reading", { "aria-label": "what the scores say" }, ...reading.map((words) => h("li", {}, words))),
      h("p.xp-hint", { id }, caption),
      part,
    );
  };
  const update = async () => {
    const { run, signal } = view; // the table follows the run out of sight as well: where it is empty it is never in sight
    if (run === null) return;
    const table = await source.ask("scores", run, { signal }).catch((error) => error);
    if (signal.aborted) return;
    if (table instanceof Error) root.replaceChildren(h("p.xp-status", { role: "status" }, `No scores: ${table.message}`));
    else put(table);
  };
  view.addEventListener("run", update);
  update();
}
