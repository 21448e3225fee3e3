/** One model of Holes: its plane, its cursor, what is decoded there and how usual that is. */

import { button, h } from "../kit/dom.js";
import { dim } from "../kit/pixels.js";
import { onPlane } from "../latent/latent.js";
import { percent, shown } from "../latent/numbers.js";
import { verdict } from "../latent/vacancy.js";
import { Figure } from "../page/figure.js";
import { LivePicture } from "../page/picture.js";
import { showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { gridValue, levelShares, placeFacts, typedGrid } from "./grid.js";
import { codesKey, legendOf } from "./layers.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/** @typedef {{layer: string, law: string}} Layer What the planes are coloured by, and the sampling law that it asks about. */

/**
 * What a plane asks of the tab that it stands in.
 * @typedef {object} Room
 * @property {{x: number, y: number}} at The linked cursor, in standard deviations of the codes.
 * @property {boolean} pinned Whether the cursor is held.
 * @property {boolean} lattice Whether decoded pictures stand in the place of colours.
 * @property {boolean} points Whether codes are drawn.
 * @property {Layer} asked
 * @property {(x: number, y: number, pin: boolean) => void} point
 * @property {() => void} moveCursors
 * @property {(side: PlaneSide) => void} drawn
 * @property {() => void} moved The axes lie elsewhere on the screen.
 * @property {(event: KeyboardEvent) => void} onKey
 * @property {(words: string, who: unknown) => void} say
 */

const LATTICE_INK = "#ff9a3d";
const LARGE = 112; // CSS pixels of a picture's width at most
const SETTLE_MS = 80; // of a cursor at rest: until then it shows what the browser itself knows

export class PlaneSide {
  /** @param {Room} room */
  constructor(room) {
    this.room = room;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {string | undefined} */
    this.ink = undefined; // the theme's own ink for the hatching
    /** Traces of the layer on show, below all others. @type {any[]} */
    this.ground = [];
    /** @type {{values: ArrayLike<number>, size: number} | null} */
    this.sheet = null; // its numbers
    this.covered = ""; // what they measure
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settling = undefined;
    this.figure = new Figure("vacancy on a plane of latent space", {
      click: ({ x, y }) => room.point(x, y, true),
      fail: (error) => this.lose(error),
      drawn: () => this.drawn(),
    });
    this.figure.prepare = (data, layout) => {
      this.ink = undefined; // every theme brings its own
      this.grid = typedGrid(data[0].z);
      this.vacancy = data[0];
      this.ground = [data[0]];
      this.sheet = this.grid;
      this.covered = "vacancy";
      this.applyLayers(data, layout);
    };
    this.cursor = h("div.xp-cursor", { hidden: true, "aria-hidden": "true" });
    this.figure.element.append(this.cursor);
    this.picture = new LivePicture((words) => room.say(words, this.picture), { limit: 2 }); // of each model
    this.words = h("p.xp-trust", { "aria-live": "polite" });
    this.facts = h("dl.xp-holes-facts");
    this.title = h("h3");
    this.key = h("div", { hidden: true });
    this.legend = h("div", { hidden: true });
    this.note = h("p.xp-hint");
    const open = button("Open in Explore", "Take this place of this model to the sliders", () => this.open());
    const thumb = h("div.xp-cell", {}, this.picture.canvas);
    const reading = h("div.xp-reading", {}, thumb, h("div", {}, this.words, this.facts, open));
    this.element = h("section.xp-half", {}, this.title, this.figure.element, this.key, this.legend, reading, this.note);
    this.picture.fitInto(thumb, () => LARGE);
    this.figure.plot.addEventListener("mousemove", (/** @type {MouseEvent} */ e) => {
      const at = this.figure.dataAt(e.clientX, e.clientY);
      if (at && !room.pinned) room.point(at.x, at.y, false);
    });
    this.figure.plot.tabIndex = 0;
    this.figure.plot.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => room.onKey(e));
    this.layers = new NewestWins(
      (/** @type {{run: string, query: Record<string, string | number>, traces: any[], asked: Layer}} */ { run, query }) => source.ask("figure", run, { of: { name: "hole-layer" }, query }),
      ({ data, layout }, { traces, asked }) => traces === this.figure.traces && this.cover(asked, data, layout.meta),
      (error) => this.lose(error),
    );
    this.places = new NewestWins(
      (/** @type {any} */ { run, z, query }) => source.ask("holePlace", run, { query, body: z }),
      (answer, asked) => this.tell(answer, asked),
      (error) => this.facts.replaceChildren(h("div", {}, h("dt", {}, "p-values"), h("dd", {}, error instanceof Unreachable ? error.message : `none: ${/** @type {Error} */ (error).message}`))),
      1,
    );
  }

  /**
   * Show a run's plane, or none.
   * @param {RunInfo | null} info
   */
  setRun(info) {
    this.drop();
    this.info = info;
    this.element.hidden = !info;
    if (!info) return;
    this.title.textContent = info.name;
    this.picture.canvas.setAttribute("aria-label", `decode of ${info.name}`);
    this.figure.plot.setAttribute("aria-label", `plane of the latent space of ${info.name}; arrow keys move the cursor`);
  }

  drop() {
    clearTimeout(this.settling);
    this.figure.drop();
    for (const who of [this, this.picture]) this.room.say("", who);
    this.picture.drop();
    this.layers.drop();
    this.places.drop();
    this.facts.replaceChildren();
    this.words.replaceChildren();
    this.note.textContent = "";
    dim(this.picture.canvas, true); // until it is of this run
  }

  drawn() {
    const { plot } = this.figure;
    if (!this.listening) {
      this.listening = true;
      for (const event of ["plotly_afterplot", "plotly_relayouting"]) /** @type {any} */ (plot).on(event, () => this.moved());
    }
    this.room.say("", this);
    this.note.textContent = this.noted();
    this.room.drawn(this);
    this.colour();
  }

  /** The axes lie elsewhere: so do the cursor and the path. */
  moved() {
    this.placeCursor();
    this.room.moved();
  }

  /** What stands behind the plane, in words. */
  noted() {
    const { share, weighted, note } = this.figure.meta;
    if (typeof share !== "number") return "";
    return `Holes fill ${percent(share)} of this window, and ${percent(weighted)} of it where every place counts as often as samples of one fitted Gaussian come by. ${note}`;
  }

  /** For latents of several levels, which of them the plane moves. */
  levelWords() {
    const { plane, info } = this;
    const sizes = info?.level_sizes;
    if (!plane || !info || !sizes) return "";
    const parts = levelShares(plane, sizes).map((share, level) => `level ${level + 1}${level ? "" : " (top)"} ${(100 * share).toFixed(0)} %`);
    return `Of the way that this slice moves ${info.name}: ${parts.join(", ")}.`;
  }

  /**
   * @param {any[]} data
   * @param {any} layout
   */
  applyLayers(data, layout) {
    const { lattice, points } = this.room;
    data.forEach((trace) => {
      if (trace.type === "heatmap") Object.assign(trace, { opacity: lattice ? 0 : 1, showscale: !lattice && Boolean(trace.colorbar) });
      if (trace.type === "scattergl") trace.visible = points;
      if (trace.name === "names") trace.visible = !lattice;
    });
    const { classes = [] } = layout.meta ?? {};
    this.key.replaceChildren(codesKey(classes));
    this.key.hidden = !points || !classes.length;
    (layout.images ?? []).forEach((/** @type {any} */ image) => (image.visible = lattice));
    for (const shape of layout.shapes ?? []) {
      if (shape.name !== "hatching") continue;
      this.ink ??= shape.line.color;
      // dark ink would be lost on the dark pictures of the lattice
      shape.line = lattice ? { color: LATTICE_INK, width: 1.5 } : { color: this.ink, width: 1 };
      shape.opacity = lattice ? 0.9 : 0.45;
    }
  }

  relayer() {
    const { traces, layout } = this.figure;
    if (!traces) return;
    this.applyLayers(traces, layout);
    this.figure.redraw();
  }

  /** Colour the plane by the tab's layer; vacancy came with the figure, anything else is asked for now. */
  colour() {
    const { traces, request } = this.figure;
    const { asked } = this.room;
    this.layers.drop();
    if (!traces || !request) return;
    if (asked.layer === "vacancy") {
      this.cover(asked, [this.vacancy], { note: this.noted() });
      return;
    }
    this.element.setAttribute("aria-busy", "true");
    this.layers.ask({ run: request.run, query: { ...request.query, ...asked }, traces, asked });
  }

  /**
   * Put a layer's colours below all else.
   * @param {Layer} asked
   * @param {any[]} ground
   * @param {{note?: string, legend?: any[]}} meta
   */
  async cover({ layer, law }, ground, { note = "", legend }) {
    const { figure } = this;
    const traces = /** @type {any[]} */ (figure.traces);
    this.room.say("", this);
    try {
      if (ground[0] !== traces[0]) {
        traces.splice(0, this.ground.length, ...ground);
        this.ground = ground;
        this.applyLayers(traces, figure.layout);
        await figure.redraw();
        if (ground !== this.ground) return;
      }
      this.sheet = typedGrid(ground[0].z);
      this.covered = layer;
      this.note.textContent = note;
      this.legend.replaceChildren(...(legend ? [legendOf(legend)] : []));
      this.legend.hidden = !legend;
      figure.element.dataset.layer = layer === "density" ? `density ${law}` : layer;
      this.read();
    } catch (error) {
      this.lose(/** @type {Error} */ (error));
    }
    this.element.removeAttribute("aria-busy");
  }

  /** Plane or layer could not be had. @param {unknown} error */
  lose(error) {
    this.element.removeAttribute("aria-busy");
    this.room.say(/** @type {Error} */ (error).message, this);
  }

  /** @returns {import("../latent/latent.js").Plane | undefined} */
  get plane() {
    return this.figure.meta.plane;
  }

  get extent() {
    return this.figure.meta.extent ?? 3;
  }

  get latent() {
    return this.plane && onPlane(this.plane, this.room.at.x, this.room.at.y);
  }

  /**
   * Vacancy of a place as the map has it.
   * @param {number} x
   * @param {number} y
   */
  vacancyAt(x, y) {
    return this.grid ? 10 ** gridValue(this.grid.values, this.grid.size, this.extent, x, y) : NaN;
  }

  open() {
    const { latent, info } = this;
    if (!latent || !info) return;
    const { x, y } = this.room.at;
    const whence = /** @type {const} */ ({ kind: "place", text: `the place u = (${shown(x)}, ${shown(y)}) of Holes` });
    view.open(info.name, latent, whence);
  }

  placeCursor() {
    const { x, y } = this.room.at;
    const pixel = this.figure.pixelAt(x, y);
    this.cursor.hidden = !pixel || !this.grid || !this.plane;
    if (!pixel) return;
    this.cursor.style.left = `${pixel.left}px`;
    this.cursor.style.top = `${pixel.top}px`;
  }

  /** Show cursor, p-value and decode at the tab's place; once it rests, all else that is known there. */
  read() {
    const { x, y } = this.room.at;
    this.placeCursor();
    clearTimeout(this.settling);
    if (this.cursor.hidden || !this.info) return;
    showVerdict(this.words, verdict(this.vacancyAt(x, y)), `vacancy p ≈ ${shown(this.vacancyAt(x, y), 2)} at u = (${shown(x)}, ${shown(y)}) sd`);
    const { name: run } = this.info;
    const z = /** @type {Float32Array} */ (this.latent);
    this.picture.draw(run, z);
    dim(this.facts, true);
    this.settling = setTimeout(() => this.places.ask({ run, z, x, y, query: this.room.asked }), SETTLE_MS);
  }

  /**
   * Say what the server knows of a place; what is said of one that the cursor has left waits for its own answer.
   * @param {any} answer
   * @param {{run: string, x: number, y: number, query: {layer: string}}} asked
   */
  tell(answer, { run, x, y, query }) {
    const { at } = this.room;
    if (run !== this.info?.name || at.x !== x || at.y !== y) return;
    const far = `${shown(answer.distance, 2)} sd from the 5th nearest code`;
    showVerdict(this.words, verdict(answer.vacancy), `vacancy p = ${shown(answer.vacancy, 2)} at u = (${shown(x)}, ${shown(y)}) sd, ${far}`);
    const value = this.sheet && this.covered === query.layer ? gridValue(this.sheet.values, this.sheet.size, this.extent, x, y) : null;
    const rows = placeFacts(answer, query.layer, value).map(({ state, sign, name, text }) =>
      h(`div${state ? `.xp-${state}` : ""}`, {}, h("dt", {}, h("span.xp-sign", { "aria-hidden": "true" }, sign), h("strong", {}, name), ": "), h("dd", {}, text)),
    );
    this.facts.replaceChildren(...rows);
    dim(this.facts, false);
    this.facts.dataset.place = `${x},${y}`;
  }
}
