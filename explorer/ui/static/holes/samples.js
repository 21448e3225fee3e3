/** Samples of both models under one law, side by side, with the holes among them marked, and a repair. */

import { button, h, segmented } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { context, dim, paint, shownWidth } from "../kit/pixels.js";
import { sideOf } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { term } from "../kit/term.js";
import { defaultWords, lawOf } from "../latent/laws.js";
import { shown } from "../latent/numbers.js";
import { ALPHA, verdict } from "../latent/vacancy.js";
import { showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { ampleSides, entitle, unlabelled } from "./pairs.js";
import { Distributions } from "./spread.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./scores.js").Score} Score */
/** @typedef {import("./tab.js").SubView} SubView */

/**
 * A sheet as the server draws it (explorer/views/hole_samples.py, `drawn_sheet`).
 * @typedef {object} Drawn
 * @property {string} law
 * @property {number[][]} latents
 * @property {number[]} p Their p-values of vacancy.
 * @property {number} drawn Draws behind the share in holes.
 * @property {number} in_holes
 * @property {number[]} histogram Shares of the draws by p-value, the first part of which are the holes.
 * @property {Score | null} vacancy As stored with the run.
 * @property {Score | null} tell_apart
 * @property {Score | null} coverage
 * @property {number | null} active_units
 */

/**
 * What a sheet is asked for.
 * @typedef {{info: RunInfo, law: string, seed: number, redraw: boolean}} SampleWish
 */

const COLUMNS = 6;
const GAP = 4; // CSS pixels between the tiles, and how far a tile's frame stands from its picture
const FRAME = 5;
const LARGE = 112;
const SMALL = 34; // a finger needs a tile of 44 pixels, its frame included
const ENOUGH = 1.3; // of a picture's own size: with more room it is not left that small
const NARROW = 760; // of both sheets: below it they stand one below the other, as holes.css has it
const MOST_SEED = 1_000_000;
const TOLD = 0.75; // share of pairs that a classifier tells apart, half way from a coin to always

/** @param {number} part In [0, 1]. */
export const perCent = (part) => `${(100 * part).toFixed(1)} %`;

/**
 * A score with its interval, as it is read out.
 * @param {Score | null} score
 * @param {(value: number) => string} [say]
 */
export function withInterval(score, say = (value) => value.toFixed(2)) {
  if (!score) return "not measured";
  const { value, low, high } = score;
  return low === undefined || high === undefined ? say(value) : `${say(value)} (${say(low)} to ${say(high)})`;
}

/**
 * What a sheet says in words: the share in holes, and what must be read beside it.
 * @param {string} run
 * @param {Drawn} drawn
 * @param {boolean} redraw Whether what fell in holes was thrown away.
 * @param {number} latentDim
 * @returns {{share: string, beside: string}}
 */
export function sheetWords(run, drawn, redraw, latentDim) {
  const count = drawn.drawn.toLocaleString("en");
  const part = `${drawn.in_holes.toLocaleString("en")} of ${count} draws`;
  const here = drawn.p.filter((p) => p <= ALPHA).length;
  const left = drawn.p.length < COLUMNS * COLUMNS ? ` Only ${drawn.p.length} were left to show.` : "";
  const share = redraw
    ? `Thrown away: ${part} of ${run}, which landed where no image is encoded.${left}`
    : `${part} of ${run} land where no image is encoded, ${here} of the ${drawn.p.length} shown; ${ALPHA * 100} of 100 is usual for real images.`;
  const units = drawn.active_units === null ? "" : ` Active units: ${drawn.active_units} of ${latentDim}.`;
  const told = drawn.tell_apart ? `A classifier tells ${Math.round(100 * drawn.tell_apart.value)} of 100 pairs of a draw and a code apart (AUC ${drawn.tell_apart.value.toFixed(2)}; 0.5 is a coin). ` : "Tell-apart: not measured. ";
  const covered = `${redraw ? "Coverage before the repair" : "Coverage"}: ${withInterval(drawn.coverage)} of test images.`;
  return { share, beside: `${told}${covered}${units}` };
}

/** Whether sheets stand one below the other. @param {HTMLElement} sheet */
const isNarrow = (sheet) => (sheet.closest(".xp-hs")?.clientWidth ?? 0) <= NARROW;

/**
 * A share as a count of a hundred: 44, 4.2, 0.
 * @param {number} value In [0, 1].
 */
