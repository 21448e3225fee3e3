/** Holes: an autoencoder and its VAE twin on one plane each, in standard deviations of their own codes. */

import { Arrival } from "../kit/arrival.js";
import { h, segmented, useStyle } from "../kit/dom.js";
import { PLANE_STYLE } from "../kit/plane.js";
import { StatusLine } from "../kit/status.js";
import { isPoint } from "../latent/run.js";
import { Figure } from "../page/figure.js";
import { follow } from "../page/host.js";
import { view } from "../page/view.js";
import { ARROWS, keptOn, stepOf } from "./grid.js";
import { Ladder } from "./ladder.js";
import { LayerChoice } from "./layers.js";
import { HolePath } from "./path.js";
import { PlaneSide } from "./plane.js";
import { HoleSheets } from "./samples.js";
import { SliceChoice } from "./slice.js";

export const STYLE = new URL("./holes.css", import.meta.url);

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * A part of the tab that shows something of the pair.
 * @typedef {object} Companion
 * @property {HTMLElement} element
 * @property {(pair: RunInfo[]) => void} setPair The autoencoder first, one or two runs; none while there is nothing to show.
 */

const PIN_HINT = "Move over either plane, or use its arrow keys: both models decode the same place. Click to hold the cursor.";
const HELD_HINT = "The cursor is held here. Click again to let it go.";
const CURVES_HINT =
  "How lonely samples are, by sampling law: the height of a curve at 0.05 is the share of samples that fall in holes. " +
  "Codes of new images follow the thin line; a curve above it means that more samples than images are in empty places.";
const FLAT_HINT =
  "Here the planes are all there is. Two dimensions hold little: pictures blur where classes meet, those of a VAE more so than an autoencoder's, so blur is no hole, and a sharp picture no proof of data nearby.";

/** The curves of p-values under each sampling law, of both models. @implements {Companion} */
class Distributions {
  constructor() {
    this.figures = [0, 1].map(
      (i) =>
        new Figure("p-values of samples by sampling law", {
          fail: (error) => this.words[i].say(`No curves: ${error.message}`),
          drawn: () => this.words[i].say(""),
        }),
    );
    this.titles = [h("h3"), h("h3")];
    this.words = [new StatusLine(), new StatusLine()];
    this.cards = this.figures.map((figure, i) => h("section.xp-half", {}, this.titles[i], figure.element, this.words[i].element));
    this.element = h("section.xp-holes-laws", { "aria-label": "p-values of samples" }, h("h3", {}, "What the sampling laws draw"), h("p.xp-hint", {}, CURVES_HINT), h("div.xp-twins.xp-curves", {}, ...this.cards));
  }

  /** @param {RunInfo[]} pair */
  setPair(pair) {
    this.cards.forEach((card, i) => {
      card.hidden = !pair[i];
      if (!pair[i]) return;
      this.titles[i].textContent = pair[i].name;
      this.figures[i].show(pair[i].name, "p-values");
    });
  }
}

