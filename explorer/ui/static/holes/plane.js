/** One model of Holes: its plane, its cursor, what is decoded there and how usual that is. */

import { button, h } from "../kit/dom.js";
import { context, dim, paint } from "../kit/pixels.js";
import { Plane } from "../kit/plane.js";
import { addTools } from "../kit/planetools.js";
import { svg } from "../kit/svg.js";
import { coloursAt, onTheme } from "../kit/theme.js";
import { onPlane } from "../latent/latent.js";
import { percent, shown } from "../latent/numbers.js";
import { ALPHA, verdict } from "../latent/vacancy.js";
import { LivePicture } from "../page/picture.js";
import { showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { bytesOf, paintOf } from "../plane/colours.js";
import { contourPath } from "../plane/contours.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { cellBox, cellLatents, gridValue, hatching, levelShares, placeFacts, numbersOf } from "./grid.js";
import { groundKey, groundPixels } from "./ground.js";
import { codesKey } from "./layers.js";
import { entitle } from "./pairs.js";

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
 * @property {(event: KeyboardEvent) => boolean} onKey Whether the key was taken.
 * @property {(words: string, who: unknown) => void} say
 */

/** What the server tells of a plane (explorer/views/hole_map.py), numbersOf. @typedef {Record<string, any>} Told */
/** How a plane is asked for. @typedef {{run: string, query: Record<string, string>}} PlaneWish */

const LARGE = 96; // CSS pixels of a picture's width at most
const GAP = 14; // between the cursor and the picture of its place
const SETTLE_MS = 80; // of a cursor at rest: until then it shows what the browser itself knows
const TITLES = /** @type {[string, string]} */ (["u₁, sd of the codes", "u₂, sd of the codes"]);
const MOST_COLOURS = 10; // more classes than colours are not told apart

export class PlaneSide {
  /** @param {Room} room */
  constructor(room) {
    this.room = room;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {PlaneWish | null} */
    this.wish = null;
    /** What is drawn. @type {Told | null} */
    this.told = null;
    /** Vacancy as the map has it. @type {import("./ground.js").Sheet | null} */
    this.vacancy = null;
    /** The layer on show. @type {import("./ground.js").Sheet | null} */
    this.sheet = null;
    this.covered = ""; // what it measures
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settling = undefined;
    this.canvas = h("canvas");
    this.lattice = h("canvas");
    this.tiled = false; // whether it holds the plane's decodes
    this.plane = new Plane("holes on a plane of latent space", {
      wander: (x, y) => !room.pinned && room.point(x, y, false),
      tap: ({ x, y }) => room.point(x, y, true),
      moved: () => this.moved(),
      key: (event) => room.onKey(event),
      describe: () => this.described(),
    });
    addTools(this.plane, { whole: "Whole plane", name: () => `${this.info?.name ?? "plane"}-holes`, say: (words) => room.say(words, this.plane) });
    this.cursor = h("div.xp-cursor", { hidden: true, "aria-hidden": "true" });
    this.picture = new LivePicture(room, { limit: 2 }); // of each model
    /** The decode of the cursor's place, beside the cursor. */
    this.here = h("div.xp-holes-here", { hidden: true }, this.picture.canvas);
    this.plane.square.append(this.cursor, this.here);
    /** How usual the place is, in a few words. */
    this.now = h("p.xp-holes-now", { "aria-live": "polite" });
    this.words = h("p.xp-trust");
    this.facts = h("dl.xp-holes-facts");
    this.title = h("h3");
    this.key = h("div", { hidden: true });
    this.legend = h("div", { hidden: true });
    this.note = h("p.xp-hint");
    const open = button("Open in Explore", "Take this place of this model to the sliders", () => this.open());
    this.element = h("section.xp-half", {}, this.title, this.plane.element, this.now);
    /** What else is known of the place and of the plane, for More. */
    this.beneath = h("section.xp-half", {}, this.words, this.facts, h("div", {}, open), this.legend, this.key, this.note);
    this.picture.fitInto(this.plane.square, (width) => Math.min(LARGE, width / 4));
    this.planes = new NewestWins(
      async (/** @type {PlaneWish} */ { run, query }) => {
        const [told, labels] = await Promise.all([source.ask("holePlane", run, { query }), view.labels(run)]);
        return { told, labels };
      },
      ({ told, labels }, wish) => wish === this.wish && this.put(told, labels),
      (error) => this.lose(error),
    );
    this.layers = new NewestWins(
      (/** @type {{wish: PlaneWish, asked: Layer}} */ { wish, asked }) => source.ask("holeLayer", wish.run, { query: { ...wish.query, ...asked } }),
      (layer, { wish, asked }) => wish === this.wish && this.cover(asked, { ...layer, ...sheetOf(layer.values) }, layer.note),
      (error) => this.lose(error),
    );
    this.places = new NewestWins(
      (/** @type {any} */ { run, z, query }) => source.ask("holePlace", run, { query, body: z }),
      (answer, asked) => this.tell(answer, asked),
      (error) => this.facts.replaceChildren(h("div", {}, h("dt", {}, "p-values"), h("dd", {}, error instanceof Unreachable ? error.message : `none: ${/** @type {Error} */ (error).message}`))),
      1,
    );
    this.tiles = new NewestWins(
      (/** @type {Told} */ { plane, cells, extent }) => source.decode(/** @type {PlaneWish} */ (this.wish).run, cellLatents(plane, cells, extent), cells * cells, { priority: "batch" }),
      (decoded, told) => told === this.told && this.tile(decoded, told.cells),
      (error) => this.lose(error),
      1,
    );
    onTheme(() => this.retint());
  }

  /**
   * Show a run's plane, or none.
   * @param {RunInfo | null} info
   */
  setRun(info) {
    this.drop();
    this.info = info;
    this.element.hidden = this.beneath.hidden = !info;
    if (!info) return;
    entitle(this.title, info);
    this.element.dataset.of = this.beneath.dataset.of = info.name;
    this.picture.canvas.setAttribute("aria-label", `decode of ${info.name}`);
    this.plane.pad.setAttribute("aria-label", `plane of the latent space of ${info.name}; arrow keys move the cursor, Enter holds it, plus and minus zoom`);
  }

  /**
   * Ask for a plane of the run; the newest wish wins.
   * @param {Record<string, string>} query
   */
  show(query) {
    const { info } = this;
    if (!info) return;
    if (this.wish?.run !== info.name) dim(this.plane.element, true); // what is drawn is another run's
    this.told = null; // until it is drawn nothing is known of the plane: the old one may belong to another run
    this.wish = { run: info.name, query };
    delete this.plane.element.dataset.ready;
    delete this.plane.element.dataset.layer;
    this.element.setAttribute("aria-busy", "true");
    this.planes.ask(this.wish);
  }

  drop() {
    clearTimeout(this.settling);
    this.wish = null;
    this.told = null;
    this.planes.drop();
    this.room.say("", this);
    this.picture.drop();
    this.layers.drop();
    this.tiles.drop();
    this.places.drop();
    this.facts.replaceChildren();
    this.words.replaceChildren();
    this.now.replaceChildren();
    this.note.textContent = "";
    dim(this.picture.canvas, true); // until it is of this run
  }

  /**
   * Draw what the server told of the plane.
   * @param {Told} told
   * @param {Int32Array | null} labels
   */
  put(told, labels) {
    const { plane, info } = this;
    const { extent, names } = told;
    this.told = told;
    this.tiled = false;
    this.vacancy = { ...sheetOf(told.vacancy), scale: "p-values", ends: [-3, 0], bar: "hole p-value", classes: [] };
    plane.setDots(/** @type {Float32Array} */ (numbersOf(told.codes).values));
    const hasClasses = labels !== null && names.length > 0 && names.length <= MOST_COLOURS;
    plane.setColours({
      codes: hasClasses ? Uint16Array.from(labels) : new Uint16Array(info?.count ?? 0),
      paints: ({ classes }) => Uint32Array.from(hasClasses ? names : [""], (_, c) => paintOf(bytesOf(classes[c]))),
      strength: told.nearness && /** @type {Uint8Array} */ (numbersOf(told.nearness).values),
    });
    plane.dots.opacity = told.nearness ? 1 : 0.6;
    plane.setAxes({ titles: TITLES, alike: true });
    plane.setHome({ left: -extent, right: extent, bottom: -extent, top: extent });
    const { size, values } = this.vacancy;
    const { values: holes, shape } = numbersOf(told.holes);
    plane.above.setShapes("edge", [svg("path", { d: contourPath(/** @type {Float32Array} */ (values), size, cellBox(size, extent), Math.log10(ALPHA)) })]);
    plane.above.setShapes("hatching", [svg("path", { d: hatching(holes, shape[0], extent) })]);
    plane.above.setPins(
      "anchors",
      told.anchors.map((/** @type {[number, number]} */ [x, y], /** @type {number} */ k) => ({ element: h("span.xp-anchor", { role: "img", "aria-label": `image ${k + 1}` }, h("span.xp-badge", { "data-number": k + 1 })), x, y })),
    );
    const classes = hasClasses ? names.map((/** @type {string} */ name, /** @type {number} */ c) => ({ name, colour: `var(--xp-class-${c})` })) : [];
    this.key.replaceChildren(codesKey(classes));
    this.hasKey = classes.length > 0;
    dim(plane.element, false);
    plane.element.dataset.images = told.images.join(",");
    plane.element.dataset.ready = info?.name;
    plane.measure();
    this.room.say("", this);
    this.room.drawn(this);
    this.colour();
  }

  /** A line for who does not see the plane. @returns {string[]} */
  described() {
    if (!this.told) return [];
    const { x, y } = this.room.at;
    return [`the cursor stands at u = ${shown(x)}, ${shown(y)}`, this.noted()];
  }

  /** The axes lie elsewhere: so do the cursor and the path. */
  moved() {
    this.placeCursor();
    this.room.moved();
  }

  /** What stands behind the plane, in words. */
  noted() {
    const { share, weighted, note } = this.told ?? {};
    if (typeof share !== "number") return "";
    return `Holes fill ${percent(share)} of this window, and ${percent(weighted)} of it where every place counts as often as samples of one fitted Gaussian come by. ${note}`;
  }

  /** For latents of several levels, which of them the plane moves. */
  levelWords() {
    const { behind, info } = this;
    const sizes = info?.level_sizes;
    if (!behind || !info || !sizes) return "";
    const parts = levelShares(behind, sizes).map((share, level) => `level ${level + 1}${level ? "" : " (top)"} ${(100 * share).toFixed(0)} %`);
    return `Of the way that this slice moves ${info.name}: ${parts.join(", ")}.`;
  }

  /** Colour the plane by the tab's layer; vacancy came with the plane, anything else is asked for now. */
  colour() {
    const { wish, vacancy } = this;
    const { asked } = this.room;
    this.layers.drop();
    if (!this.told || !wish || !vacancy) return;
    if (asked.layer === "vacancy") return this.cover(asked, vacancy, this.noted());
    this.element.setAttribute("aria-busy", "true");
    this.layers.ask({ wish, asked });
    return undefined;
  }

  /**
   * Put a layer's colours below all else.
   * @param {Layer} asked
   * @param {import("./ground.js").Sheet} sheet
   * @param {string} note
   */
  cover({ layer, law }, sheet, note) {
    this.room.say("", this);
    this.sheet = sheet;
    this.covered = layer;
    this.note.textContent = note;
    this.paint();
    this.plane.element.dataset.layer = layer === "density" ? `density ${law}` : layer;
    this.element.removeAttribute("aria-busy");
    this.read();
  }

  /** Draw the layer on show, or the lattice in its place, in the colours of the theme. */
  paint() {
    const { sheet, told, plane } = this;
    const { lattice, points } = this.room;
    const token = coloursAt(this.element);
    if (!sheet || !told || !token) return;
    const { size } = sheet;
    Object.assign(this.canvas, { width: size, height: size });
    /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d")).putImageData(new ImageData(/** @type {any} */ (groundPixels(sheet, token)), size, size), 0, 0);
    const { extent } = told;
    plane.setPicture("layer", lattice ? null : { source: this.canvas, box: cellBox(size, extent) });
    if (lattice && !this.tiled) this.tiles.ask(told); // its decodes are asked for when somebody wants to see them
    plane.setPicture("lattice", lattice && this.tiled ? { source: this.lattice, box: { left: -extent, right: extent, bottom: -extent, top: extent } } : null);
    plane.dots.isOff = !points;
    plane.above.setPins("names", lattice ? [] : sheet.classes.flatMap(({ name, at }) => (at ? [{ element: h("span.xp-badge", {}, name), x: at[0], y: at[1] }] : [])));
    plane.above.element.classList.toggle("xp-on-pictures", lattice);
    this.legend.replaceChildren(groundKey(sheet, token));
    this.legend.hidden = lattice;
    this.key.hidden = !points || !this.hasKey;
    plane.ask();
  }

  /**
   * Lay the decodes of the plane side by side.
   * @param {import("../kit/pixels.js").Decoded} decoded The upper row first.
   * @param {number} cells On a side.
   */
  tile(decoded, cells) {
    const [count, height, width] = decoded.shape;
    Object.assign(this.lattice, { width: cells * width, height: cells * height });
    const one = /** @type {HTMLCanvasElement} */ (h("canvas"));
    const room = context(this.lattice);
    for (let k = 0; k < count; k++) {
      paint(one, decoded, k);
      room.drawImage(one, (k % cells) * width, Math.floor(k / cells) * height);
    }
    this.tiled = true;
    this.paint();
  }

  /** The colours of the layer are computed here: they follow the theme without being asked for again. */
  retint() {
    if (this.told) this.paint();
  }

  /** Plane or layer could not be had. @param {unknown} error */
  lose(error) {
    this.element.removeAttribute("aria-busy");
    this.room.say(/** @type {Error} */ (error).message, this);
  }

  /** The plane in latent space behind the one on show. @returns {import("../latent/latent.js").Plane | undefined} */
  get behind() {
    return this.told?.plane;
  }

  get extent() {
    return this.told?.extent ?? 3;
  }

  get latent() {
    return this.behind && onPlane(this.behind, this.room.at.x, this.room.at.y);
  }

  /**
   * Vacancy of a place as the map has it.
   * @param {number} x
   * @param {number} y
   */
  vacancyAt(x, y) {
    return this.vacancy ? 10 ** gridValue(this.vacancy.values, this.vacancy.size, this.extent, x, y) : NaN;
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
    const { pane, margins } = this.plane;
    this.cursor.hidden = !pane || !margins || !this.told || !pane.holds(pane.px(x), pane.py(y));
    if (!pane || !margins) return;
    const [left, top] = [margins.left + pane.px(x), margins.top + pane.py(y)];
    Object.assign(this.cursor.style, { left: `${left}px`, top: `${top}px` });
    this.here.hidden = this.cursor.hidden;
    // beside the cursor, and on the side where there is room
    const isRight = pane.px(x) > pane.width / 2;
    const isLow = pane.py(y) > pane.height / 2;
    Object.assign(this.here.style, { left: `${left + (isRight ? -GAP : GAP)}px`, top: `${top + (isLow ? -GAP : GAP)}px`, translate: `${isRight ? -100 : 0}% ${isLow ? -100 : 0}%` });
  }

  /** Say how usual the cursor's place is, in a few words and by the frame of its picture. @param {number} p */
  judge(p) {
    const said = verdict(p);
    const [short] = said.text.split(":");
    this.here.classList.toggle("xp-hs-hole", said.state === "hole");
    if (this.now.dataset.state === said.state && this.now.textContent) return; // a screen reader hears what is new
    this.now.dataset.state = said.state;
    showVerdict(this.now, { ...said, text: short }, "");
  }

  /** Show cursor, p-value and decode at the tab's place; once it rests, all else that is known there. */
  read() {
    const { x, y } = this.room.at;
    this.placeCursor();
    clearTimeout(this.settling);
    if (!this.told || !this.info) return;
    this.judge(this.vacancyAt(x, y));
    showVerdict(this.words, verdict(this.vacancyAt(x, y)), `p ≈ ${shown(this.vacancyAt(x, y), 2)} at u = (${shown(x)}, ${shown(y)}) sd`);
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
    this.judge(answer.vacancy);
    showVerdict(this.words, verdict(answer.vacancy), `p = ${shown(answer.vacancy, 2)} at u = (${shown(x)}, ${shown(y)}) sd, ${far}`);
    const value = this.sheet && this.covered === query.layer ? gridValue(this.sheet.values, this.sheet.size, this.extent, x, y) : null;
    const rows = placeFacts(answer, query.layer, value).map(({ state, sign, name, text }) =>
      h(`div${state ? `.xp-${state}` : ""}`, {}, h("dt", {}, h("span.xp-sign", { "aria-hidden": "true" }, sign), h("strong", {}, name), ": "), h("dd", {}, text)),
    );
    this.facts.replaceChildren(...rows);
    dim(this.facts, false);
    this.facts.dataset.place = `${x},${y}`;
  }
}

/** @param {import("./grid.js").PackedNumbers | import("./grid.js").Numbers} told */
function sheetOf(told) {
  const { values, shape } = numbersOf(told);
  return { values, size: shape[0] };
}