export const ofHundred = (value) => (value > 0 && value < 0.1 ? (100 * value).toFixed(1) : (100 * value).toFixed(0)).replace(/\.0$/, "");

/**
 * The one sentence over the sheets: the shares of draws that land where no image is encoded, and what is usual.
 * @param {string} title Of the law: "from the prior".
 * @param {string[]} names Of the models, as the sentence calls them.
 * @param {Drawn[]} drawn Of each model.
 * @param {boolean} redraw Whether what fell in holes was thrown away.
 */
export function headline(title, names, drawn, redraw) {
  const shares = drawn.map(({ vacancy, in_holes, drawn: count }) => `${ofHundred(vacancy && !redraw ? vacancy.value : in_holes / count)} %`);
  const of = (/** @type {number} */ k) => (names.length > 1 ? `${names[k]}'s` : "its");
  const where = redraw ? "were thrown away" : "land where no image is encoded";
  const rest = names.length > 1 ? `, ${shares[1]} of ${of(1)}` : "";
  const same = drawn.flatMap(({ active_units: units }, k) => (units === 0 ? [`All draws of ${names.length > 1 ? names[k] : "this model"} are one picture: no holes is no merit.`] : []));
  return [`${title[0].toUpperCase()}${title.slice(1)}, ${shares[0]} of ${of(0)} draws ${where}${rest} (images: ${ofHundred(ALPHA)} %).`, ...same].join(" ").replaceAll(" %", "\u00a0%");
}

/**
 * What a classifier tells of the draws, after the word that names it.
 * @param {Drawn[]} drawn Of each model.
 */
export function toldWords(drawn) {
  const found = drawn.map(({ tell_apart: told }) => (told ? `${ofHundred(told.value)} %` : "not measured"));
  return ` ${found.join(" / ")}${drawn.some(({ tell_apart: told }) => told) ? " (coin: 50 %)" : ""}.`.replaceAll(" %", "\u00a0%");
}

/**
 * Why draws look wrong though they lie in no hole, where a classifier sees what distance does not; else "".
 * @param {Drawn[]} drawn Of each model.
 * @param {number} latentDim
 */
export function blindWords(drawn, latentDim) {
  const isRare = drawn.every(({ vacancy }) => vacancy && (vacancy.low ?? vacancy.value) <= ALPHA);
  const isSeen = drawn.some(({ tell_apart: told }) => told && (told.low ?? told.value) > TOLD);
  return isRare && isSeen ? ` Draws that look wrong lie in no hole: in ${latentDim} dimensions distance sees little.` : "";
}

/** The samples of one model. */
class SampleSheet {
  /** @param {HoleSheets} sheets */
  constructor(sheets) {
    this.sheets = sheets;
    /** @type {RunInfo | null} */
    this.info = null;
    this.chosen = 0;
    this.draws = new NewestWins(
      async (/** @type {SampleWish} */ { info, law, seed, redraw }) => {
        /** @type {Drawn} */
        const drawn = await source.ask("samples", info.name, { query: { law, seed, redraw: Number(redraw) } });
        const count = drawn.p.length;
        const decoded = count ? await source.decode(info.name, Float32Array.from(drawn.latents.flat()), count) : null;
        return { drawn, decoded };
      },
      ({ drawn, decoded }, wish) => this.show(drawn, decoded, wish),
      (error, { info }) => {
        this.element.removeAttribute("aria-busy");
        for (const line of [this.share, this.beside]) line.textContent = ""; // they tell of another law or seed
        this.drawn = null;
        sheets.tell();
        dim(this.grid, true);
        sheets.status.say(`No samples of ${info.name}: ${/** @type {Error} */ (error).message}`, this);
      },
      1,
    );
    /** @type {{drawn: Drawn, decoded: import("../kit/pixels.js").Decoded, told: string} | null} */
    this.made = null;
    /** @type {HTMLButtonElement[]} */
    this.tiles = [];
    /** What its words tell of. @type {Drawn | null} */
    this.drawn = null;
    this.title = h("h3");
    this.share = h("p");
    this.beside = h("p.xp-hint");
    /** What was drawn in words, for More. */
    this.facts = h("div.xp-column", {}, this.share, this.beside);
    this.grid = h("div.xp-hs-grid", { role: "group" });
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img" });
    this.words = h("p.xp-trust");
    this.openButton = button("Open in Explore", "Take the chosen sample to the sliders", () => this.open());
    this.detail = h("div.xp-hs-detail", {}, this.canvas, h("div", {}, this.words, this.openButton));
    this.element = h("section.xp-hs-sheet", {}, this.title, this.grid, this.detail);
    this.grid.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    this.grid.addEventListener("pointerleave", () => this.read(this.chosen));
    new ResizeObserver(() => sheets.fit()).observe(this.element);
  }

