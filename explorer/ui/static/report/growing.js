/** Runs that are being fitted now: how far each is, its losses, and the newest of its decodes, as they grow. */

import { button, h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { FitLine, isOn } from "./fitline.js";

/**
 * A run that is being fitted (explorer/views/growing.py, `growing`).
 * @typedef {object} Fit
 * @property {string} name
 * @property {string} title What its data set is called.
 * @property {string} label The run in a few words.
 * @property {number} epoch The last one that is complete.
 * @property {number | null} epochs All of them.
 * @property {boolean} is_still Whether nothing was written for long: it may have been stopped.
 * @property {number[]} distortion Nats per held-out image, by epoch.
 * @property {number[]} rate
 * @property {{epoch: number, url: string} | null} sheet The newest.
 */

const OWN_MS = 1000; // between two looks while a fit of this page grows
const GROWS_MS = 3000; // while another does
const RESTS_MS = 12000; // while nothing does

const [WIDTH, HEIGHT] = [400, 150];

/**
 * Areas of distortion and of rate upon it, as two paths over [0, 400] x [0, 150].
 * @param {number[]} distortion
 * @param {number[]} rate
 * @returns {string[]}
 */
export function stackPaths(distortion, rate) {
  if (distortion.length < 2) return ["", ""];
  const sums = distortion.map((each, k) => each + rate[k]);
  const settled = sums.slice(Math.floor(sums.length / 10)); // the first epochs would flatten the rest
  const floor = Math.min(0, ...distortion);
  const top = Math.max(...settled, floor + 1e-9);
  const x = (/** @type {number} */ k) => ((k / (distortion.length - 1)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT * (1 - Math.min(1, (value - floor) / (top - floor)))).toFixed(1);
  const line = (/** @type {number[]} */ values) => values.map((value, k) => `${x(k)},${y(value)}`);
  const upper = line(distortion);
  return [`M0,${HEIGHT}L${upper.join("L")}L${WIDTH},${HEIGHT}Z`, `M${line(sums).join("L")}L${[...upper].reverse().join("L")}Z`];
}

/** How far a fit is, in words. @param {Fit} fit */
export const farWords = ({ epoch, epochs, is_still: isStill }) =>
  isStill ? `stopped after epoch ${epoch}; go on with the same train.py and --resume` : `being fitted: epoch ${epoch}${epochs ? ` of ${epochs}` : ""}`;

/** One run that grows. */
class GrowingCard {
  /** @param {string} name */
  constructor(name) {
    this.title = h("strong");
    this.far = h("p", { role: "status" });
    this.areas = [svg("path", { class: "xp-growing-distortion" }), svg("path", { class: "xp-growing-rate" })];
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `distortion and rate of ${name} so far` }, ...this.areas);
    this.canvas = h("canvas.xp-image", { width: 1, height: 1, role: "img", hidden: true });
    this.element = h("section", { "data-fit": name }, h("div", {}, h("p", {}, this.title), this.far, this.drawing), this.canvas);
    this.painted = "";
  }

  /** @param {Fit} fit */
  show(fit) {
    this.title.textContent = `${fit.title} ${fit.label}`;
    const words = farWords(fit);
    if (this.far.textContent !== words) this.far.textContent = words;
    stackPaths(fit.distortion, fit.rate).forEach((path, k) => this.areas[k].setAttribute("d", path));
    this.element.dataset.epoch = String(fit.epoch);
    if (fit.sheet && fit.sheet.url !== this.painted) this.paint(fit.sheet);
  }

  /** @param {{epoch: number, url: string}} sheet */
  async paint({ epoch, url }) {
    this.painted = url;
    const picture = await source.picture(url).catch(() => null);
    if (!picture || this.painted !== url) return;
    Object.assign(this.canvas, { width: picture.width, height: picture.height, hidden: false });
    this.canvas.getContext("2d")?.drawImage(picture, 0, 0);
    this.canvas.setAttribute("aria-label", `newest decodes, after epoch ${epoch}`);
  }
}

/** All runs that are being fitted; nothing where there is none. */
export class Growing {
  constructor() {
    /** @type {Map<string, GrowingCard>} */
    this.cards = new Map();
    this.list = h("div");
    this.done = h("div");
    this.line = new FitLine(() => this.look());
    this.element = h("section.xp-growing", { "aria-label": "runs that are being fitted", hidden: true }, this.line.element, this.list, this.done);
    this.inSight = false;
    /** Whether fits may be begun here; asked once. @type {boolean | undefined} */
    this.offered = source.fitHere ? undefined : false;
    /** @type {import("./fitline.js").FitTold | null} */
    this.own = null;
    /** Runs that were said to be there. @type {Set<string>} */
    this.announced = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Look now and then while the tab is in sight. @param {HTMLElement} root Of the tab. */
  watch(root) {
    if (!source.fits) return; // a page without a server
    view.addEventListener("fit", () => this.look());
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight) this.look();
      else clearTimeout(this.timer);
    }).observe(root);
  }

  async look() {
    clearTimeout(this.timer);
    /** @type {Fit[] | null} */
    const fits = document.visibilityState === "hidden" ? null : await Promise.resolve(source.fits?.()).then((found) => found ?? null, () => null);
    if (fits) {
      if (this.offered !== false) await this.lookAtOwn();
      this.show(fits);
    }
    clearTimeout(this.timer); // of a look that came between
    if (this.inSight) this.timer = setTimeout(() => this.look(), isOn(this.own) ? OWN_MS : this.cards.size ? GROWS_MS : RESTS_MS);
  }

  /** The fit of this page. */
  async lookAtOwn() {
    const told = await Promise.resolve(source.fitHere?.("look")).then((found) => found ?? null, () => null);
    if (!told) return;
    this.offered = told.offered;
    this.own = told.fit;
  }

  /** @param {Fit[]} fits */
  show(fits) {
    const gone = [...this.cards.keys()].filter((name) => !fits.some((fit) => fit.name === name));
    for (const fit of fits) {
      const card = this.cards.get(fit.name) ?? new GrowingCard(fit.name);
      if (!this.cards.has(fit.name)) this.list.append(card.element);
      this.cards.set(fit.name, card);
      const isOver = this.own !== null && !isOn(this.own) && this.own.names.includes(fit.name);
      card.show(isOver ? { ...fit, is_still: true } : fit);
    }
    for (const name of gone) {
      this.cards.get(name)?.element.remove();
      this.cards.delete(name);
      this.finish(name);
    }
    this.line.show(this.own, fits);
    if (this.own?.state === "done") for (const name of this.own.names) if (name !== view.run) this.finish(name); // it may have grown unseen
    this.element.hidden = !this.cards.size && !this.done.childElementCount && this.line.element.hidden;
  }

  /** A fit is over: where it became a run, that is there now. @param {string} name */
  async finish(name) {
    if (this.announced.has(name)) return;
    const runs = await source.runs().catch(() => []);
    if (!runs.some((/** @type {{name: string}} */ run) => run.name === name) || this.announced.has(name)) return;
    this.announced.add(name);
    if (name === view.run) return view.refresh(); // it was fitted anew
    const line = h("p", {}, `${name} is fitted. `, button("Open it", "Choose this run for the whole page", () => (line.remove(), view.goTo({ run: name }))));
    this.done.append(line);
    this.element.hidden = false;
  }
}
