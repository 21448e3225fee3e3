/** Explore: a latent, its image, and sliders that move it along directions. */

import { Arrival } from "../kit/arrival.js";
import { button, h, segmented, useStyle } from "../kit/dom.js";
import { sideOf, sides } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { directionAt, directionsOf, inOrder, keyOf, SETS, setsOf, usualSet } from "../latent/directions.js";
import { moved, sameLatent, Trail } from "../latent/latent.js";
import { isMean } from "../latent/walk.js";
import { follow } from "../page/host.js";
import { prepareAtRest } from "../page/rest.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Filmstrip } from "./filmstrip.js";
import { Finder } from "./finder.js";
import { foldOf, moreOf } from "./layout.js";
import { Lattice } from "./lattice.js";
import { Saving } from "./saving.js";
import { Sliders } from "./sliders.js";
import { Square } from "./square.js";
import { Stage } from "./stage.js";
import { Starts, startWords } from "./starts.js";
import { Beside } from "./twin.js";
import { Variations } from "./variations.js";

export const STYLE = new URL("./explore.css", import.meta.url);

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

/** The part of the page that Explore is. */
export class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Trail<{start: Float32Array, whence: Whence}>} */
    this.trail = new Trail();
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {Float32Array} */
    this.z = new Float32Array();
    /** @type {Float32Array} */
    this.start = new Float32Array();
    /** @type {Whence} */
    this.whence = { kind: "image" };
    this.set = ""; // that of the directions on show
    /** @type {Direction | null} */
    this.sliding = null; // the direction that was moved along last
    this.upToDate = false; // whether the view's run is the one on show

    this.status = new StatusLine();
    // each part is told of a run, and of where the latent settled
    this.stage = new Stage(this.status);
    this.starts = new Starts({
      load: (z, whence) => this.load(z, whence),
      stand: (z) => this.stand(z),
      latent: () => this.z,
      say: (words) => this.say(words),
    });
    const here = () => ({ z: this.z, start: this.start, whence: this.whence });
    const go = (/** @type {Float32Array} */ z) => {
      view.dropWish();
      this.stand(z);
    };
    this.sliders = new Sliders({
      latent: () => this.z,
      start: () => this.start,
      slide: (direction, value) => this.slide(direction, value),
      settle: () => this.settle(),
      back: (before) => this.stand(before),
      activated: () => {
        this.tellAddress();
        this.showStrip();
      },
      say: (words) => this.say(words),
    });
    this.square = new Square({ latent: () => this.z, drag: (z) => this.drag(z), settle: () => this.settle() });
    this.strip = new Filmstrip((direction, value) => {
      this.slide(direction, value);
      this.settle();
    });
    this.beside = new Beside(here);
    this.variations = new Variations({ here, go });
    this.finder = new Finder(() => this.chooseSet("found", directionsOf(this.info, "found", view.found).length - 1));
    this.lattice = new Lattice({
      latent: () => this.z,
      start: () => this.start,
      active: () => this.activeKey,
      go,
      changed: () => this.tellAddress(),
    });
    this.saving = new Saving(() => {
      const { info, z, start, whence, strip, lattice } = this;
      return info && { info, z: z.slice(), start, whence, told: this.sourceText(), strip, lattice };
    });
    this.caption = h("p.xp-caption");
    this.setsPlace = h("div");
    this.pair = h("div.xp-both");
    this.undoButton = button("Undo", "Back to the latent before (Ctrl+Z)", () => this.step(this.trail.undo()));
    this.redoButton = button("Redo", "Forward again (Ctrl+Shift+Z)", () => this.step(this.trail.redo()));
    this.more = moreOf(this);
    this.body = foldOf(this);
    this.body.append(this.more);
    // exact values, names that are numbers and the captions of the strip are for those who ask for more
    this.more.addEventListener("toggle", () => this.body.classList.toggle("xp-full", this.more.open));
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
  }

  /** @param {string} words */
  say(words) {
    this.status.say(words);
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.root.removeAttribute("data-ready");
    this.stage.drop();
    this.beside.drop();
    this.sliders.ends.drop();
    this.strip.drop();
    this.say("");
    this.arrival.begin(run);
    if (!run) return;
    const { signal } = view;
    let info;
    try {
      info = await view.info(run);
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      return this.say(/** @type {Error} */ (error).message);
    }
    if (signal.aborted) return; // another run was chosen meanwhile
    this.status.clear();
    this.arrival.end(run);
    const before = this.info?.name === info.name ? this.info : null; // the same run anew, as when its pictures are there
    const isSame = before !== null && source.version(before) === source.version(info);
    this.info = info;
    if (!isSame) this.begin(info);
    this.upToDate = true;
    this.isPlaced = isSame;
    if (!this.takePending() && !this.takeLink()) {
      if (isSame) this.stand(this.z);
      else if (before?.latent_dim === info.latent_dim) this.load(this.z, { kind: "place", text: "where you were" });
      else await this.starts.again(this.whence);
    }
    if (signal.aborted) return;
    if (!this.isPlaced) {
      const why = this.status.trouble; // there was no such start, and the latent is the run's before
      this.starts.goOrigin();
      this.say(`${why} This is the origin.`.trim());
    }
    this.tellAddress();
    this.root.dataset.ready = run;
  }

  /** Offer what a run has, and forget what was done in the one before. @param {RunInfo} info */
  begin(info) {
    const [stage, twin] = [this.stage.element, info.twin ? this.beside.element : null];
    this.pair.replaceChildren(sideOf(info) === "ae" ? sides(stage, twin) : sides(twin, stage));
    this.pair.classList.toggle("xp-alone", !twin);
    this.starts.setRun(info);
    if (!directionsOf(info, this.set, view.found).length) this.set = usualSet(info);
    this.showSets();
    this.sliders.show(info, this.set, directionsOf(info, this.set, view.found), this.firstOf(info, this.set));
    this.square.setRun(info);
    this.lattice.setRun(info);
    this.saving.setRun(info);
    this.variations.setRun(info);
    this.beside.setRun(info);
    this.finder.setRun(info);
    this.stage.setRun(info);
    this.trail.clear();
  }

  /** Place of the direction of a set that is active at first. @param {RunInfo} info @param {string} set */
  firstOf(info, set) {
    const directions = directionsOf(info, set, view.found);
    return Math.max(0, directions.indexOf(inOrder(directions)[0]));
  }

  /** Take up a latent that another tab sent; false where there is none for the run on show. */
  takePending() {
    const { pending } = view;
    if (!this.upToDate || pending?.run !== this.info?.name || !pending) return false;
    view.pending = null;
    if (!view.wish.run || view.wish.run === pending.run) view.dropWish(); // older than this
    this.load(pending.latent, pending.whence);
    return true;
  }

  /** Take up the latent of a link, or say that it does not fit; false where a link names none for this run. */
  takeLink() {
    const { run, latent, asked, direction, grid } = view.wish;
    if (!this.upToDate || !this.info || (run && run !== this.info.name)) return false;
    view.dropWish();
    const active = direction ? directionAt(this.info, direction, view.found) : null;
    if (active) this.chooseSet(active.set, active.index);
    if (grid) {
      this.more.open = true; // where the lattice is
      this.lattice.setRun(this.info, grid);
    }
    if (latent?.length === this.info.latent_dim) this.load(latent, { kind: "link" });
    else if (asked) {
      this.starts.goOrigin();
      this.say("The link's latent does not fit this run; this is the origin.");
    }
    return asked;
  }

  /**
   * Stand on a latent that did not come from a slider.
   * @param {Float32Array} z
   * @param {Whence} whence
   */
  load(z, whence) {
    if (!this.info || z.length !== this.info.latent_dim) return;
    this.starts.stop();
    this.isPlaced = true;
    this.start = z.slice();
    this.whence = whence;
    this.showSource();
    this.stand(z);
  }

  /**
   * Stand on a latent that was reached from the start.
   * @param {Float32Array} z
   */
  stand(z) {
    this.z = z.slice();
    this.say("");
    this.refresh();
    this.redraw();
    this.settle();
  }

  showSource() {
    this.caption.textContent = `Start: ${this.sourceText()}`;
    this.starts.show(this.whence);
  }

  sourceText() {
    return startWords(this.whence, this.info);
  }

  /** What a link calls the active direction. */
  get activeKey() {
    const place = directionsOf(this.info, this.set, view.found).indexOf(/** @type {Direction} */ (this.sliders.active));
    return keyOf(this.set, Math.max(0, place));
  }

  /** The address names what is not there anyway: the active direction, and an unfolded lattice. */
  tellAddress() {
    const { info } = this;
    if (!this.upToDate || !info) return;
    const key = this.activeKey;
    const usual = usualSet(info);
    const plain = key === keyOf(usual, this.firstOf(info, usual)) || this.set === "found"; // what was found on this page is on no other
    view.setWalk(info.name, { direction: plain ? undefined : key, grid: this.lattice.key });
  }

  /** Offer the sets of directions that the run has. */
  showSets() {
    if (!this.info) return;
    const sets = setsOf(this.info, view.found);
    const [before] = this.setsPlace.children;
    const focused = before?.contains(document.activeElement);
    const fieldset = segmented("Directions", sets, this.set, (set) => this.chooseSet(set));
    this.setsPlace.replaceChildren(fieldset);
    if (focused) /** @type {HTMLElement | null} */ (fieldset.querySelector("input:checked"))?.focus();
  }

  /**
   * @param {string} set
   * @param {number} [active] Place of the direction to be active.
   */
  chooseSet(set, active) {
    const { info } = this;
    if (!info || !SETS.some(({ value }) => value === set)) return;
    const another = this.set !== set;
    this.set = set;
    if (another) this.showSets();
    this.sliders.show(info, set, directionsOf(info, set, view.found), active ?? this.firstOf(info, set));
    this.tellAddress();
    this.showStrip();
  }

  /** A direction was found on the page: offer it, and forget the one that it replaces. */
  takeFound() {
    const { info } = this;
    if (!info || !this.upToDate) return;
    this.showSets();
    if (this.set === "found") this.sliders.show(info, this.set, directionsOf(info, this.set, view.found));
    this.lattice.setRun(info);
    this.showStrip();
  }

  /**
   * Move along a direction to a coordinate.
   * @param {Direction} direction
   * @param {number} value
   */
  slide(direction, value) {
    if (!this.upToDate) return; // another run is on its way
    this.drag(moved(direction, this.z, value));
    if (this.info && this.sliding === direction) this.stage.prepare(this.info, direction, this.z); // it goes on
    this.sliding = direction;
  }

  /** The hand is on a latent. @param {Float32Array} z (d,) */
  drag(z) {
    if (!this.upToDate) return;
    view.dropWish();
    this.starts.stop(); // a draw that arrives now is older than the hand
    this.say("");
    this.z = z;
    this.stage.doubt();
    this.redraw(); // first: while the page is laid out anew, the picture is already on its way
    this.beside.show(true);
    this.refresh();
  }

  /** Let everything that is cheap show the latent. */
  refresh() {
    this.sliders.refresh();
    this.square.refresh();
    this.strip.mark(this.z);
    this.lattice.showHere();
  }

  redraw() {
    if (this.info) this.stage.draw(this.info, this.z);
  }

  /** The hand is off the slider: remember, describe, write the address, and redraw what is costly. */
  settle() {
    if (!this.info || !this.upToDate) return;
    this.trail.visit(this.z, { start: this.start, whence: this.whence });
    this.undoButton.disabled = !this.trail.canUndo;
    this.redoButton.disabled = !this.trail.canRedo;
    // where the encoder put an image is a posterior mean; all that was moved is judged as a draw
    this.stage.judge(this.info, this.z, isMean(this.whence) && sameLatent(this.z, this.start) ? "means" : "draws");
    view.setLatent(this.info.name, this.z);
    this.saving.clear();
    this.showStrip();
    this.beside.show();
    this.sliders.showEnds();
    this.variations.show();
    this.lattice.show();
  }

  /** @param {ReturnType<Trail<{start: Float32Array, whence: Whence}>["undo"]>} step */
  step(step) {
    if (!step || !this.info) return;
    view.dropWish();
    this.starts.stop();
    this.start = step.about.start;
    this.whence = step.about.whence;
    this.showSource();
    this.stand(step.latent);
  }

  showStrip() {
    if (!this.info || !this.z.length) return;
    this.strip.show(this.info, this.sliders.active, this.z, this.start);
    this.strip.mark(this.z);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !this.root.offsetParent) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches?.("textarea, [contenteditable], input:not([type=range]):not([type=radio])")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      if (this.upToDate) this.step(key === "y" || event.shiftKey ? this.trail.redo() : this.trail.undo());
    }
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  prepareAtRest();
  const panel = new Panel(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  view.addEventListener("run", () => (panel.upToDate = false)); // out of sight, the panel hears of it when it is opened
  view.addEventListener("latent", () => panel.takePending());
  view.addEventListener("link", () => panel.takeLink());
  view.addEventListener("directions", () => panel.takeFound());
  follow(host, "explore", (run) => panel.setRun(run));
}
