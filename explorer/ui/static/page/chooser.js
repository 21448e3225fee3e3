/** The chooser of the run: data sets by a picture of decodes, then autoencoder or VAE, d, and beta. */

import { h, setCurrent } from "../kit/dom.js";
import { source } from "../source/source.js";
import { openDialog } from "./dialog.js";
import { fitButton } from "./fithere.js";
import { view } from "./view.js";

/**
 * A run in the list of all (explorer/views/chooser.py, `ListedRun`). Of a damaged one only name and error are known.
 * @typedef {object} ChoosableRun
 * @property {string} name
 * @property {string} title
 * @property {import("../kit/sides.js").Side} side
 * @property {number} latent_dim
 * @property {number | null} beta
 * @property {string} label
 * @property {string} short
 * @property {number | null} nats
 * @property {string} portrait
 * @property {string | null} error
 */

/** @typedef {{title: string, runs: ChoosableRun[]}} Collection The runs of one data set. */

/** The two kinds of model, in their order on the page. @type {[import("../kit/sides.js").Side, string][]} */
const SIDES = [
  ["ae", "Autoencoder"],
  ["vae", "VAE"],
];

/**
 * Runs by data set, both in the order they are listed in.
 * @param {ChoosableRun[]} runs
 * @returns {Collection[]}
 */
export function collections(runs) {
  /** @type {Map<string, ChoosableRun[]>} */
  const found = new Map();
  for (const run of runs) if (!run.error) found.set(run.title, [...(found.get(run.title) ?? []), run]);
  return [...found].map(([title, of]) => ({ title, runs: of }));
}

/**
 * The run whose decodes stand for a data set: a VAE rather than an autoencoder, beta near 1 rather than a model that
 * may have collapsed, then the most dimensions.
 * @param {Collection} collection
 */
export function faceOf({ runs }) {
  const rank = (/** @type {ChoosableRun} */ { side, beta, latent_dim }) => [Number(side !== "vae"), Math.abs((beta ?? 1) - 1), -latent_dim];
  const ranked = runs.map((run) => ({ run, key: rank(run) }));
  ranked.sort((a, b) => a.key.map((value, k) => value - b.key[k]).find((difference) => difference !== 0) ?? 0);
  return ranked[0].run;
}

/**
 * Runs of one side and d by rising beta, each with words that no other of them has.
 * @param {ChoosableRun[]} runs
 */
export function told(runs) {
  const sorted = [...runs].sort((a, b) => (a.beta ?? -1) - (b.beta ?? -1) || a.short.length - b.short.length);
  const isTwice = (/** @type {string} */ short) => runs.filter((run) => run.short === short).length > 1;
  return sorted.map((run) => ({ run, words: isTwice(run.short) ? run.name : run.short }));
}

class Chooser {
  /**
   * @param {HTMLElement} body
   * @param {ChoosableRun[]} runs
   * @param {(run: string) => void} choose
   * @param {() => void} grow Go where runs that are being fitted are shown.
   * @param {HTMLElement} fit A button that begins one.
   */
  constructor(body, runs, choose, grow, fit) {
    this.choose = choose;
    this.grow = grow;
    this.models = h("div.xp-chooser-models", { "aria-live": "polite" });
    const all = collections(runs);
    const first = all.find((each) => each.runs.some(({ name }) => name === view.run)) ?? all[0];
    this.cards = all.map((collection) => this.card(collection));
    const damaged = runs.filter(({ error }) => error);
    body.replaceChildren(h("div.xp-chooser-sets", { role: "group", "aria-label": "Data set" }, ...this.cards.map(({ element }) => element)), this.models);
    if (damaged.length) {
      const rows = damaged.map(({ name, error }) => h("li", {}, h("strong", {}, name), `: ${error}`));
      body.append(h("details.xp-more", {}, h("summary", {}, `${damaged.length} damaged`), h("ul.xp-chooser-damaged", {}, ...rows)));
    }
    this.fits = h("div");
    body.append(this.fits, h("div.xp-bar", {}, fit));
    this.listFits();
    if (first) this.open(first);
    const now = /** @type {HTMLElement | null} */ (body.querySelector("[aria-pressed=true]"));
    now?.focus();
  }