  /** @param {RunInfo | null} info */
  setRun(info) {
    this.draws.drop(); // what is on its way belongs to another run
    this.element.removeAttribute("aria-busy");
    this.element.hidden = !info;
    this.facts.hidden = !info;
    if (info === this.info) return;
    this.info = info;
    this.made = null;
    this.drawn = null;
    this.tiles = [];
    this.grid.replaceChildren();
    this.detail.hidden = true;
    this.element.removeAttribute("data-ready");
    for (const line of [this.share, this.beside]) line.textContent = "";
    if (!info) return;
    entitle(this.title, info);
    this.facts.dataset.of = info.name;
  }

  /** @param {{law: string, seed: number, redraw: boolean}} asked */
  draw({ law, seed, redraw }) {
    const { info } = this;
    if (!info) return;
    this.element.removeAttribute("data-ready");
    this.element.setAttribute("aria-busy", "true");
    this.draws.ask({ info, law, seed, redraw });
  }

  /**
   * @param {Drawn} drawn
   * @param {import("../kit/pixels.js").Decoded | null} decoded
   * @param {SampleWish} wish
   */
  show(drawn, decoded, { info, law, seed, redraw }) {
    const { share, beside } = sheetWords(info.name, drawn, redraw, info.latent_dim);
    this.share.textContent = share;
    this.beside.textContent = beside;
    this.grid.setAttribute("aria-label", `samples of ${info.name}, law ${law}`);
    this.drawn = drawn;
    this.detail.hidden = true; // until somebody points at a sample
    this.made = decoded && { drawn, decoded, told: `a sample of Holes, law ${law}${redraw ? ", holes left out" : ""}` };
    this.build();
    this.element.removeAttribute("aria-busy");
    this.element.dataset.ready = `${info.name} ${law} ${seed}${redraw ? " redrawn" : ""}`;
    dim(this.grid, false);
    this.sheets.status.say("", this);
    this.sheets.tell();
  }

  build() {
    const { made } = this;
    this.chosen = 0;
    this.tiles = (made?.drawn.p ?? []).map((p, k) => {
      const { decoded } = /** @type {NonNullable<typeof made>} */ (made);
      const canvas = h("canvas.xp-image", { "aria-hidden": "true" });
      paint(canvas, decoded, k);
      const hole = p <= ALPHA;
      const words = `sample ${k + 1}: p = ${shown(p, 2)}${hole ? ", in a hole" : ""}`;
      return h(
        `button.xp-hs-tile${hole ? ".xp-hs-hole" : ""}`,
        {
          type: "button",
          title: words,
          "aria-label": words,
          "aria-pressed": false,
          tabIndex: k === 0 ? 0 : -1,
          onclick: () => this.choose(k),
          ondblclick: () => this.open(),
          onpointerenter: () => this.point(k),
          onfocus: () => this.point(k),
          onblur: () => this.read(this.chosen),
        },
        canvas,
        hole && h("span.xp-hole-mark", { "aria-hidden": "true" }, "▨"),
      );
    });
    this.grid.replaceChildren(...this.tiles);
    this.sheets.fit();
    if (made) this.read(0);
  }

  /** Somebody looks at a sample: what is known of it comes into sight. @param {number} k */
  point(k) {
    this.detail.hidden = false;
    this.read(k);
  }

  /** Every pixel is a square of the same size, as far as there is room for that; all six rows are seen at once. */
  fit() {
    const { made } = this;
    if (!made) return;
    const [, , width] = made.decoded.shape;
    const across = Math.floor((this.grid.clientWidth - (COLUMNS - 1) * GAP) / COLUMNS) - 2 * FRAME;
    if (across <= 0) return;
    const { top: above = 0 } = this.grid.getBoundingClientRect();
    const top = above + scrollY;
    const down = Math.floor((innerHeight - top - GAP) / COLUMNS) - GAP - 2 * FRAME;
    const room = Math.min(across, LARGE, isNarrow(this.element) ? across : Math.max(SMALL, down));
    const times = Math.floor(room / width);
    const side = `${times > 1 || (times === 1 && room < ENOUGH * width) ? times * width : room}px`;
    for (const tile of this.tiles) /** @type {HTMLCanvasElement} */ (tile.firstElementChild).style.width = side;
    this.canvas.style.width = `${shownWidth(width, LARGE)}px`;
  }

