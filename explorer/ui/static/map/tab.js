/**
 * Map: the encoded test images as dots; hover shows an image, a click describes it or decodes empty space.
 *
 * The server is asked once for where the dots stand on a plane, and once for each thing to colour them by. What is
 * shown of them (colours, classes, a selection) is decided here, so the view stays and nothing is sent again. A second
 * run over the same images can stand beside the first: one selection, one set of colours, one image pointed at.
 */

import { Arrival } from "../kit/arrival.js";
import { button, h, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { PLANE_STYLE } from "../kit/plane.js";
import { addTools } from "../kit/planetools.js";
import { sideOf } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { onPlane, shadow } from "../latent/latent.js";
import { shown } from "../latent/numbers.js";
import { follow } from "../page/host.js";
import { Sprites } from "../page/sprites.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { MapBar } from "./bar.js";
import { ChosenCard } from "./card.js";
import { byName, choices, THE_LARGEST } from "./colours.js";
import { colouringOf } from "./data.js";
import { Legend } from "./legend.js";
import { Selection } from "./selection.js";
import { MapSide } from "./side.js";
import { stateOf, usualPlane, USUAL_LAYERS, wished } from "./state.js";
import { TsneWait } from "./tsne.js";
import { FIT, Unfolding } from "./unfold.js";

export const STYLE = new URL("./map.css", import.meta.url);

const WIDE = "(min-width: 1000px)"; // windows with room for two maps, so that the twin is shown unasked

const isTouch = (/** @type {any} */ event) => event?.pointerType === "touch" || matchMedia("(pointer: coarse)").matches;

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
    /** @type {Record<import("./layers.js").LayerName, boolean>} */
    this.on = { ...USUAL_LAYERS };
    /** @type {import("./data.js").RunInfo | null} */
    this.info = null;
    /** The run beside it, or `FIT` for this one after an earlier epoch; null for none. @type {string | null} */
    this.besideName = null;
    /** Of the fit, where that is to begin when it comes beside; 0 for the first. */
    this.epoch = 0;
    /** @type {import("./colours.js").Colouring | null} */
    this.colouring = null;
    this.visits = new Latest(); // runs
    this.asks = new Latest(); // planes of the run on show
    this.pairs = new Latest(); // runs beside
    this.taps = new Latest(); // pictures that were asked for beside a finger
    this.status = new StatusLine();
    this.legend = new Legend(() => this.repaint());
    this.main = new MapSide(this);
    this.other = new MapSide(this);
    this.sides = [this.main, this.other];
    this.other.element.hidden = true;
    this.unfolding = new Unfolding(this.other, () => this.unfolded());
    this.other.element.append(this.unfolding.element);
    this.marks = this.sides.map((side) =>
      addTools(side.plane, {
        outlines: true,
        use: (tool) => this.useTool(tool),
        whole: "Whole map",
        name: () => `${side.info?.name ?? "map"}-map`,
        say: (words) => this.status.say(words, side.plane),
      }),
    );
    this.card = new ChosenCard({
      choose: (index) => this.card.askPoint(index),
      neighbours: (neighbours) => this.sides.forEach(({ layers }) => layers.neighbours(neighbours.map(({ image }) => image))),
      shown: () => this.markChosen(),
      status: this.status,
    });
    this.selection = new Selection(() => this.repaint(), this.status);
    this.tsne = new TsneWait(() => this.load(), () => this.setPlane(this.lastPlane), (words) => this.say(words));
    this.note = h("div.xp-bar", { hidden: true });
    this.bar = new MapBar(this);
    this.thinned = h("p.xp-hint", { hidden: true });
    this.maps = h("div.xp-maps", {}, this.main.element, this.other.element);
    this.drawing = h("div.xp-mapmain.xp-column", {}, this.thinned, this.tsne.element, this.maps, this.legend.element, this.bar.chosenNote, this.bar.more);
    const side = h("aside.xp-mapaside", { "aria-label": "the chosen image" }, this.selection.element, this.card.element);
    this.body = h("div", {}, h("h2.xp-unseen", {}, "Map"), this.bar.element, h("div.xp-map", {}, this.drawing, side));
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
    view.addEventListener("link", () => this.info && this.info.name === view.run && this.setRun(view.run));
    view.addEventListener("own", () => this.sides.forEach(({ layers }) => layers.own()));
  }

  /** @param {string} words */
  say(words) {
    this.status.say(words);
  }

  details() {
    this.card.element.scrollIntoView({ block: "start" });
  }

  /** @param {string | null} run */
  async setRun(run) {
    const signal = this.visits.next(view.signal);
    this.asks.stop();
    this.card.drop();
    this.main.decodes.drop();
    this.tsne.hide();
    this.leaveOther();
    this.status.clear();
    this.arrival.begin(run);
    if (!run) return;
    try {
      const [info, sprites] = await Promise.all([view.info(run), view.sprites(run)]);
      if (signal.aborted) return;
      this.info = info;
      this.main.setRun(info, sprites);
      this.main.name(false);
      const there = choices(info).map(({ value }) => value);
      const wish = wished(view.state("map"), info, there, source.can("startTsne"));
      this.plane = wish.plane;
      this.lastPlane = wish.plane === "tsne" ? usualPlane(info) : wish.plane;
      this.colour = wish.colour ?? (there.includes(this.colour) ? this.colour : there[0]);
      this.highlight = wish.highlight || THE_LARGEST;
      if (wish.layers) Object.assign(this.on, wish.layers);
      this.anchor = "mean";
      this.colouring = null;
      this.legend.forget();
      this.selection.clear();
      this.card.setRun(info, sprites);
      delete this.root.dataset.chosen;
      this.showNote();
      this.bar.others = [];
      this.epoch = wish.epoch;
      this.besideName = (wish.epoch ? FIT : (view.other ?? (matchMedia(WIDE).matches ? info.twin : null))) || null;
      this.pair(this.besideName !== null); // at once, so that nothing moves when its dots come
      this.bar.rebuild();
      this.status.clear();
      this.arrival.end(run);
      await this.load();
      if (signal.aborted) return;
      if (wish.rows.length) this.choose(wish.rows);
      if (wish.image !== null) this.card.askPoint(wish.image);
      sprites.load().catch(() => this.say("The small pictures did not load; hover shows none."));
      await this.findOthers(signal);
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
      this.maps.hidden = this.legend.element.hidden = this.bar.more.hidden = !isReady;
      if (!isReady) {
        this.thinned.hidden = true;
        return;
      }
      this.tsne.hide();
      const { colour, highlight } = this;
      const [data, colouring] = await Promise.all([this.main.fetched(plane), colouringOf(info, colour, highlight)]);
      if (signal.aborted) return;
      this.say("");
      if (colour !== this.colour || highlight !== this.highlight) return void this.load(); // another was chosen meanwhile
      if (colouring !== this.colouring) this.legend.show(colouring);
      this.colouring = colouring;
      this.main.show({ ...data, colouring });
      this.showThinned();
      this.bar.mark();
      this.tell();
      if (this.besideName) await this.loadOther();
    } catch (error) {
      if (!signal.aborted) this.say(/** @type {Error} */ (error).message);
    }
  }

  /** Leave on the page what is drawn. */
  tell() {
    this.root.dataset.drawn = `${this.info?.name} ${this.plane} ${this.main.rows.length}`;
    this.root.dataset.colour = this.colour;
    this.remember();
  }

  /** Leave in the address what is on show. */
  remember() {
    const { info, plane, colour, on, card, selection } = this;
    if (!info) return;
    const { kind, index = null } = card.chosen?.whence ?? {};
    const highlight = this.highlight === THE_LARGEST ? "" : this.highlight;
    const [usual] = choices(info);
    view.setState(info.name, "map", stateOf({ info, plane, colour, usualColour: usual.value, highlight, on, epoch: this.unfolding.epoch, image: kind === "image" ? index : null, rows: selection.rows }));
  }

  /** Say that not all images have a place. */
  showThinned() {
    const { count = 0 } = this.info ?? {};
    const placed = this.main.plane.dots.crowd.count;
    this.thinned.hidden = placed === count;
    this.thinned.textContent = `${placed.toLocaleString("en")} of ${count.toLocaleString("en")} images are drawn: t-SNE lays out no more.`;
  }

  /**
   * Find the runs whose maps can stand beside this one, the twin first.
   * @param {AbortSignal} signal
   */
  async findOthers(signal) {
    const info = /** @type {import("./data.js").RunInfo} */ (this.info);
    const all = await view.once("runs of the page", () => source.runs()).catch(() => []); // then nothing is offered
    if (signal.aborted) return;
    const alike = all.filter((/** @type {any} */ each) => !each.error && each.name !== info.name && each.dataset === info.dataset);
    alike.sort((/** @type {any} */ a, /** @type {any} */ b) => Number(b.name === info.twin) - Number(a.name === info.twin) || byName(a.name, b.name));
    this.bar.others = alike.map((/** @type {any} */ { name }) => ({ name, text: name === info.twin ? `${name} (twin)` : name }));
    this.bar.rebuild();
  }

  /** Make room for a second map, or take it back. @param {boolean} isPaired */
  pair(isPaired) {
    this.other.element.hidden = !isPaired;
    this.root.classList.toggle("xp-paired", isPaired);
    const [mine, theirs] = this.sides.map(({ info }) => info && sideOf(info));
    // a twin is of the other kind, which is known before it is here: then nothing moves when it comes
    const expected = !theirs && mine && this.besideName === this.info?.twin ? (mine === "ae" ? "vae" : "ae") : undefined;
    const other = theirs ?? expected;
    // the autoencoder stands left, everywhere
    this.maps.classList.toggle("xp-swapped", isPaired && other === "ae" && mine === "vae");
    const isKindEnough = !other || mine !== other || this.besideName === FIT;
    this.sides.forEach((side) => side.name(isPaired, isKindEnough, expected));
  }

  /** Another run's map is wished for beside this one. @param {string} name "" for none, or `FIT`. */
  async setBeside(name) {
    if (name !== FIT) view.setOther(name); // other tabs compare with runs only
    this.epoch = 0;
    this.besideName = name || null;
    this.leaveOther();
    this.remember();
    this.pair(name !== "");
    if (name) await this.loadOther();
  }

  leaveOther() {
    this.pairs.stop();
    this.unfolding.leave();
    this.other.leave();
    this.pair(false);
    delete this.root.dataset.beside;
    this.status.say("", this.other);
  }

  /** Draw the run beside: on the same plane where it has it, else on its own. */
  async loadOther() {
    const signal = this.pairs.next(view.signal);
    const { info, besideName: name } = this;
    if (!info || !name) return;
    try {
      if (name === FIT) return await this.loadFit(info, signal);
      const [other, sprites] = await Promise.all([view.info(name), view.sprites(name)]);
      const [mine, theirs] = await Promise.all([info.name, name].map((each) => view.once(`index ${each}`, () => source.ask("index", each))));
      if (signal.aborted) return;
      if (mine.length !== theirs.length || mine.some((/** @type {number} */ row, /** @type {number} */ k) => row !== theirs[k])) {
        this.leaveOther();
        return this.status.say(`${name} was measured on other images than ${info.name}, so their maps cannot be compared dot by dot; choose another run.`, this.other);
      }
      if (this.other.info !== other) this.other.setRun(other, sprites);
      this.pair(true);
      const data = await this.other.fetched(this.planeOf(other));
      if (signal.aborted || !this.colouring) return;
      this.other.show({ ...data, colouring: this.colouring });
      this.root.dataset.beside = `${name} ${data.plane}`;
      this.status.say("", this.other);
    } catch (error) {
      if (signal.aborted) return undefined;
      this.pair(false);
      this.status.say(`No map beside: ${/** @type {Error} */ (error).message}`, this.other);
    }
    return undefined;
  }

  /**
   * Draw the run as it was after an epoch of its fit, on a plane of the run as it is.
   * @param {import("./data.js").RunInfo} info
   * @param {AbortSignal} signal
   */
  async loadFit(info, signal) {
    if (this.other.info !== info) this.other.setRun(info, new Sprites(info));
    const plane = this.planeOf(info);
    const { data } = this.main;
    if (!this.colouring || !data) return;
    const fitted = data.plane === plane ? data.places : new Float32Array(0);
    await this.unfolding.show(info, plane, this.colouring, this.epoch, fitted, signal);
    if (signal.aborted) return;
    this.root.dataset.beside = `${info.name} ${plane}`;
    this.status.say("", this.other);
  }

  /** Another epoch is on show beside. */
  unfolded() {
    this.epoch = this.unfolding.epoch;
    this.pair(true);
    this.remember();
  }

  /** The plane that a run beside is shown on. @param {import("../latent/run.js").RunInfo} other */
  planeOf({ latent_dim }) {
    if (latent_dim === 1) return "0";
    if (this.plane === "pca" || this.plane === "tsne") return latent_dim === 2 ? "0,1" : "pca";
    return this.plane.split(",").every((axis) => Number(axis) < latent_dim) && this.plane.includes(",") ? this.plane : "pca";
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
    const { info, main } = this;
    if (!info || !main.data) return;
    const { element } = main.plane;
    element.setAttribute("aria-busy", "true");
    try {
      const colouring = await colouringOf(info, colour, highlight);
      if (info !== this.info || this.colour !== colour || this.highlight !== highlight) return;
      this.colouring = colouring;
      this.legend.show(colouring);
      for (const { data } of this.sides) if (data) data.colouring = colouring;
      this.repaint();
      this.bar.mark();
      this.say("");
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    } finally {
      if (this.colour === colour) element.removeAttribute("aria-busy");
    }
  }

  /** A class was found by its name: it is coloured beside those found before. @param {number} label */
  findClass(label) {
    const before = this.highlight === THE_LARGEST ? [] : this.highlight.split(",");
    const found = [...new Set([...before, String(label)])].slice(-10);
    return this.setColour("label", found.join(","));
  }

  /** @param {string} plane */
  setPlane(plane) {
    if (this.plane !== "tsne") this.lastPlane = this.plane;
    this.plane = plane;
    this.tsne.hide();
    this.bar.rebuild();
    return this.load();
  }

  /** Give all dots their paints anew: other colours, fewer of them, or another selection. */
  repaint() {
    for (const side of this.sides) side.paint();
    this.tell();
  }

  /** Images that are selected. */
  picked() {
    return this.selection.rows;
  }

  /** @param {import("./layers.js").LayerName} name */
  showLayer(name) {
    for (const side of this.sides) {
      if (name === "backdrop") side.showBackdrop();
      else if (name === "pictures") side.paint();
      else if (name === "names") side.layers.classes();
      else side.layers[name]();
    }
    this.remember();
  }

  /** @param {import("../kit/planehand.js").Tool} tool */
  useTool(tool) {
    this.sides.forEach(({ plane, tip }, k) => {
      plane.hand.use(tool);
      this.marks[k].mark(tool);
      tip.hide();
    });
  }

  /** What is chosen, as a map has it: places of one run are none of another's. @param {MapSide} side */
  chosen(side) {
    const now = this.card.chosen;
    if (side === this.main || !now) return now;
    return now.whence.kind === "image" ? now : null;
  }

  /**
   * The plane behind a map, through the chosen image where that is asked for.
   * @param {MapSide} side
   * @returns {import("../latent/latent.js").Plane}
   */
  anchored(side) {
    const plane = /** @type {import("../latent/latent.js").Plane} */ (side.data?.axes.plane);
    const chosen = this.anchor === "chosen" && side === this.main ? this.card.chosen : null;
    if (!chosen) return plane;
    const [a, b] = shadow(plane, chosen.latent);
    return { ...plane, origin: plane.origin.map((_, i) => chosen.latent[i] - a * plane.first[i] - b * plane.second[i]) };
  }

  /** Somebody points at an image on one of the maps. @param {number | null} row */
  hovered(row) {
    for (const { layers, data } of this.sides) if (data) layers.hovered(row);
  }

  /**
   * @param {MapSide} side
   * @param {import("../kit/plane.js").Spot} spot
   */
  tapped(side, { index, x, y, event }) {
    const { info } = side;
    if (!info || !side.data) return;
    if (index !== null) {
      if (isTouch(event)) side.showTip(index, event, true);
      return this.card.askPoint(index);
    }
    if (this.unfolding.epoch && side !== this.main) return this.say("Nothing can be decoded here: the weights of old epochs are gone, and only where images stood was kept. Click a dot.");
    if (side !== this.main) return this.say(`Places of ${info.name} are decoded where it is the run on show; click a dot here.`);
    if (!side.isDecodable) return this.say("This view has no latent behind empty space; click a point.");
    const z = onPlane(this.anchored(side), x, y);
    this.card.askPlace(z, this.placeName(x, y), this.restName());
    if (!isTouch(event)) return;
    side.tip.show(event, info.image_shape[2], "decoded here", true);
    const signal = this.taps.next(view.signal);
    const done = (/** @type {() => void} */ act) => signal.aborted || act(); // else the finger is elsewhere
    source.decode(info.name, z, 1, { signal }).then((decoded) => done(() => side.tip.paint(decoded)), () => done(() => side.tip.hide())); // the card says why
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
    for (const { layers } of this.sides) layers.chosen();
    this.bar.mark();
    this.remember();
    if (this.anchor === "chosen") this.main.backdrop.follow();
  }

  /**
   * An outline was drawn, or given up by a tap.
   * @param {number[] | null} rows
   * @param {boolean} more Whether it adds to what is selected.
   */
  selected(rows, more) {
    this.choose(more ? [...this.selection.rows, ...(rows ?? [])] : (rows ?? []));
  }

  /** Choose many images. @param {number[]} images */
  choose(images) {
    const { data } = this.main;
    if (!data) return;
    const rows = [...new Set(images)].sort((a, b) => a - b);
    if (!rows.length) {
      this.selection.clear();
      this.say("");
    } else {
      this.selection.show(data.info, data.labels, (label) => data.names[label] ?? String(label), rows);
    }
    this.bar.told(rows.length, () => this.selection.element.scrollIntoView({ block: "start" }));
    this.repaint();
  }
}

/** @typedef {MapTab} Tab */

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await Promise.all([useStyle(STYLE), useStyle(PLANE_STYLE)]);
  const tab = new MapTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "map", (run) => tab.setRun(run));
}
