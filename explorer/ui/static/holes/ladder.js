/** The beta ladder: the runs that differ in beta alone, as small multiples under a slider, and what is traded for what. */

import { button, freshId, h, segmented } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { StatusLine } from "../kit/status.js";
import { svg } from "../kit/svg.js";
import { lawOf, lawOptions } from "../latent/laws.js";
import { ALPHA } from "../latent/vacancy.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { ofHundred, paintSheet, perCent, withInterval } from "./samples.js";
import { LadderTrade } from "./tradeoff.js";

/** @typedef {import("./scores.js").Score} Score */
/** @typedef {import("./tab.js").SubView} SubView */

/**
 * A run of the ladder (explorer/views/hole_scores.py, `ladder_of`).
 * @typedef {object} Rung
 * @property {string} name
 * @property {string} family
 * @property {string} label
 * @property {number | null} beta Null of an autoencoder.
 * @property {Score | null} vacancy
 * @property {Score | null} tell_apart
 * @property {Score | null} coverage
 * @property {Score | null} distortion
 * @property {number | null} active_units
 * @property {number} latent_dim
 * @property {string | null} flag What to say before its numbers are believed.
 */

const LITTLE = 0.05; // a coverage below it is flagged for that, as explorer/views/hole_scores.py does

const SIDE = 3; // pictures on a side of a small sheet

const [WIDTH, HEIGHT] = [160, 64];

/**
 * Heights of bars in [0, 1]: the square root of the shares, so that 5 % stays in sight beside 100 %.
 * @param {number[]} shares
 */
export const barHeights = (shares) => shares.map((share) => Math.sqrt(Math.min(1, Math.max(0, share))));

/**
 * The histogram of p-values as a small drawing; the first bar, the holes, is hatched.
 * @param {number[]} shares
 * @param {string} label
 */
function histogram(shares, label) {
  const id = freshId();
  const step = WIDTH / shares.length;
  const bars = barHeights(shares).map((height, k) =>
    svg("rect", { x: k * step + 0.5, y: HEIGHT - HEIGHT * height, width: step - 1, height: HEIGHT * height, ...(k ? { class: "xp-rung-bar" } : { class: "xp-rung-holes", fill: `url(#${id})` }) }),
  );
  const level = HEIGHT - HEIGHT * Math.sqrt(1 / shares.length);
  const stripes = svg(
    "pattern",
    { id, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 2.4, height: 4, class: "xp-rung-stripe" }),
  );
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "xp-rung-histogram" },
    svg("defs", {}, stripes),
    ...bars,
    svg("line", { x1: 0, x2: WIDTH, y1: level, y2: level, class: "xp-rung-level" }),
  );
}

/**
 * A rung in words: its scores, and never a vacancy without coverage and active units.
 * @param {Rung} rung
 * @param {string} law In words: "from the prior".
 */
export function rungWords(rung, law) {
  const units = rung.active_units === null ? "active units not counted" : `${rung.active_units} of ${rung.latent_dim} units active`;
  const distortion = rung.distortion ? `distortion ${withInterval(rung.distortion, (value) => value.toFixed(1))} nats per image` : "distortion not measured";
  return `${rung.label}, ${rung.name}: draws ${law} in holes ${withInterval(rung.vacancy, perCent)}, tell-apart ${withInterval(rung.tell_apart)}, coverage ${withInterval(rung.coverage)}, ${units}, ${distortion}.`;
}

/**
 * What a rung trades, in a line for the screen.
 * @param {Rung} rung
 */
export function toldOf({ vacancy, distortion }) {
  const parts = [vacancy && `${ofHundred(vacancy.value)} % of draws in holes`, distortion && `error ${distortion.value.toFixed(1).replace("-", "−")} nats`];
  return parts.filter(Boolean).join(", ");
}

/**
 * A rung's flag in a word or two; the sentence stands below the slider.
 * @param {Rung} rung
 */
