/** Slice: an autoencoder and its VAE twin on one plane each, in standard deviations of their own codes, under one cursor. */

import { h, segmented } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { ARROWS, keptOn, stepOf } from "./grid.js";
import { LayerChoice } from "./layers.js";
import { ampleSides, unlabelled } from "./pairs.js";
import { HolePath } from "./path.js";
import { PlaneSide } from "./plane.js";
import { SliceChoice } from "./slice.js";
import { view } from "../page/view.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./tab.js").SubView} SubView */

const PIN_HINT = "Click holds the cursor.";
const HELD_HINT = "The cursor is held here. Click again to let it go.";
const HOW =
  "A hole is a place of latent space where samples fall but hardly any image is encoded: hatched here wherever it is " +
  "farther from codes than 95 % of new images are. Move over either plane, or use its arrow keys: both models decode the " +
  "same place. Look at what changes on the hatching.";
const FLAT_HINT =
  "Here the planes are all there is. Two dimensions hold little: pictures blur where classes meet, those of a VAE more so than an autoencoder's, so blur is no hole, and a sharp picture no proof of data nearby.";
const NO_PLANE = "A latent space of one dimension has no plane; Samples says how its draws fall.";

/** @implements {SubView} */
export class SliceView {
  /**
   * @param {import("./tab.js").TabAddress} address
   * @param {{say: (words: string, who?: unknown) => void}} status
   */
  constructor(address, status) {
    this.address = address;
    this.status = status;
    this.lattice = false;
    this.points = true;
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    this.inSight = false;
    this.stale = false;
    /** @type {RunInfo[]} */
    this.pair = [];
    this.lead = h("p");
    this.hint = h("p.xp-hint.xp-prose");
    this.layers = new LayerChoice({ chosen: () => this.recolour(), say: (words) => this.say(words) });
    this.slice = new SliceChoice({ chosen: () => this.cutAnew(), say: (words) => this.say(words) });
    this.sides = [new PlaneSide(this), new PlaneSide(this)];
    this.path = new HolePath(this.sides, {
      stand: (x, y) => this.point(x, y, false),
    });
    this.pinLabel = h("p.xp-hint", {}, PIN_HINT);
    this.showPlace = h("div");
    this.codes = h("input", { type: "checkbox", checked: true, onchange: () => this.keep({ points: this.codes.checked }) });
    const codes = h("label.xp-check", { title: "The encoded test images; far from a slice they fade" }, this.codes, h("span", {}, "Codes"));
    this.planes = h("div");
    this.readings = h("div.xp-twins", {}, ...this.sides.map(({ beneath }) => beneath));
    this.rest = more(
      "More",
      this.readings,
      this.slice.element,
      h("div.xp-bar", {}, this.layers.field, this.layers.lawField),
      this.layers.reading,
      this.layers.missing,
      this.path.element,
      h("p.xp-hint.xp-prose", {}, HOW),
      this.hint,
    );
    this.rest.addEventListener("toggle", () => this.path.setOpen(this.rest.open));
    this.body = h("div.xp-column", {}, h("div.xp-bar.xp-holes-show", {}, this.showPlace, codes, this.pinLabel), this.planes, this.rest);
    this.element = h("section.xp-holes-planes.xp-column", { "aria-label": "a slice of latent space" }, this.lead, this.body);
    // what is out of sight is not asked for
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight && this.stale) this.draw();
    }).observe(this.element);
  }

  get asked() {
    return this.layers.query;
  }

  /**
   * @param {string} words Nothing where all is well.
   * @param {unknown} [who] Says so; the view itself if nobody.
   */
  say(words, who = this) {
    this.status.say(words, who);
  }

  /** What is on show belongs to another run. */
  drop() {
    this.sides.forEach((side) => side.drop());
  }

  /** @param {RunInfo[]} pair The autoencoder first, where there are two. */
  setPair(pair) {
    const d = pair[0].latent_dim;
    this.pair = pair;
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    this.sides.forEach((side, i) => side.setRun(pair[i] ?? null));
    this.planes.replaceChildren(ampleSides(pair, this.sides.map(({ element }) => element)));
    this.lead.textContent = d > 2 ? `With ${d} dimensions a flat slice shows little: it misses nearly all codes.` : d === 1 ? NO_PLANE : "";
    this.lead.hidden = d === 2;
    this.hint.textContent = d === 2 ? FLAT_HINT : "";
    this.body.hidden = d < 2;
    if (d < 2) return;
    this.slice.setPair(pair, this.address.state.cut);
    this.layers.isUsual = !this.slice.told;
    this.layers.setPair(pair, view.run ?? pair[0].name, this.address.state);
    this.path.setPair(pair);
    this.take();
    this.stale = true;
    if (this.inSight) this.draw();
  }

  /** The address was changed: show what it says. */
  follow() {
    if (this.pair.length) this.setPair(this.pair);
  }

  /** Take cursor and looks from the address. */
  take() {
    const { show, codes, cursor } = this.address.state;
    const place = (cursor ?? "").split(",").map(Number);
    if (place.length === 2 && place.every(Number.isFinite)) {
      this.pinned = true;
      this.at = { x: place[0], y: place[1] };
    }
    this.lattice = show === "lattice";
    this.points = this.codes.checked = codes === undefined ? !this.lattice : codes === "on";
    this.pinLabel.textContent = this.pinned ? HELD_HINT : PIN_HINT;
    const shows = [
      { value: "map", text: "Coloured map", hint: "What each place is by the chosen layer; holes are hatched" },
      { value: "lattice", text: "Decoded lattice", hint: "What each place decodes to; holes are hatched" },
    ];
    const choice = segmented("Show", shows, this.lattice ? "lattice" : "map", (chosen) => {
      const lattice = chosen === "lattice";
      this.keep({ lattice, points: !lattice }); // thousands of codes would hide the pictures
    });
    this.showPlace.replaceChildren(unlabelled(choice));
  }

  /** Somebody chose another look. @param {{lattice?: boolean, points?: boolean}} look */
  keep(look) {
    Object.assign(this, look);
    this.codes.checked = this.points;
    const codes = this.points === !this.lattice ? "" : this.points ? "on" : "off";
    this.address.tell({ show: this.lattice ? "lattice" : "", codes });
    this.sides.forEach((side) => side.paint());
  }

  /** How the planes are asked for: both models are cut through the same images. */
  planeQuery() {
    return { lead: view.run ?? "", ...this.slice.query };
  }

  /** Another slice was chosen. */
  cutAnew() {
    this.address.tell({ cut: this.slice.told });
    this.layers.setSlice(!this.slice.told);
    this.draw();
  }

  draw() {
    this.stale = false;
    if (this.pair[0].latent_dim < 2) return;
    this.say("");
    this.path.newSlice();
    for (const side of this.sides) side.show(this.planeQuery());
  }

  recolour() {
    const { layer, law } = this.layers;
    this.address.tell({ layer: layer === "vacancy" ? "" : layer, maplaw: law === "white" ? "" : law });
    for (const side of this.sides) if (side.info) side.colour();
  }

  /** A plane was drawn. @param {PlaneSide} side */
  drawn(side) {
    const [x, y] = keptOn([this.at.x, this.at.y], side.extent); // a link may say anything
    this.at = { x, y };
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
    if (pin) this.address.tell({ cursor: this.pinned ? `${+a.toFixed(3)},${+b.toFixed(3)}` : "" });
    this.moveCursors();
  }

  moveCursors() {
    this.sides.forEach((side) => side.info && side.read());
    this.element.dataset.at = `${this.at.x},${this.at.y}`;
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
