/** The table of hole scores; its value comes from Python as plain numbers (explorer/views/hole_scores.py, `score_table`). */

import { freshId, h, useStyle } from "../kit/dom.js";
import { shown } from "../latent/numbers.js";

export const STYLE = new URL("./holes.css", import.meta.url);

/**
 * A score with its 95 % interval.
 * @typedef {{value: number, low?: number, high?: number, n?: number}} Score
 *
 * @typedef {object} Table
 * @property {string} caption
 * @property {string[]} [reading] What the scores say, in sentences.
 * @property {string[]} models
 * @property {string[]} laws Columns of each model.
 * @property {{name: string, meaning: string, cells: (Score | null)[]}[]} rows
 */

/**
 * @param {Score | null} score
 * @param {string} tag
 */
function scoreCell(score, tag) {
  if (!score) return h(tag, {}, "–");
  const { value, low, high, n } = score;
  const details = [];
  if (low !== undefined && high !== undefined) details.push(`${shown(low)} to ${shown(high)}`);
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
      h("tr", {}, h("td"), ...models.flatMap((_, m) => laws.map((name, i) => h(ruled("th", m * laws.length + i), { scope: "col" }, name)))),
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

/** @param {import("../page/host.js").Host} host */
export async function mount({ element, props, watch }) {
  await useStyle(STYLE);
  const root = /** @type {HTMLElement} */ (element.querySelector(".xp-host"));
  const part = h("div.xp-scroll", { role: "region" });
  // what scrolls must be reachable by keyboard, what does not is no stop on the way
  new ResizeObserver(() => {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }).observe(part);
  const update = () => {
    const { value } = props;
    const id = freshId();
    // the caption stands outside, so that it wraps where the table scrolls
    part.setAttribute("aria-labelledby", id);
    part.replaceChildren(...(value ? [build(value, id)] : []));
    const reading = (value?.reading ?? []).map((/** @type {string} */ words) => h("li", {}, words));
    root.replaceChildren(...(value ? [h("ul.xp-hs-reading", { "aria-label": "what the scores say" }, ...reading), h("p.xp-hint", { id }, value.caption), part] : []));
  };
  watch("value", update);
  update();
}