export function flagWord({ active_units: units, latent_dim: d, coverage }) {
  if (units === 0) return "collapsed";
  if (units !== null && units < d) return `${d - units} units idle`;
  return coverage && coverage.value < LITTLE ? "covers little" : "at the clamp";
}

/** One run of the ladder, small. */
class RungCard {
  /**
   * @param {Rung} rung
   * @param {() => void} chosen
   */
  constructor(rung, chosen) {
    this.rung = rung;
    const { vacancy, tell_apart, coverage, active_units: units, latent_dim: d, flag } = rung;
    this.canvas = h("canvas.xp-image", { width: 3, height: 3, "aria-hidden": "true" });
    this.drawing = h("div.xp-rung-drawing");
    // the labels are those of a scale, not of the story: they are drawn by the style
    this.button = h("button.xp-rung-name", { type: "button", title: `Choose ${rung.name}`, "aria-label": rung.label, "data-label": rung.label, onclick: chosen });
    this.element = h(
      `li.xp-rung${units === 0 ? ".xp-rung-flagged" : ""}`,
      {},
      this.button,
      this.canvas,
      this.drawing,
      h(
        "div.xp-rung-scores",
        {},
        h("p", {}, h("strong", {}, rung.label)),
        h("p", {}, `in holes ${vacancy ? perCent(vacancy.value) : "–"}`),
        h("p", {}, `tell-apart ${tell_apart ? tell_apart.value.toFixed(2) : "–"}`),
        h("p", {}, `coverage ${coverage ? coverage.value.toFixed(2) : "–"}`),
        h("p", {}, `units ${units ?? "–"} of ${d}`),
        flag && units !== 0 && h("p.xp-rung-flag", {}, h("span", { "aria-hidden": "true" }, "⚠ "), flagWord(rung)),
      ),
      units === 0 && h("p.xp-rung-flag", {}, h("span", { "aria-hidden": "true" }, "⚠ "), flagWord(rung)),
    );
    this.element.dataset.side = rung.beta === null ? "ae" : "vae";
  }

  /** @param {string} law @param {string} title */
  async draw(law, title) {
    const { name, latent_dim: d } = this.rung;
    /** @type {import("./samples.js").Drawn} */
    const drawn = await source.ask("samples", name, { query: { law, seed: 0 } });
    const count = SIDE * SIDE;
    const latents = Float32Array.from(drawn.latents.slice(0, count).flat());
    const decoded = await source.decode(name, latents, latents.length / d);
    return () => {
      paintSheet(this.canvas, decoded, drawn.p, SIDE);
      const label = `p-values of ${drawn.drawn} draws of ${name} ${title}: ${perCent(drawn.histogram[0])} in holes`;
      this.drawing.replaceChildren(histogram(drawn.histogram, label));
      this.element.dataset.ready = law;
    };
  }
}

/** What the vacancy is drawn against. @type {{against: "coverage" | "distortion", axis: string, label: string, title: string}[]} */
const AXES = [
  { against: "coverage", axis: "coverage, share of test images", label: "holes against coverage along the beta ladder", title: "Holes against coverage: the best corner is top left" },
  { against: "distortion", axis: "distortion, nats per image", label: "holes against distortion along the beta ladder", title: "Holes against distortion: the best corner is bottom left" },
];