export class HolesTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.lattice = false;
    this.points = true;
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    /** @type {RunInfo[]} */
    this.pair = [];
    this.status = new StatusLine();
    this.lead = h("p.xp-hint");
    this.layers = new LayerChoice({ chosen: () => this.recolour(), say: (words) => this.say(words) });
    this.slice = new SliceChoice({ chosen: () => this.drawPlanes(), say: (words) => this.say(words) });
    this.sides = [new PlaneSide(this), new PlaneSide(this)];
    this.path = new HolePath(this.sides, {
      stand: (x, y) => this.point(x, y, false),
      slice: () => ({ run: view.run, query: this.planeQuery() }),
    });
    this.distributions = new Distributions();
    /** Parts that follow the pair by themselves. @type {Companion[]} */
    this.companions = [this.distributions, new HoleSheets(), this.path];
    this.ladder = new Ladder();
    this.heading = h("h3", {}, "A slice of latent space");
    this.pinLabel = h("p.xp-hint", {}, PIN_HINT);
    this.planes = h(
      "div.xp-holes-planes",
      {},
      this.heading,
      this.slice.element,
      this.planeBar(),
      this.layers.reading,
      this.layers.missing,
      this.pinLabel,
      h("div.xp-twins", {}, ...this.sides.map((side) => side.element)),
    );
    this.pictures = h("div");
    this.body = h("div", {}, this.lead, this.pictures, this.ladder.element);
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
  }

  planeBar() {
    this.codes = h("input", { type: "checkbox", checked: this.points, onchange: () => this.showCodes(this.codes.checked) });
    const shows = [
      { value: "map", text: "Coloured map", hint: "What each place is by the chosen layer; holes are hatched" },
      { value: "lattice", text: "Decoded lattice", hint: "What each place decodes to; holes are hatched" },
    ];
    const show = segmented("Show", shows, "map", (chosen) => {
      this.lattice = chosen === "lattice";
      this.codes.checked = !this.lattice; // thousands of codes would hide the pictures
      this.showCodes(this.codes.checked);
    });
    const codes = h("label.xp-check", { title: "The encoded test images; far from a slice they fade" }, this.codes, h("span", {}, "Codes"));
    return h("div.xp-bar", {}, this.layers.field, this.layers.lawField, show, codes);
  }

  /** @param {boolean} points */
  showCodes(points) {
    this.points = points;
    this.sides.forEach((side) => side.paint());
  }

  get asked() {
    return this.layers.query;
  }

  /**
   * @param {string} words Nothing where all is well.
   * @param {unknown} [who] Says so; the tab itself if nobody.
   */
  say(words, who = this) {
    this.status.say(words, who);
  }

  /** @param {string | null} run */
  async setRun(run) {
    const { signal } = view;
    this.sides.forEach((side) => side.drop());
    this.status.clear();
    this.arrival.begin(run);
    if (!run) return;
    let pair;
    let alone = "This run was fitted without a twin, so it stands alone; train.py --twin fits both.";
    try {
      const info = await view.info(run);
      const without = (/** @type {Error} */ error) => {
        alone = `Its twin ${info.twin} cannot be shown: ${error.message}`;
        return null;
      };
      const twin = info.twin ? await view.info(info.twin).catch(without) : null;
      // a model without a prior, the autoencoder, stands left
      pair = twin ? [info, twin].sort((a, b) => Number(isPoint(b)) - Number(isPoint(a))) : [info];
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      return this.say(/** @type {Error} */ (error).message);
    }
    if (signal.aborted) return;
    this.status.clear();
    this.arrival.end(run);
    this.say(pair.length === 1 ? alone : "", "alone");
    this.show(pair, run);
  }

  /**
   * @param {RunInfo[]} pair
   * @param {string} run The one that was chosen.
   */
  show(pair, run) {
    const d = pair[0].latent_dim;
    this.pair = pair;
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    this.sides.forEach((side, i) => side.setRun(pair[i] ?? null));
    this.lead.textContent =
      d > 2
        ? `With ${d} dimensions a flat slice shows little: it misses nearly all codes. What the sampling laws draw comes first; the slice and the path on it come below.`
        : d === 1
          ? "A latent space of one dimension has no plane; the curves say how samples fall."
          : FLAT_HINT;
    this.planes.hidden = d < 2;
    this.heading.hidden = d === 2;
    const [first, rest] = [[this.planes, this.path.element], this.companions.map(({ element }) => element).filter((element) => element !== this.path.element)];
    this.pictures.replaceChildren(...(d === 2 ? [...first, ...rest] : [...rest, ...first]));
    if (d > 1) this.layers.setPair(pair, run);
    this.slice.setPair(pair);
    for (const companion of [...this.companions, this.ladder]) companion.setPair(pair);
    this.drawPlanes();
  }

  /** How the planes are asked for: both models are cut through the same images. */
  planeQuery() {
    return { lead: view.run ?? "", ...this.slice.query };
  }

  drawPlanes() {
    if (this.pair[0].latent_dim < 2) return;
    this.say("");
    this.path.newSlice();
    for (const side of this.sides) side.show(this.planeQuery());
  }

  recolour() {
    for (const side of this.sides) if (side.info) side.colour();
  }

  /** A plane was drawn. @param {PlaneSide} side */
  drawn(side) {
    this.moveCursors();
    const { images = [] } = side.told ?? {};
    const levels = this.sides.map((each) => (each.info ? each.levelWords() : "")).filter(Boolean);
    this.slice.drawn(images, levels.join(" "));
    this.path.planesDrawn();
  }

  /** The axes of a plane lie elsewhere on the screen. */
  moved() {
    this.path.place();
  }

  /**
   * Move the linked cursor.
   * @param {number} x In standard deviations of the codes.
   * @param {number} y
   * @param {boolean} pin Whether the place was clicked: it stays until the next click.
   */
  point(x, y, pin) {
    const [a, b] = keptOn([x, y], this.sides[0].extent);
    if (pin) this.pinned = !this.pinned;
    this.pinLabel.textContent = this.pinned ? HELD_HINT : PIN_HINT;
    this.at = { x: a, y: b };
    this.moveCursors();
  }

  moveCursors() {
    this.sides.forEach((side) => side.info && side.read());
    this.root.dataset.at = `${this.at.x},${this.at.y}`;
  }

  /**
   * Arrow keys move the cursor and Enter holds it; the other keys are the plane's own.
   * @param {KeyboardEvent} event
   */
  onKey(event) {
    const step = ARROWS[event.key];
    const { x, y } = this.at;
    const size = (event.shiftKey ? 5 : 1) * stepOf(this.sides[0].extent);
    if (step) this.point(x + size * step[0], y + size * step[1], false);
    else if (event.key === "Enter") this.point(x, y, true);
    else return false;
    event.preventDefault();
    return true;
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await Promise.all([useStyle(STYLE), useStyle(PLANE_STYLE)]);
  const tab = new HolesTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "holes", (run) => tab.setRun(run));
}