  /** @param {number} k */
  choose(k) {
    this.chosen = k;
    this.tiles.forEach((tile, i) => {
      tile.setAttribute("aria-pressed", String(i === k));
      tile.tabIndex = i === k ? 0 : -1;
    });
    this.point(k);
  }

  /**
   * Show a sample large, with its p-value in words.
   * @param {number} k
   */
  read(k) {
    if (!this.made || !this.info) return;
    const { drawn, decoded } = this.made;
    paint(this.canvas, decoded, k);
    this.canvas.dataset.sample = String(k);
    this.canvas.setAttribute("aria-label", `sample ${k + 1} of ${this.info.name}`);
    this.fit();
    const p = drawn.p[k];
    showVerdict(this.words, verdict(p), `sample ${k + 1}, p = ${shown(p, 2)} (a hole is p ≤ ${ALPHA})`);
  }

  open() {
    if (!this.made || !this.info) return;
    const { drawn, told } = this.made;
    view.open(this.info.name, Float32Array.from(drawn.latents[this.chosen]), { kind: "place", text: told });
  }

  /** Arrow keys move over the sheet. @param {KeyboardEvent} event */
  onKey(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowUp: -COLUMNS, ArrowDown: COLUMNS, ArrowLeft: -1, ArrowRight: 1 })[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = this.tiles[this.tiles.indexOf(/** @type {any} */ (event.target)) + step];
    if (!next) return;
    this.choose(this.tiles.indexOf(next));
    next.focus();
  }
}

/** Both models' sheets under one law, one seed and one repair. @implements {SubView} */
export class HoleSheets {
  /** @param {import("./tab.js").TabAddress} address */
  constructor(address) {
    this.address = address;
    this.law = "";
    this.seed = 0;
    this.redraw = false;
    this.inSight = false;
    this.stale = false;
    /** @type {RunInfo[]} */
    this.pair = [];
    this.sides = [new SampleSheet(this), new SampleSheet(this)];
    this.lawPlace = h("div");
    this.lawWords = h("p.xp-hint");
    this.status = new StatusLine();
    this.said = h("span");
    this.told = h("span");
    this.line = h("p.xp-hs-line", { role: "status", hidden: true }, this.said, " ", term("tell-apart", "Told from codes:"), this.told);
    this.repair = h("input", { type: "checkbox", onchange: () => this.keep({ redraw: this.repair.checked }) });
    this.repairWords = h("p.xp-hint", { hidden: true }, REPAIR);
    this.spread = new Distributions();
    this.rest = more(
      "More",
      h("div.xp-hs-pair", {}, ...this.sides.map(({ facts }) => facts)),
      this.lawWords,
      h("label.xp-check", { title: "Throw away what falls in a hole, and draw again until the sheet is full" }, this.repair, h("span", {}, "Repair: keep out of holes")),
      this.repairWords,
      h("p.xp-hint.xp-prose", {}, INTRO),
      this.spread.element,
    );
    this.rest.addEventListener("toggle", () => this.rest.open && this.spread.show());
    this.sheets = h("div");
    const draw = button("Draw", "Other samples of the same law, for both models with the same random numbers", () => this.keep({ seed: (this.seed + 1) % MOST_SEED }));
    draw.classList.add("xp-hs-draw");
    this.element = h("section.xp-hs.xp-column", { "aria-label": "samples with holes marked" }, this.line, h("div.xp-bar", {}, this.lawPlace, draw), this.status.element, this.sheets, this.rest);
    // what is out of sight is not computed
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight && this.stale) this.draw();
    }).observe(this.element);
    // a line above the sheets, as that of a collapsed run, leaves them less room
    new ResizeObserver(() => this.fit()).observe(document.body ?? this.element);
  }

  /** Both sheets have tiles of one size. */
  fit() {
    for (const side of this.sides ?? []) side.fit();
  }

  /** The run on show. @returns {RunInfo | undefined} */
  get info() {
    return this.pair.find(({ name }) => name === view.run) ?? this.pair[0];
  }

  /** @param {RunInfo[]} pair The autoencoder first, where there are two. */
  setPair(pair) {
    this.status.clear();
    this.pair = pair;
    this.sides.forEach((side, i) => side.setRun(pair[i] ?? null));
    this.sheets.replaceChildren(ampleSides(pair, this.sides.map(({ element }) => element)));
    this.spread.setPair(pair);
    if (this.rest.open) this.spread.show();
    this.follow();
  }

  /** Show what the address says. */
  follow() {
    const { info } = this;
    if (!info) return;
    const { law, seed, repair } = this.address.state;
    const first = info.laws[0].name; // the prior: where naive code draws from
    this.law = info.laws.some(({ name }) => name === law) ? law : first;
    this.seed = /^\d{1,6}$/.test(seed ?? "") ? Number(seed) : 0;
    this.redraw = this.repair.checked = repair === "on";
    const options = info.laws.map(({ name: value, plain: text, hint }) => ({ value, text, hint }));
    this.lawPlace.replaceChildren(unlabelled(segmented("Sampling law of the samples", options, this.law, (chosen) => this.keep({ law: chosen }))));
    this.update();
  }

  /** Somebody chose a law, a seed or the repair. @param {{law?: string, seed?: number, redraw?: boolean}} chosen */
  keep(chosen) {
    Object.assign(this, chosen);
    const usual = this.info?.laws[0].name;
    this.address.tell({ law: this.law === usual ? "" : this.law, seed: this.seed ? String(this.seed) : "", repair: this.redraw ? "on" : "" });
    this.update();
  }

  /** Something changed: draw it anew, once it is in sight. */
  update() {
    const { info } = this;
    if (info) this.lawWords.textContent = `${lawOf(info, this.law).words} ${defaultWords(info)}`;
    this.repairWords.hidden = !this.redraw;
    this.stale = true;
    if (this.inSight) this.draw();
  }

  draw() {
    this.stale = false;
    for (const side of this.sides) side.draw(this);
  }

  /** Say what both sheets hold, once both tell of the same law. */
  tell() {
    const { info } = this;
    const live = this.sides.filter((side) => side.info);
    const drawn = live.map((side) => side.drawn);
    this.line.hidden = !info || drawn.some((each) => each?.law !== this.law);
    if (this.line.hidden || !info) return;
    const known = /** @type {Drawn[]} */ (drawn);
    const kinds = live.map((side) => sideOf(/** @type {RunInfo} */ (side.info)));
    const names = new Set(kinds).size === kinds.length ? kinds.map((kind) => (kind === "ae" ? "the autoencoder" : "the VAE")) : live.map((side) => side.info?.name ?? "");
    this.said.textContent = headline(lawOf(info, this.law).title, names, known, this.redraw);
    this.told.textContent = toldWords(known) + (this.redraw ? "" : blindWords(known, info.latent_dim));
  }
}