  /** Runs that are being fitted: Report shows them growing. */
  async listFits() {
    /** @type {{name: string, title: string, label: string, epoch: number, epochs: number | null}[]} */
    const fits = await Promise.resolve(source.fits?.()).then((found) => found ?? [], () => []);
    if (!fits.length) return;
    const item = (/** @type {typeof fits[number]} */ fit) => h("li", {}, `${fit.title} ${fit.label}, epoch ${fit.epoch}${fit.epochs ? ` of ${fit.epochs}` : ""}`);
    this.fits.replaceChildren(h("p", {}, "Being fitted:"), h("ul.xp-chooser-damaged", {}, ...fits.map(item)), h("button.xp-button", { type: "button", onclick: () => this.grow() }, "Watch in Report"));
  }

  /** A data set with its picture. @param {Collection} collection */
  card(collection) {
    const count = collection.runs.length;
    const picture = h("canvas", { width: 3, height: 2, "aria-hidden": "true" });
    const words = h("span", {}, h("strong", {}, collection.title), h("small", {}, count === 1 ? "1 model" : `${count} models`));
    const element = h("button.xp-chooser-set", { type: "button", "aria-pressed": "false", onclick: () => this.open(collection) }, picture, words);
    portray(picture, faceOf(collection).portrait);
    return { collection, element };
  }

  /** Show the models of a data set. @param {Collection} collection */
  open(collection) {
    for (const card of this.cards) card.element.setAttribute("aria-pressed", String(card.collection === collection));
    const dims = [...new Set(collection.runs.map(({ latent_dim }) => latent_dim))].sort((a, b) => a - b);
    const kinds = SIDES.filter(([side]) => collection.runs.some((run) => run.side === side));
    const head = h("tr", {}, h("td"), ...kinds.map(([side, words]) => h("th", { scope: "col", "data-side": side }, words)));
    const rows = dims.map((d) => {
      const cell = (/** @type {string} */ side) => told(collection.runs.filter((run) => run.side === side && run.latent_dim === d));
      return h("tr", {}, h("th", { scope: "row" }, `d = ${d}`), ...kinds.map(([side]) => h("td", {}, ...cell(side).map((each) => this.model(each)))));
    });
    this.models.replaceChildren(h("table", { "aria-label": `Models of ${collection.title}` }, h("thead", {}, head), h("tbody", {}, ...rows)));
  }

  /** One model to choose. @param {{run: ChoosableRun, words: string}} told */
  model({ run, words }) {
    const hint = run.nats === null ? run.name : `${run.name}: ${run.nats.toFixed(1)} nats a test image, fewer is better`;
    const element = h("button.xp-button", { type: "button", title: hint, "data-run": run.name, onclick: () => this.choose(run.name) }, words);
    setCurrent(element, run.name === view.run);
    return element;
  }
}

/**
 * Paint a run's small picture; a card without one still says what it is.
 * @param {HTMLCanvasElement} canvas
 * @param {string} portrait
 */
async function portray(canvas, portrait) {
  const picture = await source.picture(portrait).catch(() => null);
  if (!picture) return;
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
}

/** @param {HTMLElement} within */
export async function openChooser(within) {
  const body = h("div.xp-chooser", {}, h("p", { role: "status" }, "Loading…"));
  const dialog = openDialog(within, "Choose a model", body);
  try {
    const choose = (/** @type {string} */ run) => {
      dialog.close();
      view.goTo({ run });
    };
    const grow = () => {
      dialog.close();
      view.goTo({ tab: "report" });
    };
    const fit = fitButton("Fit one yourself", () => within, () => dialog.close());
    new Chooser(body, /** @type {ChoosableRun[]} */ (await source.runs()), choose, grow, fit);
  } catch (error) {
    body.replaceChildren(h("p.xp-status", { role: "alert" }, /** @type {Error} */ (error).message));
  }
}
