/** Files to keep: strips, contact sheets, moving pictures and latents, saved by the browser. */

import { button, h } from "../kit/dom.js";
import { StatusLine } from "../kit/status.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").Format} Format */

/**
 * What to export.
 * @typedef {object} Wanted
 * @property {string} run
 * @property {Float32Array} latents (count * d)
 * @property {number} count 1 to 256.
 * @property {string} [name] Part of the file's name: letters, digits, dots, underscores and hyphens, 60 at most.
 * @property {string} [title] Head of a contact sheet after the run's name, 200 characters at most.
 * @property {string[]} [captions] One below each tile of a contact sheet, 40 characters each.
 * @property {number} [columns] Tiles in a row; all of a strip, and a square of a contact sheet, where it is not said.
 * @property {number} [scale] Whole enlargement of every pixel.
 * @property {number} [seconds] Each frame of a moving picture is shown.
 * @property {boolean} [boomerang] Whether a moving picture also runs back.
 * @property {object} [facts] More of what the file of latents says.
 */

const LONG_MS = 1000; // work above this says how far it is
const TITLE = 200;
const CAPTION = 40;

/** What the page saves itself; the other formats come with the card of a run. @type {Format} */
export const NUMBERS = {
  kind: "json",
  text: "Latents",
  hint: "The latents behind the pictures as numbers, as a JSON file",
  moves: false,
  captioned: false,
};

/**
 * A text as the server takes it: printable and short.
 * @param {string} text
 * @param {number} most
 */
export const printable = (text, most) => Array.from(text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").replace(/\p{Zs}/gu, " ")).slice(0, most).join("");

/**
 * A part of a file's name out of any words.
 * @param {string} words
 */
export const fileName = (words) => words.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "").slice(0, 60) || "latents";

/**
 * How an export is asked for.
 * @param {Pick<Format, "moves" | "captioned">} format
 * @param {Wanted} wanted
 */
export function exportQuery(format, { name, title, captions = [], columns, scale, seconds, boomerang = true }) {
  /** @type {Record<string, string | number | string[]>} */
  const query = {};
  if (name) query.name = fileName(name);
  if (columns) query.columns = columns;
  if (scale) query.scale = scale;
  if (format.moves) {
    if (seconds) query.seconds = seconds.toFixed(3);
    query.boomerang = boomerang ? "1" : "0";
  }
  if (format.captioned) {
    if (title) query.title = printable(title, TITLE);
    if (captions.length) query.caption = captions.map((caption) => printable(caption, CAPTION));
  }
  return query;
}

/**
 * Let the browser keep a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function keep(blob, name) {
  const href = URL.createObjectURL(blob);
  const link = h("a", { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser may still be reading
}

/**
 * Have a file made by the server, and keep it.
 * @param {Format} format
 * @param {Wanted} wanted
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<string>} Its name.
 */
export async function save(format, wanted, { signal } = {}) {
  const { kind } = format;
  if (kind === NUMBERS.kind) return saveLatents(wanted);
  const file = await source.ask("file", wanted.run, { of: { kind }, query: exportQuery(format, wanted), body: wanted.latents, signal });
  const name = file.name ?? `${wanted.run}-${kind}`;
  keep(file.blob, name);
  return name;
}

/**
 * The text of a file of latents: float32 in as few digits as tell it exactly.
 * @param {Wanted} wanted
 */
export function latentsText({ run, latents, count, facts = {} }) {
  const d = latents.length / count;
  const exact = (/** @type {number} */ value) => {
    for (let digits = 6; digits < 9; digits++) if (Math.fround(+value.toPrecision(digits)) === value) return +value.toPrecision(digits);
    return +value.toPrecision(9);
  };
  const rows = Array.from({ length: count }, (_, k) => Array.from(latents.subarray(k * d, (k + 1) * d), exact));
  return JSON.stringify({ run, ...facts, latents: rows });
}

/**
 * Keep latents as numbers; the server is not asked.
 * @param {Wanted} wanted
 * @returns {string} The file's name.
 */
export function saveLatents(wanted) {
  const name = `${wanted.run}-${fileName(wanted.name ?? "latents")}.json`;
  keep(new Blob([latentsText(wanted)], { type: "application/json" }), name);
  return name;
}

/**
 * Buttons that export, with a line that says what came of it; above a second it says how long it has been, and offers
 * to give up.
 * @param {object} options
 * @param {string} options.label What is exported, for screen readers.
 * @param {(format: Format) => Wanted | string | null | Promise<Wanted | string | null>} options.what What to export now; a
 *   sentence says why there is nothing, null that there is nothing yet.
 * @param {(format: Format) => boolean} [options.only] Which formats; all where it is not said.
 * @returns {{element: HTMLElement, offer: (formats: Format[]) => void}} `offer` has a button for each format of a run.
 */
export function exportBar({ label, what, only = () => true }) {
  const status = new StatusLine();
  const progress = h("progress", { hidden: true, "aria-label": "making the file" });
  const cancel = h("button.xp-link", { type: "button", hidden: true }, "Cancel");
  /** @type {HTMLButtonElement[]} */
  let buttons = [];
  const place = h("div.xp-bar", {});
  const offer = (/** @type {Format[]} */ formats) => {
    buttons = [...formats.filter(only), NUMBERS].map((format) => button(format.text, format.hint, () => run(format)));
    place.replaceChildren(...buttons);
  };
  const say = (/** @type {string} */ words, good = true) => (good ? status.tell(words) : status.say(words));

  /** @param {Format} format */
  async function run(format) {
    const abort = new AbortController();
    const began = performance.now();
    for (const each of buttons) each.disabled = true;
    cancel.onclick = () => abort.abort();
    say("");
    const clock = setInterval(() => {
      progress.hidden = cancel.hidden = false;
      say(`Making the ${format.text}: ${Math.round((performance.now() - began) / 1000)} s`);
    }, LONG_MS);
    try {
      const wanted = await what(format);
      if (typeof wanted === "string") say(wanted, false);
      else if (wanted === null) say("There is nothing to export yet.", false);
      else say(`Saved as ${await save(format, wanted, { signal: abort.signal })}.`);
    } catch (error) {
      const given = /** @type {Error} */ (error).name === "AbortError";
      say(given ? "Given up." : `No file: ${/** @type {Error} */ (error).message}`, given);
    } finally {
      clearInterval(clock);
      progress.hidden = cancel.hidden = true;
      for (const each of buttons) each.disabled = false;
    }
  }
  const element = h("div.xp-export.xp-column", { role: "group", "aria-label": label }, h("div.xp-bar", {}, place, progress, cancel), status.element);
  return { element, offer };
}