const INTRO =
  "36 draws of each model, decoded. A hatched frame and ▨ mark a draw that landed where no image is encoded. " +
  "Point at a picture for its p-value; choose it, and open it in Explore. Arrow keys move over a sheet.";

const REPAIR =
  "Repaired by drawing again: what fell in a hole is thrown away. " +
  "That keeps to well-known places and adds none: what the law never reached stays out of reach. The other way is to draw from several fitted bells.";

/** For the ladder: a small sheet on one canvas, with the holes hatched. */

/**
 * Paint decodes side by side on one canvas; those in holes carry stripes along their foot.
 * @param {HTMLCanvasElement} canvas
 * @param {import("../kit/pixels.js").Decoded} decoded
 * @param {ArrayLike<number>} p
 * @param {number} columns
 */
export function paintSheet(canvas, decoded, p, columns) {
  const [count, height, width] = decoded.shape;
  const gap = Math.max(1, Math.round(width / 14));
  canvas.width = columns * (width + gap) - gap;
  canvas.height = Math.ceil(count / columns) * (height + gap) - gap;
  const one = /** @type {HTMLCanvasElement} */ (h("canvas"));
  const room = context(canvas);
  for (let k = 0; k < count; k++) {
    paint(one, decoded, k);
    const [x, y] = [(k % columns) * (width + gap), Math.floor(k / columns) * (height + gap)];
    room.drawImage(one, x, y);
    if (p[k] > ALPHA) continue;
    const thick = Math.max(2, Math.round(height / 9));
    for (let s = 0; s < width; s++) {
      room.fillStyle = Math.floor((2 * s) / thick) % 2 ? "#000" : "#fff";
      room.fillRect(x + s, y + height - thick, 1, thick);
    }
  }
}
