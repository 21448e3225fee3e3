/**
 * Map: the encoded test images as a scatter; hover shows an image, a click describes it or decodes empty space.
 *
 * The server is asked once for where the dots stand on a plane, and once for each thing to colour them by. What is
 * shown of them (colours, classes, a selection) is decided here, so the view stays and nothing is sent again.
 */

import { Arrival } from "../kit/arrival.js";
import { plotly } from "../kit/charts.js";
import { button, h, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { StatusLine } from "../kit/status.js";
import { onPlane, shadow } from "../latent/latent.js";
import { shown } from "../latent/numbers.js";
import { Figure } from "../page/figure.js";
import { follow } from "../page/host.js";
import { Stream } from "../page/stream.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Backdrop } from "./backdrop.js";
import { MapBar } from "./bar.js";
import { ChosenCard } from "./card.js";
import { choices, markerOf, rowsShown, THE_LARGEST } from "./colours.js";
import { arrayOf, classNames, colouringOf } from "./data.js";
import { recoloured } from "./dots.js";
import { Tip } from "./hover.js";
import { Layers } from "./layers.js";
import { Legend } from "./legend.js";
import { Overlay } from "./overlay.js";
import { Selection } from "./selection.js";
import { boxOf, nearestRow, rowsInside, sampleOf } from "./shapes.js";
import { keyWish, Outliner, windowOf } from "./tools.js";
import { TsneWait } from "./tsne.js";

export const STYLE = new URL("./map.css", import.meta.url);

/** Dots that are drawn at once without being asked for more. */
const FIRST_DOTS = 10000;

const isTouch = (/** @type {any} */ event) => event?.pointerType === "touch" || matchMedia("(pointer: coarse)").matches;

/**
 * What the map shows of a run.
 * @typedef {object} Data
 * @property {import("./data.js").RunInfo} info
 * @property {Float32Array} places x and y by turns, (N * 2), NaN for an image without a place.
 * @property {string} plane
 * @property {Int32Array | null} labels
 * @property {string[]} names Of the classes.
 * @property {Int32Array} sample Images that are drawn.
 * @property {import("./colours.js").Colouring} colouring
 */

export class MapTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.plane = "pca";
    this.lastPlane = "pca"; // to go back to from t-SNE
    this.colour = "label";
    this.highlight = THE_LARGEST;
    this.hoverMode = "image";
    this.anchor = "mean";
    this.everything = false;
    /** @type {import("./data.js").RunInfo | null} */
    this.info = null;
    /** @type {Data | null} */
    this.data = null;
    /** Images that are drawn, in their order. @type {Int32Array} */
    this.rows = new Int32Array(0);
    this.asks = new Latest(); // runs, planes
    this.taps = new Latest(); // pictures that were asked for beside a finger
    this.status = new StatusLine();
    const say = (/** @type {string} */ words) => this.say(words);
    this.figure = new Figure("map of the encoded test images; arrow keys move it, plus and minus zoom, Enter chooses what is in its middle", {
      hover: (place) => this.hover(place),
      click: (place) => this.click(place),
      fail: (error) => this.status.say(error.message, this.figure),
      drawn: () => this.drawn(),
    });
    this.figure.prepare = (traces, layout) => this.prepare(traces, layout);
    this.figure.config = { modeBarButtons: [["toImage"]] }; // the other ones have words here
    this.overlay = new Overlay(this.figure);
    this.backdrop = new Backdrop(this.overlay, this.status);
    this.backdrop.wanted = () => (this.decodable && this.info ? { run: this.info.name, plane: this.anchored(), image: this.info.image_shape } : null);
    this.overlay.moved = () => this.backdrop.follow();
    this.outliner = new Outliner(this.overlay, (outline, more) => this.select(outline, more));
    this.tip = new Tip(this.figure, () => this.card.element.scrollIntoView({ block: "start" }));
    this.legend = new Legend(() => this.redraw());
    this.card = new ChosenCard({
      choose: (index) => this.card.askPoint(index),
      neighbours: (neighbours) => this.layers.neighbours(neighbours.map(({ image }) => image)),
      shown: () => this.markChosen(),
      status: this.status,
    });
    this.selection = new Selection(() => this.redraw(), this.status);
    this.tsne = new TsneWait(() => this.load(), () => this.setPlane(this.lastPlane), say);
    this.layers = new Layers(this.overlay, () => this.data, () => this.rows, () => this.card.chosen, () => this.figure.meta.plane ?? null, (words, who) => this.status.say(words, who));
    this.bar = new MapBar(this);
    this.note = h("div.xp-bar", { hidden: true });
    this.thinned = h("div.xp-bar.xp-thinned", { hidden: true });
    this.main = h("div.xp-mapmain.xp-column", {}, this.thinned, this.tsne.element, this.figure.element, this.legend.element, this.bar.tools);
    const side = h("aside.xp-side", { "aria-label": "the chosen image" }, this.selection.element, this.card.element);
    this.body = h("div", {}, this.note, this.bar.element, h("div.xp-map", {}, this.main, side));
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
    const { plot } = this.figure;
    plot.tabIndex = 0;
    plot.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.press(event));
    plot.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.wander(event));
    plot.addEventListener("pointerleave", () => !this.tip.stays && this.tip.hide());
    plot.addEventListener("pointerdown", () => this.tip.hide());
    this.hovered = new Stream(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => source.decode(run, z, 1),
      (decoded) => this.hoverMode === "decode" && !this.tip.element.hidden && this.tip.paint(decoded),
      { status: this.status },
    );
    view.addEventListener("own", () => this.layers.own());
  }

  /** @param {string} words */
  say(words) {
    this.status.say(words);
  }

  /** @param {string | null} run */
  async setRun(run) {
    const signal = this.asks.next(view.signal);
    this.card.drop();
    this.hovered.drop();
    this.tsne.hide();
    this.status.clear();
    this.arrival.begin(run);
    if (!run) return;
    plotly().catch(() => {}); // at the same time as the run; drawing it says what went wrong
    try {
      const info = await view.info(run);
      const sprites = await view.sprites(run);
      if (signal.aborted) return;
      this.info = info;
      this.sprites = sprites;
      this.data = null;
      this.figure.clear();
      this.backdrop.turn(false);
      this.everything = false;
      this.plane = info.latent_dim === 1 ? "0" : info.latent_dim === 2 ? "0,1" : "pca";
      this.lastPlane = this.plane;
      const there = choices(info);
      if (!there.some(({ value }) => value === this.colour)) this.colour = there[0].value;
      this.highlight = THE_LARGEST;
      this.anchor = "mean";
      this.legend.forget();
      this.selection.clear();
      this.tip.hide();
      this.card.setRun(info, sprites);
      delete this.root.dataset.chosen;
      this.layers.forget();
      this.showNote();
      this.bar.rebuild();
      this.status.clear();
      this.arrival.end(run);
      await this.load();
      sprites.load().catch(() => this.say("The small pictures did not load; hover shows none."));
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      this.say(/** @type {Error} */ (error).message);
    }
  }

  /** Say why there are decodes in the place of images, and where they can be had. */
  showNote() {
    const { images_trouble: trouble = null, can_download: offered = false } = this.info ?? {};
    this.note.hidden = !trouble;
    if (!trouble) return;
    this.note.replaceChildren(h("p.xp-hint", {}, `${trouble} The small pictures are decodes of the stored codes.`));
    if (offered) this.note.append(button("Download it in Reconstruct", "Open the tab that fetches the data set", () => view.goTo({ tab: "reconstruct" })));
  }

  /** Fetch what the plane and the colours need, and draw. */
  async load() {
    const signal = this.asks.next(view.signal);
    const { info, plane } = this;
    if (!info) return;
    try {
      const isReady = plane !== "tsne" || (await this.tsne.ready(info.name));
      if (signal.aborted) return;
      this.figure.element.hidden = this.legend.element.hidden = this.bar.tools.hidden = !isReady;
      if (!isReady) {
        this.thinned.hidden = true;
        return;
      }
      this.tsne.hide();
      const { colour, highlight } = this;
      const [places, labels, colouring] = await Promise.all([
        arrayOf(info, "places", { plane }),
        view.labels(info.name),
        colouringOf(info, colour, highlight),
      ]);
      if (signal.aborted) return;
      this.say("");
      if (colour !== this.colour || highlight !== this.highlight) return void this.load(); // another was chosen meanwhile
      const sample = sampleOf(info.count, this.everything ? Infinity : FIRST_DOTS);
      this.data = { info, places, plane, labels, sample, colouring, names: classNames(info, labels) };
      this.showThinned();
      this.bar.mark();
      this.backdrop.turn(false); // it is of another plane; `drawn` turns it on again
      this.figure.show(info.name, "map", { plane });
    } catch (error) {
      if (!signal.aborted) this.say(/** @type {Error} */ (error).message);
    }
  }

  /** Say that not all dots are drawn. */
  showThinned() {
    if (!this.data) return;
    const { info, sample, places } = this.data;
    let missing = 0;
    for (let row = 0; row < info.count; row++) if (!Number.isFinite(places[2 * row])) missing++;
    const laid = info.count - missing;
    const drawn = sample.reduce((sum, row) => sum + (Number.isFinite(places[2 * row]) ? 1 : 0), 0);
    this.thinned.hidden = drawn === info.count;
    const words = `${drawn.toLocaleString("en")} of ${info.count.toLocaleString("en")} images are drawn${missing ? ": t-SNE lays out no more" : ""}.`;
    this.thinned.replaceChildren(h("p.xp-hint", {}, words));
    if (drawn < laid) {
      const all = `Show all ${laid.toLocaleString("en")}`;
      this.thinned.append(
        button(all, "Draw every image; slower machines may then move the map less smoothly", () => {
          this.everything = true;
          this.load();
        }),
      );
    }
  }

  /**
   * Colour by something else; the dots stay where they are.
   * @param {string} colour
   * @param {string} [highlight]
   */
  async setColour(colour, highlight = THE_LARGEST) {
    Object.assign(this, { colour, highlight });
    this.legend.forget();
    this.bar.rebuild();
    const { data } = this;
    if (!data) return;
    const { element } = this.figure;
    element.setAttribute("aria-busy", "true");
    try {
      const colouring = await colouringOf(data.info, colour, highlight);
      if (data !== this.data || this.colour !== colour || this.highlight !== highlight) return;
      data.colouring = colouring;
      this.legend.show(colouring, this.figure.meta);
      await this.redraw();
      this.say("");
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    } finally {
      if (this.colour === colour) element.removeAttribute("aria-busy");
    }
  }

  /** @param {string} plane */
  setPlane(plane) {
    if (this.plane !== "tsne") this.lastPlane = this.plane;
    this.plane = plane;
    this.tsne.hide();
    this.bar.rebuild();
    return this.load();
  }

  /** The dots as plotly takes them. */
  trace() {
    const { places, colouring, sample } = /** @type {Data} */ (this.data);
    const rows = rowsShown(colouring, places, sample, this.legend.hidden);
    this.rows = rows;
    const chosen = new Set(this.selection.rows);
    const selectedpoints = chosen.size ? Array.from(rows.keys()).filter((k) => chosen.has(rows[k])) : null;
    return {
      x: Float32Array.from(rows, (row) => places[2 * row]),
      y: Float32Array.from(rows, (row) => places[2 * row + 1]),
      customdata: rows,
      selectedpoints,
      marker: markerOf(colouring, rows, this.figure.meta),
    };
  }

  /**
   * Put the dots into the figure that the server made.
   * @param {any[]} traces
   * @param {any} layout
   */
  prepare(traces, layout) {
    if (!this.data) return;
    const { places, sample } = this.data;
    const { marker, ...rest } = this.trace();
    const count = sample.length;
    traces.push({
      type: "scattergl",
      mode: "markers",
      hoverinfo: "none",
      showlegend: false,
      ...rest,
      marker: { size: count < 2000 ? 4.5 : count < 8000 ? 3.2 : 2.6, opacity: 0.75, showscale: false, ...marker },
      unselected: { marker: { opacity: 0.08 } },
    });
    this.home = boxOf(places, sample.filter((row) => Number.isFinite(places[2 * row])));
    // stated, so that hiding a class does not move the rest
    layout.xaxis = { ...layout.xaxis, range: [this.home.left, this.home.right] };
    layout.yaxis = { ...layout.yaxis, range: [this.home.bottom, this.home.top] };
    this.priorShapes = { shapes: layout.shapes ?? [], annotations: layout.annotations ?? [] };
    if (this.outliner.tool === "pan") layout.dragmode = "pan";
    if (!this.layers.on.prior) Object.assign(layout, { shapes: [], annotations: [] });
  }

  /** A figure was drawn: of another run, plane or theme. */
  drawn() {
    this.status.say("", this.figure);
    this.overlay.listen();
    if (!this.data) return;
    this.legend.show(this.data.colouring, this.figure.meta);
    this.layers.renew();
    this.overlay.refresh();
    this.showBackdrop();
    this.root.dataset.drawn = `${this.data.info.name} ${this.plane} ${this.rows.length}`;
  }

  /** Draw the same dots in other colours, or fewer of them. */
  async redraw() {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (!this.data || !Plotly || !this.figure.element.dataset.ready) return;
    const before = this.rows;
    const { x, y, customdata, selectedpoints, marker } = this.trace();
    const stay = !selectedpoints && before?.length === customdata.length && before.every((row, k) => row === customdata[k]);
    if (!stay || !recoloured(this.figure.plot, marker)) {
      const changes = { x: [x], y: [y], customdata: [customdata], selectedpoints: [selectedpoints] };
      const colours = Object.fromEntries(Object.entries(marker).map(([key, value]) => [`marker.${key}`, [value]]));
      await Plotly.restyle(this.figure.plot, { ...changes, ...colours }, [0]);
    }
    this.layers.renew();
    this.root.dataset.drawn = `${this.data.info.name} ${this.plane} ${this.rows.length}`;
    this.root.dataset.colour = this.colour;
  }

  /** Show or hide the circles of the prior. */
  showPrior() {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (!this.priorShapes || !this.figure.element.dataset.ready) return;
    const change = this.layers.on.prior ? this.priorShapes : { shapes: [], annotations: [] };
    Plotly.relayout(this.figure.plot, change);
  }

  /** @param {import("./tools.js").Tool} tool */
  useTool(tool) {
    const { plot, layout } = this.figure;
    this.outliner.use(tool);
    this.tip.hide();
    plot.classList.toggle("xp-moves", tool === "pan");
    if (!matchMedia("(pointer: coarse)").matches) return;
    layout.dragmode = tool === "pan" ? "pan" : false;
    if (this.overlay.frame) /** @type {any} */ (globalThis).Plotly.relayout(plot, { dragmode: layout.dragmode });
  }

  /** Show or hide the decodes behind the dots. */
  showBackdrop() {
    this.backdrop.turn(this.layers.on.backdrop && this.decodable && (this.info?.latent_dim ?? 0) > 1);
  }

  /** Whether a place of this map has a latent. */
  get decodable() {
    return Boolean(this.figure.meta.plane);
  }

  /** The plane behind the map, through the chosen image where that is asked for. @returns {import("../latent/latent.js").Plane} */
  anchored() {
    const plane = /** @type {import("../latent/latent.js").Plane} */ (this.figure.meta.plane);
    const chosen = this.anchor === "chosen" ? this.card.chosen : null;
    if (!chosen) return plane;
    const [a, b] = shadow(plane, chosen.latent);
    return { ...plane, origin: plane.origin.map((_, i) => chosen.latent[i] - a * plane.first[i] - b * plane.second[i]) };
  }

  /** @param {import("../kit/charts.js").Pointed | null} place */
  hover(place) {
    if (this.hoverMode === "decode" || this.tip.stays) return;
    if (!place || place.index === null || !this.data || !this.sprites) return this.tip.hide();
    this.showTip(place.index, place.event, false);
  }

  /**
   * @param {number} index
   * @param {MouseEvent} event
   * @param {boolean} stays
   */
  showTip(index, event, stays) {
    if (!this.info || !this.sprites) return;
    this.taps.stop();
    const label = this.data?.labels ? `${this.data.names[this.data.labels[index]] ?? this.data.labels[index]} · ` : "";
    const canvas = this.tip.show(event, this.info.image_shape[2], `${label}image ${index}`, stays);
    this.sprites.paint(canvas, index).catch(() => {}); // setRun says that they did not load
  }

  /** Decode where the pointer is. @param {PointerEvent} event */
  wander(event) {
    if (this.hoverMode !== "decode" || event.pointerType === "touch" || !this.info || !this.data || !this.decodable) return;
    const there = this.figure.dataAt(event.clientX, event.clientY);
    if (!there) return this.tip.hide();
    this.tip.show(event, this.info.image_shape[2], "decoded here");
    this.hovered.ask({ run: this.info.name, z: onPlane(this.anchored(), there.x, there.y) });
  }

  /** @param {import("../kit/charts.js").Pointed} place */
  click({ index, x, y, event }) {
    const { info } = this;
    if (!info || !this.data) return;
    if (index !== null) {
      if (isTouch(event)) this.showTip(index, event, true);
      return this.card.askPoint(index);
    }
    if (!this.decodable) return this.say("This view has no latent behind empty space; click a point.");
    const z = onPlane(this.anchored(), x, y);
    this.card.askPlace(z, this.placeName(x, y), this.restName());
    if (!isTouch(event)) return;
    this.tip.show(event, info.image_shape[2], "decoded here", true);
    const signal = this.taps.next(view.signal);
    const done = (/** @type {() => void} */ act) => signal.aborted || act(); // else the finger is elsewhere
    source.decode(info.name, z, 1, { signal }).then((decoded) => done(() => this.tip.paint(decoded)), () => done(() => this.tip.hide())); // the card says why
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  placeName(x, y) {
    if (this.plane === "pca") return `component 1 = ${shown(x)}, component 2 = ${shown(y)}`;
    const [i, j] = this.plane.split(",");
    return j === undefined ? `axis 0 = ${shown(x)}` : `axis ${i} = ${shown(x)}, axis ${j} = ${shown(y)}`;
  }

  /** What a decoded place has in all other directions. */
  restName() {
    if ((this.info?.latent_dim ?? 2) <= 2) return "decode";
    const whence = this.anchor === "chosen" ? this.card.chosen?.whence : null;
    if (!whence) return "all else at the mean";
    return whence.kind === "image" ? `all else as image ${whence.index}` : "all else as before";
  }

  markChosen() {
    const { whence, latent } = /** @type {import("../latent/run.js").Chosen} */ (this.card.chosen);
    this.root.dataset.chosen = whence.kind === "image" ? String(whence.index) : Array.from(latent).join(",");
    this.layers.chosen();
    this.bar.mark();
    if (this.anchor === "chosen") this.backdrop.follow();
  }

  /**
   * @param {[number, number][] | null} outline
   * @param {boolean} more
   */
  select(outline, more) {
    if (!this.data) return;
    const inside = outline ? rowsInside(this.data.places, this.rows, outline) : [];
    this.choose(more ? [...this.selection.rows, ...inside] : inside);
  }

  /** Choose many images. @param {number[]} images */
  async choose(images) {
    if (!this.data) return;
    const rows = [...new Set(images)].sort((a, b) => a - b);
    const { info, labels, names } = this.data;
    if (!rows.length) {
      this.selection.clear();
      this.say("");
    } else {
      this.selection.show(info, labels, (label) => names[label] ?? String(label), rows);
    }
    this.bar.told(rows.length, () => this.selection.element.scrollIntoView({ block: "start" }));
    await this.redraw();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const wish = event.ctrlKey || event.metaKey || event.altKey ? null : keyWish(event.key);
    const { frame } = this.overlay;
    if (!wish || !frame) return;
    event.preventDefault();
    if ("pan" in wish) this.look(windowOf(frame.box, 1, wish.pan));
    else if ("zoom" in wish) this.zoom(wish.zoom);
    else if ("home" in wish) this.goHome();
    else {
      const [x, y] = frame.place(frame.width / 2, frame.height / 2);
      const near = this.rows.length && this.data ? nearestRow(this.data.places, this.rows, x, y) : null;
      const places = this.data?.places;
      const gap = near === null || !places ? Infinity : Math.hypot(frame.px(places[2 * near]) - frame.width / 2, frame.py(places[2 * near + 1]) - frame.height / 2);
      this.click({ index: gap < 8 ? near : null, x, y, event: /** @type {any} */ (new MouseEvent("click")) });
    }
  }

  /** @param {number} times Factor of the window's width. */
  zoom(times) {
    const { frame } = this.overlay;
    if (frame) this.look(windowOf(frame.box, times));
  }

  goHome() {
    if (this.home) this.look(this.home);
  }

  /** @param {import("./shapes.js").Box} box */
  look({ left, right, bottom, top }) {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (!this.overlay.frame) return;
    Plotly.relayout(this.figure.plot, { "xaxis.range": [left, right], "yaxis.range": [bottom, top] });
  }
}

/** @typedef {MapTab} Tab */

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  const tab = new MapTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "map", (run) => tab.setRun(run));
}
