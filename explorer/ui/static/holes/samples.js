/** Samples of both models under one law, side by side, with the holes among them marked, and a repair. */

import { button, h, segmented } from "../kit/dom.js";
import { context, dim, paint } from "../kit/pixels.js";
import { StatusLine } from "../kit/status.js";
import { defaultWords, lawOf, lawOptions } from "../latent/laws.js";
import { shown } from "../latent/numbers.js";
import { ALPHA, verdict } from "../latent/vacancy.js";
import { showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./scores.js").Score} Score */

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
        dim(this.grid, true);
        sheets.status.say(`No samples of ${info.name}: ${/** @type {Error} */ (error).message}`, this);
      },
      1,
    );
    /** @type {{drawn: Drawn, decoded: import("../kit/pixels.js").Decoded, told: string} | null} */
    this.made = null;
    /** @type {HTMLButtonElement[]} */
    this.tiles = [];
    this.title = h("h4");
    this.share = h("p", { role: "status" });
    this.beside = h("p.xp-hint");
    this.grid = h("div.xp-hs-grid", { role: "group" });
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img" });
    this.words = h("p.xp-trust");
    this.openButton = button("Open in Explore", "Take the chosen sample to the sliders", () => this.open());
    this.detail = h("div.xp-hs-detail", {}, this.canvas, h("div", {}, this.words, this.openButton));
    this.element = h("section.xp-hs-sheet", {}, this.title, this.share, this.beside, this.grid, this.detail);
    this.grid.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    this.grid.addEventListener("pointerleave", () => this.read(this.chosen));
    new ResizeObserver(() => this.fit()).observe(this.element);
  }

  /** @param {RunInfo | null} info */
  setRun(info) {
    this.draws.drop(); // what is on its way belongs to another run
    this.element.removeAttribute("aria-busy");
    this.element.hidden = !info;
    if (info === this.info) return;
    this.info = info;
    this.made = null;
    this.tiles = [];
    this.grid.replaceChildren();
    this.detail.hidden = true;
    this.element.removeAttribute("data-ready");
    for (const line of [this.share, this.beside]) line.textContent = "";
    if (info) this.title.textContent = info.name;
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
    this.detail.hidden = !decoded;
    this.made = decoded && { drawn, decoded, told: `a sample of Holes, law ${law}${redraw ? ", holes left out" : ""}` };
    this.build();
    this.element.removeAttribute("aria-busy");
    this.element.dataset.ready = `${info.name} ${law} ${seed}${redraw ? " redrawn" : ""}`;
    dim(this.grid, false);
    this.sheets.status.say("", this);
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
          "aria-pressed": k === 0,
          tabIndex: k === 0 ? 0 : -1,
          onclick: () => this.choose(k),
          ondblclick: () => this.open(),
          onpointerenter: () => this.read(k),
          onfocus: () => this.read(k),
          onblur: () => this.read(this.chosen),
        },
        canvas,
        hole && h("span.xp-hole-mark", { "aria-hidden": "true" }, "▨"),
      );
    });
    this.grid.replaceChildren(...this.tiles);
    this.fit();
    if (made) this.read(0);
  }

  /** Every pixel is a square of the same size, as far as there is room for that. */
  fit() {
    const { made } = this;
    if (!made) return;
    const [, , width] = made.decoded.shape;
    const room = Math.floor((this.grid.clientWidth - (COLUMNS - 1) * GAP) / COLUMNS) - 2 * FRAME;
    if (room <= 0) return;
    const times = Math.floor(Math.min(room, LARGE) / width);
    const side = `${times >= 1 ? times * width : room}px`;
    for (const tile of this.tiles) /** @type {HTMLCanvasElement} */ (tile.firstElementChild).style.width = side;
    this.canvas.style.width = `${Math.max(1, Math.floor(LARGE / width)) * width}px`;
  }

  /** @param {number} k */
  choose(k) {
    this.chosen = k;
    this.tiles.forEach((tile, i) => {
      tile.setAttribute("aria-pressed", String(i === k));
      tile.tabIndex = i === k ? 0 : -1;
    });
    this.read(k);
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
    showVerdict(this.words, verdict(p), `sample ${k + 1}, vacancy p = ${shown(p, 2)} (a hole is p ≤ ${ALPHA})`);
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

/** Both models' sheets under one law, one seed and one repair. */
export class HoleSheets {
  constructor() {
    this.law = "";
    this.isChosen = false; // whether somebody chose the law; until then it is that of the run on show
    this.seed = 0;
    this.redraw = false;
    this.inSight = false;
    this.stale = false;
    this.run = "";
    this.sides = [new SampleSheet(this), new SampleSheet(this)];
    this.lawPlace = h("div");
    this.lawWords = h("p.xp-hint");
    this.status = new StatusLine();
    const repair = h("input", {
      type: "checkbox",
      onchange: () => {
        this.redraw = repair.checked;
        this.update();
      },
    });
    this.repairWords = h("p.xp-hint", { hidden: true }, REPAIR);
    this.element = h(
      "section.xp-hs",
      { "aria-label": "samples with holes marked" },
      h("h3", {}, "Samples"),
      h("p.xp-hint", {}, INTRO),
      h(
        "div.xp-bar",
        {},
        this.lawPlace,
        button("New seed", "Other samples of the same law, for both models with the same random numbers", () => {
          this.seed++;
          this.update();
        }),
        h("label.xp-check", { title: "Throw away what falls in a hole, and draw again until the sheet is full" }, repair, h("span", {}, "Repair: keep out of holes")),
      ),
      this.lawWords,
      this.repairWords,
      this.status.element,
      h("div.xp-hs-pair", {}, ...this.sides.map((side) => side.element)),
    );
    // what is far below the fold is not computed before somebody scrolls there
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight && this.stale) this.draw();
    }).observe(this.element);
  }

  /**
   * @param {RunInfo} info The run on show.
   * @param {string} law
   */
  setLaw(info, law) {
    this.law = law;
    this.lawWords.textContent = `${lawOf(info, law).words} ${defaultWords(info)}`;
  }

  /** @param {RunInfo[]} pair The autoencoder first, where there are two. */
  setPair(pair) {
    this.status.clear();
    const info = pair.find(({ name }) => name === view.run) ?? pair[0];
    if (info) {
      this.setLaw(info, this.isChosen ? this.law : info.laws[0].name); // the prior: where naive code draws from
      const choose = (/** @type {string} */ law) => {
        this.isChosen = true;
        this.setLaw(info, law);
        this.update();
      };
      this.lawPlace.replaceChildren(segmented("Sampling law of the samples", lawOptions(info), this.law, choose));
    }
    this.sides.forEach((side, i) => side.setRun(pair[i] ?? null));
    this.update();
  }

  /** Something changed: draw it anew, once it is in sight. */
  update() {
    this.repairWords.hidden = !this.redraw;
    this.stale = true;
    if (this.inSight) this.draw();
  }

  draw() {
    this.stale = false;
    for (const side of this.sides) side.draw(this);
  }
}

const INTRO =
  "36 draws of each model, decoded. A hatched frame and ▨ mark a draw that landed where no image is encoded. " +
  "Point at a picture for its p-value; choose it, and open it in Explore. Arrow keys move over a sheet.";

const REPAIR =
  "Repaired by drawing again: what fell in a hole is thrown away. " +
  "That keeps to well-known places and adds none: what the law never reached stays out of reach. The other way is to draw from ten fitted bells.";

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
      room.fillStyle = Math.floor((2 * s) / thick) % 2 ? "#000" : "#ff9a3d";
      room.fillRect(x + s, y + height - thick, 1, thick);
    }
  }
}