/** @implements {SubView} */
export class Ladder {
  /** @param {import("./tab.js").TabAddress} address */
  constructor(address) {
    this.address = address;
    /** @type {Rung[]} */
    this.rungs = [];
    /** @type {RungCard[]} */
    this.cards = [];
    /** @type {import("../latent/run.js").RunInfo | null} */
    this.info = null;
    this.law = "white";
    this.measured = ""; // the law that the rungs' scores belong to
    this.run = "";
    this.chosen = 0;
    this.asks = new Latest();
    this.inSight = false;
    this.stale = false;
    this.reading = h("div.xp-rung-reading");
    this.slider = h("input", { type: "range", min: 0, max: 1, step: 1, value: 0, title: "From run to run by rising beta", oninput: () => this.keep({ rung: Number(this.slider.value) }) });
    this.line = h("p.xp-hs-line");
    this.told = h("p.xp-rung-told", { role: "status" });
    this.name = h("span.xp-rung-output", { "aria-hidden": "true" }); // the slider says it as well
    this.words = h("p");
    this.flag = h("p.xp-rung-flag", { hidden: true });
    this.openButton = button("Show this run", "Choose the rung's run for the whole page", () => this.openRun());
    this.list = h("ol.xp-rungs");
    this.lawPlace = h("div.xp-bar");
    this.figures = AXES.map(({ label }) => new LadderTrade(label, (rung) => this.keep({ rung: this.rungs.indexOf(rung) })));
    this.status = new StatusLine();
    this.again = button("Try again", "Ask the server for the ladder once more", () => this.update());
    this.again.hidden = true;
    const slider = h("label.xp-rung-slider", {}, h("span", {}, "beta"), this.slider, this.name);
    this.rest = more(
      "More",
      this.lawPlace,
      this.reading,
      h("div.xp-rung-chosen.xp-column", {}, this.words, this.flag),
      h("div.xp-rung-figures", {}, ...this.figures.map((figure, i) => h("section", {}, h("h4", {}, AXES[i].title), figure.element))),
      h("p.xp-hint", {}, CURVES),
      h("p.xp-hint.xp-prose", {}, MULTIPLES),
      h("p.xp-hint.xp-prose", {}, INTRO),
    );
    this.body = h("div.xp-rung-body.xp-column", { hidden: true }, this.line, h("div.xp-rung-top", {}, slider, this.told, this.openButton), this.list, this.rest);
    /** Where there is no ladder: how to fit one. */
    this.none = h("div.xp-rung-none");
    this.element = h("section.xp-ladder.xp-column", { "aria-label": "beta ladder" }, this.status.element, h("div", {}, this.again), this.none, this.body);
    // what is far below the fold is not computed before somebody scrolls there
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight && this.stale) this.draw();
    }).observe(this.element);
  }

  /** @param {import("../latent/run.js").RunInfo[]} pair */
  setPair(pair) {
    const mine = pair.find(({ name }) => name === view.run) ?? pair[0];
    if (!mine) return;
    this.info = mine;
    const wanted = this.address.state.betalaw;
    this.law = mine.laws.some(({ name }) => name === wanted) ? wanted : "white";
    this.lawPlace.replaceChildren(segmented("Sampling law of the ladder", lawOptions(mine), this.law, (law) => this.keep({ law })));
    // a rung of the ladder on show brings nothing new but itself
    const known = this.rungs.findIndex(({ name }) => name === mine.name);
    this.run = mine.name;
    const isUnderWay = this.stale || this.element.hasAttribute("aria-busy"); // perhaps for a run of another ladder
    if (known >= 0 && !isUnderWay && this.measured === this.law) return this.choose(this.linked(known));
    this.update();
  }

  /** The address was changed. */
  follow() {
    if (this.info) this.setPair([this.info]);
  }

  /** The rung that the address names, else another. @param {number} usual */
  linked(usual) {
    const named = this.rungs.findIndex(({ name }) => name === this.address.state.rung);
    return named >= 0 ? named : Math.max(0, usual);
  }

  /** Somebody chose a rung or a law. @param {{rung?: number, law?: string}} chosen */
  keep({ rung, law }) {
    if (law !== undefined) {
      this.law = law;
      this.address.tell({ betalaw: law === "white" ? "" : law });
      return this.update();
    }
    const name = this.rungs[rung ?? 0]?.name ?? "";
    this.address.tell({ rung: name === this.run ? "" : name });
    return this.choose(rung ?? 0);
  }

  /** Something changed: draw it anew, once it is in sight. */
  update() {
    this.asks.stop();
    this.stale = true;
    if (this.inSight) this.draw();
  }

  async draw() {
    this.stale = false;
    const signal = this.asks.next();
    const { law, run } = this;
    this.element.removeAttribute("data-ready");
    this.element.setAttribute("aria-busy", "true");
    this.status.clear();
    this.again.hidden = true;
    try {
      const found = await source.ask("ladder", run, { query: { law }, signal });
      if (signal.aborted) return;
      this.rungs = found.rungs;
      this.measured = law;
      const told = found.reading.map((/** @type {string} */ words) => h("p", {}, words));
      this.line.textContent = this.rungs.length ? (found.short ?? found.reading[0]) : "";
      (this.rungs.length ? this.reading : this.none).replaceChildren(...told);
      (this.rungs.length ? this.none : this.reading).replaceChildren();
      this.body.hidden = !this.rungs.length;
      this.cards = this.rungs.map((rung, k) => new RungCard(rung, () => this.keep({ rung: k })));
      this.list.replaceChildren(...this.cards.map(({ element }) => element));
      this.slider.max = String(Math.max(1, this.rungs.length - 1));
      if (!this.rungs.length) return void (this.element.dataset.ready = `${run} ${law}`);
      this.drawTrades();
      this.choose(this.linked(this.rungs.findIndex(({ name }) => name === run)));
      for (const card of this.cards) {
        const show = await card.draw(law, this.titleOf(law)); // one after the other: each opens a model
        if (signal.aborted) return;
        show();
      }
      this.element.dataset.ready = `${run} ${law}`;
    } catch (error) {
      if (signal.aborted) return;
      this.status.say(`The ladder is not complete: ${/** @type {Error} */ (error).message}`);
      this.again.hidden = false;
    } finally {
      if (!signal.aborted) this.element.removeAttribute("aria-busy");
    }
  }

  /** A law in words. @param {string} law */
  titleOf(law) {
    return this.info ? lawOf(this.info, law).title : law;
  }

  /**
   * The rungs that stand on a curve, in its order.
   * @param {string} against
   */
  on(against) {
    return this.rungs.filter((rung) => rung.vacancy && /** @type {any} */ (rung)[against]);
  }

  /** @param {number} k */
  choose(k) {
    const rung = this.rungs[k];
    if (!rung) return;
    this.chosen = k;
    this.slider.value = String(k);
    this.slider.setAttribute("aria-valuetext", rung.label);
    this.name.textContent = rung.label;
    this.told.textContent = toldOf(rung);
    this.words.textContent = rungWords(rung, this.titleOf(this.measured));
    this.flag.hidden = !rung.flag;
    this.flag.textContent = rung.flag ? `⚠ ${rung.flag}` : "";
    this.openButton.disabled = rung.name === view.run;
    this.cards.forEach((card, i) => {
      card.button.setAttribute("aria-pressed", String(i === k));
      card.element.classList.toggle("xp-rung-now", i === k);
    });
    this.figures.forEach((figure) => figure.mark(rung.name));
  }

  /** Draw what is traded for what. */
  drawTrades() {
    this.figures.forEach((figure, i) => {
      const { against, axis } = AXES[i];
      const rungs = this.on(against);
      /** @type {HTMLElement} */ (figure.element.parentElement).hidden = rungs.length < 2;
      if (rungs.length > 1) figure.show(rungs, against, [`draws ${this.titleOf(this.measured)} in holes, share`, axis]);
    });
  }

  openRun() {
    const rung = this.rungs[this.chosen];
    if (rung) view.goTo({ run: rung.name });
  }
}

const INTRO =
  "The same net fitted with ever more weight (beta) on the rate: what becomes of the holes, and what is paid for it. " +
  "Read the share in holes only beside coverage and active units: a collapsed model has no holes and generates nothing.";

const MULTIPLES =
  `Of each run nine draws with the same random numbers, holes striped along their foot, and how 1,000 draws fall by p-value: ` +
  `the hatched bar are those in holes (p ≤ ${ALPHA}), the line is where codes of new images stand, ${perCent(ALPHA)} in each bar; heights are square roots.`;

const CURVES = "Bars are 95 % intervals; in brackets the active units of all. The chosen run is the large dot; click a dot to choose its run.";
