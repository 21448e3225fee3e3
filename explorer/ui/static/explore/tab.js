/** Explore: a latent, its image, and sliders that move it along directions. */

import { Arrival } from "../kit/arrival.js";
import { button, dropdown, h, segmented, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { StatusLine } from "../kit/status.js";
import { freshSeed } from "../latent/chance.js";
import { directionAt, directionsOf, keyOf, SETS, setsOf } from "../latent/directions.js";
import { moved, resampled, sameLatent, Trail } from "../latent/latent.js";
import { defaultWords, lawOf } from "../latent/laws.js";
import { isPoint } from "../latent/run.js";
import { isMean } from "../latent/walk.js";
import { follow } from "../page/host.js";
import { prepareAtRest } from "../page/rest.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Filmstrip } from "./filmstrip.js";
import { Finder } from "./finder.js";
import { Lattice } from "./lattice.js";
import { resampleChoices } from "./levels.js";
import { Saving } from "./saving.js";
import { Sliders } from "./sliders.js";
import { Stage } from "./stage.js";
import { Beside } from "./twin.js";
import { Variations } from "./variations.js";

export const STYLE = new URL("./explore.css", import.meta.url);

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

const NARROW = 760; // CSS pixels; explore.css turns to one column there
const LEVELS_HINT = "Level 1 is the top; every level's prior is set by those above it, which resampling keeps.";

/**
 * What a button does when somebody presses it: a later choice than any link's.
 * @param {() => void} act
 */
const chosen = (act) => () => {
  view.dropWish();
  act();
};

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
    this.whence = { kind: "origin" };
    this.set = "axes";
    this.seed = freshSeed();
    /** @type {Direction | null} */
    this.sliding = null; // the direction that was moved along last
    this.law = "raw";
    this.upToDate = false; // whether the view's run is the one on show
    this.asks = new Latest(); // places to stand on that were asked for

    this.status = new StatusLine();
    // each part is told of a run, and of where the latent settled
    this.stage = new Stage(this.status, () => this.root.clientWidth <= NARROW);
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
    this.build();
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
  }

  build() {
    this.caption = h("p.xp-caption");
    this.undoButton = button("Undo", "Back to the latent before (Ctrl+Z)", () => this.step(this.trail.undo()));
    this.redoButton = button("Redo", "Forward again (Ctrl+Shift+Z)", () => this.step(this.trail.redo()));
    this.ownButton = button("My image", "The encoding of your own image, from Reconstruct", chosen(() => this.goOwn()));
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      step: 1,
      title: "Type the number of a test image and press Enter",
      onchange: chosen(() => this.goNumber()),
    });
    this.setsPlace = h("div");
    this.levels = h("div.xp-levels", { role: "group", "aria-label": "levels of the latent", hidden: true });
    this.lawPlace = h("div");
    this.body = h(
      "div.xp-explore",
      {},
      h("div.xp-left", {}, this.stage.element, this.beside.element),
      h(
        "div.xp-controls",
        {},
        h(
          "div.xp-bar",
          { role: "group", "aria-label": "where to start" },
          button("Origin", "The middle: zero, or the mean of the encoded data for an autoencoder", chosen(() => this.goOrigin())),
          button("Random", "A new draw from the chosen law", chosen(() => this.goRandom(this.seed + 1))),
          button("Test image", "The encoding of a test image picked at random", chosen(() => this.goAnyImage())),
          this.ownButton,
          button("Reset", "Back to where you started", chosen(() => this.load(this.start, this.whence))),
          this.undoButton,
          this.redoButton,
          button("Copy link", "Copy an address that opens this very view", () => this.copyLink()),
        ),
        this.caption,
        this.levels,
        h("div.xp-bar", {}, this.lawPlace, h("label.xp-field", {}, h("span", {}, "Test image number"), this.number)),
        this.setsPlace,
        this.sliders.element,
        this.strip.element,
        this.lattice.element,
        this.variations.element,
        this.finder.element,
        this.saving.element,
      ),
    );
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {string} words */
  say(words) {
    this.status.say(words);
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.root.removeAttribute("data-ready");
    this.stage.drop();
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
      else await this.startAgain();
    }
    if (signal.aborted) return;
    if (!this.isPlaced) {
      const why = this.status.trouble; // there was no such start, and the latent is the run's before
      this.goOrigin();
      this.say(`${why} This is the origin.`.trim());
    }
    this.tellAddress();
    this.root.dataset.ready = run;
  }

  /** Offer what a run has, and forget what was done in the one before. @param {RunInfo} info */
  begin(info) {
    this.law = info.default_law;
    this.lawPlace.replaceChildren(
      dropdown(
        "Random draws from",
        info.laws.map(({ name: value, plain }) => ({ value, text: value === info.default_law && info.default_told !== null ? `${plain} (told apart least)` : plain })),
        this.law,
        (law) => (this.law = law),
        `Where the button Random takes its latents from. ${defaultWords(info)}`,
      ),
    );
    this.showLevels();
    this.number.max = String(info.count - 1);
    this.showOwn();
    if (!directionsOf(info, this.set, view.found).length) this.set = "axes";
    this.showSets();
    this.sliders.show(info, this.set, directionsOf(info, this.set, view.found), 0);
    this.lattice.setRun(info);
    this.saving.setRun(info);
    this.variations.setRun(info);
    this.beside.setRun(info);
    this.finder.setRun(info);
    this.stage.setRun(info);
    this.trail.clear();
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
    if (grid) this.lattice.setRun(this.info, grid);
    if (latent?.length === this.info.latent_dim) this.load(latent, { kind: "link" });
    else if (asked) {
      this.goOrigin();
      this.say("The link's latent does not fit this run; this is the origin.");
    }
    return asked;
  }

  /** Start where the run before was started: at the same image or seed, else at the origin. */
  async startAgain() {
    const { kind, index, seed } = this.whence;
    if (kind === "image" && index !== undefined && this.info && index < this.info.count) await this.goImage(index);
    else if (kind === "random" && seed) await this.goRandom(seed);
    else this.goOrigin();
  }

  goOrigin() {
    if (!this.info) return;
    const { latent_dim, mean } = this.info;
    const point = isPoint(this.info) ? Float32Array.from(mean) : new Float32Array(latent_dim);
    this.load(point, { kind: "origin" });
  }

  /** @param {number} seed */
  async goRandom(seed) {
    const { info, law } = this;
    if (!info) return;
    this.seed = seed;
    const signal = this.asks.next(view.signal);
    try {
      const z = await source.ask("draws", info.name, { query: { law, n: 1, seed }, signal });
      if (!signal.aborted) this.load(z, { kind: "random", seed, law, text: lawOf(info, law).plain });
    } catch (error) {
      if (!signal.aborted) this.say(`No draw: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** Offer to draw each level below the top anew; nothing where there is one level only. */
  showLevels() {
    const choices = resampleChoices(this.info?.level_sizes);
    this.levels.hidden = !choices.length;
    this.levels.replaceChildren(
      h("div.xp-bar", {}, ...choices.map(({ level, text, hint }) => button(text, hint, chosen(() => this.resample(level))))),
      h("p.xp-hint", {}, LEVELS_HINT),
    );
  }

  /**
   * Draw a level and those below it anew; the levels above, and where Reset goes to, stay.
   * @param {number} level From 1, the top one.
   */
  async resample(level) {
    if (!this.info?.level_sizes) return;
    const { name, level_sizes } = this.info;
    const signal = this.asks.next(view.signal);
    this.seed++;
    try {
      // given the levels above, the coordinates below are N(0, I) as well: that is what they are measured in
      const draw = await source.ask("draws", name, { query: { law: "raw", n: 1, seed: this.seed }, signal });
      if (signal.aborted) return;
      this.stand(resampled(this.z, draw, level_sizes, level));
    } catch (error) {
      if (!signal.aborted) this.say(`No draw: ${/** @type {Error} */ (error).message}`);
    }
  }

  goAnyImage() {
    if (this.info) this.goImage(Math.floor(Math.random() * this.info.count));
  }

  goNumber() {
    const number = this.number.valueAsNumber;
    if (!this.info) return;
    if (Number.isInteger(number) && number >= 0 && number < this.info.count) this.goImage(number);
    else this.say(`Test images are numbered 0 to ${this.info.count - 1}.`);
  }

  /** Offer one's own image where it was encoded by this run. */
  showOwn() {
    this.ownButton.hidden = !this.info || !view.own.has(this.info.name);
  }

  goOwn() {
    const own = this.info && view.own.get(this.info.name);
    if (own) this.load(own.latent, own.whence);
  }

  /** @param {number} index */
  async goImage(index) {
    const run = this.info?.name;
    if (!run || !this.info) return;
    const d = this.info.latent_dim;
    const signal = this.asks.next(view.signal);
    try {
      const points = await view.points(run);
      if (!signal.aborted) this.load(points.slice(index * d, (index + 1) * d), { kind: "image", index });
    } catch (error) {
      if (!signal.aborted) this.say(`No code: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * Stand on a latent that did not come from a slider.
   * @param {Float32Array} z
   * @param {Whence} whence
   */
  load(z, whence) {
    if (!this.info || z.length !== this.info.latent_dim) return;
    this.asks.stop();
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
    this.number.value = this.whence.kind === "image" ? String(this.whence.index) : "";
  }

  sourceText() {
    const { kind, index, seed, text } = this.whence;
    if (kind === "image") return `the encoding of test image ${index}`;
    if (kind === "random") return `draw ${seed} from ${text}`;
    if (kind === "link") return "the latent of a link";
    if (kind === "place") return text ?? "a place on the map";
    if (kind === "own") return text ?? "the encoding of your own image";
    return this.info && isPoint(this.info) ? "the mean of the encoded data" : "the origin, z = 0";
  }

  /** What a link calls the active direction. */
  get activeKey() {
    const place = directionsOf(this.info, this.set, view.found).indexOf(/** @type {Direction} */ (this.sliders.active));
    return keyOf(this.set, Math.max(0, place));
  }

  /** The address names what is not there anyway: the active direction, and an unfolded lattice. */
  tellAddress() {
    if (!this.upToDate) return;
    const key = this.activeKey;
    const plain = key === "axes.0" || this.set === "found"; // what was found on this page is on no other
    view.setWalk(/** @type {RunInfo} */ (this.info).name, { direction: plain ? undefined : key, grid: this.lattice.key });
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
  chooseSet(set, active = 0) {
    const { info } = this;
    if (!info || !SETS.some(({ value }) => value === set)) return;
    const another = this.set !== set;
    this.set = set;
    if (another) this.showSets();
    this.sliders.show(info, set, directionsOf(info, set, view.found), active);
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
    view.dropWish();
    this.asks.stop(); // a draw that arrives now is older than the hand
    this.say("");
    this.z = moved(direction, this.z, value);
    this.stage.doubt();
    this.redraw(); // first: while the page is laid out anew, the picture is already on its way
    this.refresh();
    if (this.info && this.sliding === direction) this.stage.prepare(this.info, direction, this.z); // it goes on
    this.sliding = direction;
  }

  /** Let everything that is cheap show the latent. */
  refresh() {
    this.sliders.refresh();
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
    this.variations.show();
    this.lattice.show();
  }

  /** @param {ReturnType<Trail<{start: Float32Array, whence: Whence}>["undo"]>} step */
  step(step) {
    if (!step || !this.info) return;
    view.dropWish();
    this.asks.stop();
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

  async copyLink() {
    if (!this.info) return;
    view.dropWish(); // the link is to what is shown
    view.setLatent(this.info.name, this.z);
    try {
      await navigator.clipboard.writeText(location.href);
      this.status.tell("The link is copied.", { brief: true });
    } catch {
      this.say("The browser does not let this page copy; the link is in the address bar.");
    }
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
  view.addEventListener("own", () => panel.showOwn());
  follow(host, "explore", (run) => panel.setRun(run));
}
