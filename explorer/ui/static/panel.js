/** Explore: a latent, its image, and sliders that move it along directions. */

import { button, dropdown, freshId, h, segmented, shown, useStyle } from "./dom.js";
import { Trail, coordinate, levelOf, moved, resampled, spaced, walk } from "./latent.js";
import { dim, fitWhole, paint } from "./pixels.js";
import { NewestWins, Unreachable, decoder, describe, sample } from "./transport.js";
import { showTrust } from "./trust.js";
import { follow, view } from "./view.js";

/** @typedef {import("./latent.js").Direction} Direction */
/** @typedef {import("./view.js").RunInfo} RunInfo */
/** @typedef {import("./view.js").Source} Source */

const STRONGEST = 8;
const FRAMES = 9;
const NARROW = 760; // CSS pixels; parts.css turns to one column there
const IMAGE_WIDTH = 420;
const BESIDE_WORDS = 0.46; // share of a narrow page that the image takes, so that the trust line fits beside it
const FRAME_WIDTH = 56;
const LARGEST = 1000; // magnitude of a coordinate that is typed
const NEWS_MS = 4000;
const LEVELS_HINT = "Level 1 is the top; every level's prior is set by those above it, which resampling keeps.";

/** Sampling laws in words. */
export const LAW_NAMES = /** @type {Record<string, string>} */ ({
  raw: "the prior N(0, I)",
  white: "one Gaussian fitted to the codes",
  gmm10: "ten Gaussians fitted to the codes",
});

/**
 * A step that divides a slider into some hundred places, and is 1, 2 or 5 times a power of ten.
 * @param {number} low
 * @param {number} high
 */
export function niceStep(low, high) {
  const wanted = (high - low) / 120;
  if (!(wanted > 0)) return 0.01;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((m) => m * power >= wanted * 0.999) ?? 10;
  return +(step * power).toPrecision(1);
}

/**
 * What the sliders of a set count in.
 * @param {string} set
 * @param {RunInfo} info
 */
export function unitOf(set, info) {
  if (set === "pca") return "standard deviations of the encoded data along the direction";
  return info.family === "ae" ? "latent units" : "standard deviations of the prior";
}

/**
 * What a direction is called: where a run has several levels of latents, with the one it moves.
 * @param {Pick<Direction, "name" | "vector">} direction
 * @param {number[]} [sizes] Axes of each level, the top one first.
 */
export function directionName(direction, sizes = []) {
  const level = sizes.length > 1 ? levelOf(direction, sizes) : null;
  return level === null ? direction.name : `${direction.name} · level ${level}`;
}

/**
 * A button and its hint for every level that can be drawn anew while those above it stay; none for a single level.
 * @param {number[]} [sizes] Axes of each level, the top one first.
 */
export function resampleChoices(sizes = []) {
  return sizes.slice(1).map((_, i) => {
    const [level, last] = [i + 2, i + 2 === sizes.length];
    const stays = i === 0 ? "level 1 stays" : `levels 1 to ${i + 1} stay`;
    return {
      level,
      text: `Resample level ${level}${last ? "" : " and below"}`,
      hint: `A new draw of level ${level}${last ? "" : " and all below"} from the prior that the levels above set: ${stays}`,
    };
  });
}

/**
 * What the numbers beside the sliders' names are, where it is not plain.
 * @param {Direction[]} directions
 */
function natsHint(directions) {
  return directions.some(({ note }) => note.includes("nats")) ? " Nats: how much the axis tells about an image." : "";
}

/**
 * What a button does when somebody presses it: a later choice than any link's.
 * @param {() => void} act
 */
const chosen = (act) => () => {
  view.dropWish();
  act();
};

/** The part of the page that Explore is. */
class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Trail<{start: Float32Array, source: Source}>} */
    this.trail = new Trail();
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {Float32Array} */
    this.z = new Float32Array();
    /** @type {Float32Array} */
    this.start = new Float32Array();
    this.fit = () => {};
    /** @type {Source} */
    this.source = { kind: "origin" };
    this.set = "axes";
    this.active = 0;
    this.all = false;
    this.seed = 0;
    this.law = "raw";
    this.upToDate = false; // whether the view's run is the one on show
    this.lost = false; // whether the picture on show is not the latent's
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.hush = undefined;
    this.asks = 0; // places to stand on that were asked for: the newest wins
    /** @type {{direction: Direction, range: HTMLInputElement, box: HTMLInputElement, row: HTMLElement}[]} */
    this.rows = [];

    this.images = new NewestWins(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => decoder.decode(run, z, 1),
      (decoded, { z }) => {
        paint(this.canvas, decoded);
        this.fit();
        this.canvas.dataset.latent = Array.from(z).join(",");
        dim(this.canvas, false);
        if (this.lost) this.say("");
        this.lost = false;
      },
      (error) => {
        const { message } = /** @type {Error} */ (error);
        this.lost = true;
        dim(this.canvas, true);
        this.say(error instanceof Unreachable ? message : `No image: ${message}`);
      },
    );
    this.strips = new NewestWins(
      (/** @type {{run: string, latents: Float32Array, values: number[], direction: Direction}} */ { run, latents }) =>
        decoder.decode(run, latents, FRAMES),
      (decoded, request) => this.showStrip(decoded, request),
      () => dim(this.strip, true),
      2,
    );
    this.trusts = new NewestWins(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => describe(run, z),
      (answer) => showTrust(this.trust, answer),
      () => this.trust.replaceChildren(),
      2,
    );
    this.build();
  }

  build() {
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "decoded image" });
    this.caption = h("p.xp-caption");
    this.trust = h("p.xp-trust", { "aria-live": "polite" });
    this.strip = h("div.xp-strip", { role: "group" });
    this.stripLabel = h("p.xp-hint");
    this.status = h("p.xp-status", { role: "status" });
    this.undoButton = button("Undo", "Back to the latent before (Ctrl+Z)", () => this.step(this.trail.undo()));
    this.redoButton = button("Redo", "Forward again (Ctrl+Shift+Z)", () => this.step(this.trail.redo()));
    this.sets = segmented(
      "Directions",
      [
        { value: "axes", text: "Latent axes", hint: "One slider per latent dimension, strongest first" },
        { value: "pca", text: "PCA directions", hint: "Directions along which the encoded data varies most" },
      ],
      this.set,
      (set) => this.chooseSet(set),
    );
    this.levels = h("div.xp-levels", { role: "group", "aria-label": "levels of the latent", hidden: true });
    this.lawPlace = h("div");
    this.unit = h("p.xp-hint");
    this.sliders = h("div.xp-sliders");
    this.more = h("button.xp-link", { type: "button", onclick: () => this.toggleAll() });
    const stage = h("div.xp-stage", {}, h("div.xp-frame", {}, this.canvas), this.trust);
    this.fit = fitWhole(this.canvas, stage, (room) => (this.root.clientWidth <= NARROW ? BESIDE_WORDS * room : IMAGE_WIDTH));
    this.body = h(
      "div.xp-explore",
      {},
      stage,
      h(
        "div.xp-controls",
        {},
        h(
          "div.xp-bar",
          { role: "group", "aria-label": "where to start" },
          button("Origin", "The middle: zero, or the mean of the encoded data for an autoencoder", chosen(() => this.goOrigin())),
          button("Random", "A new draw from the chosen law", chosen(() => this.goRandom(this.seed + 1))),
          button("Test image", "The encoding of a test image picked at random", chosen(() => this.goAnyImage())),
          button("Reset", "Back to where you started", chosen(() => this.load(this.start, this.source))),
          this.undoButton,
          this.redoButton,
          button("Copy link", "Copy an address that opens this very view", () => this.copyLink()),
        ),
        this.caption,
        this.levels,
        h("div.xp-bar", {}, this.sets, this.lawPlace),
        this.unit,
        this.sliders,
        this.more,
        this.stripLabel,
        this.strip,
      ),
    );
    this.root.replaceChildren(this.body, this.status);
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  /**
   * @param {string} words
   * @param {boolean} [good] Whether it is good news, which nobody has to keep in sight.
   */
  say(words, good = false) {
    clearTimeout(this.hush);
    this.status.textContent = words;
    this.status.classList.toggle("xp-neutral", good);
    if (good) this.hush = setTimeout(() => this.say(""), NEWS_MS);
  }

  /** Something was done: what was said before it is over, unless the picture still lacks. */
  hear() {
    if (!this.lost) this.say("");
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.root.removeAttribute("data-ready");
    this.images.drop();
    this.strips.drop();
    this.trusts.drop();
    this.body.hidden = !run;
    this.say("");
    if (!run) return;
    let info;
    try {
      info = await view.info(run);
    } catch (error) {
      if (view.run !== run) return;
      this.body.hidden = true; // rather nothing than another run's picture
      return this.say(/** @type {Error} */ (error).message);
    }
    if (view.run !== run) return; // another run was chosen meanwhile
    this.info = info;
    this.law = info.default_law;
    this.lawPlace.replaceChildren(
      dropdown(
        "Random draws from",
        info.laws.map((law) => ({ value: law, text: LAW_NAMES[law] ?? law })),
        this.law,
        (law) => (this.law = law),
        "Where the button Random takes its latents from",
      ),
    );
    this.showLevels();
    this.canvas.width = info.image_shape[2];
    this.canvas.height = info.image_shape[1];
    this.fit();
    this.trail.clear();
    this.upToDate = true;
    if (!this.takePending() && !this.takeLink()) await this.startAgain();
    this.root.dataset.ready = run;
  }

  /** Take up a latent that another tab sent; false where there is none for the run on show. */
  takePending() {
    const { pending } = view;
    if (!this.upToDate || pending?.run !== this.info?.name || !pending) return false;
    view.pending = null;
    if (!view.wish.run || view.wish.run === pending.run) view.dropWish(); // older than this
    this.load(pending.latent, pending.source);
    return true;
  }

  /** Take up the latent of a link, or say that it does not fit; false where a link names none for this run. */
  takeLink() {
    const { run, latent, asked } = view.wish;
    if (!this.upToDate || !this.info || (run && run !== this.info.name)) return false;
    view.dropWish();
    if (latent?.length === this.info.latent_dim) this.load(latent, { kind: "link" });
    else if (asked) {
      this.goOrigin();
      this.say("The link's latent does not fit this run; this is the origin.");
    }
    return asked;
  }

  /** Start where the run before was started: at the same image or seed, else at the origin. */
  async startAgain() {
    const { kind, index, seed } = this.source;
    if (kind === "image" && index !== undefined && this.info && index < this.info.count) await this.goImage(index);
    else if (kind === "random" && seed) await this.goRandom(seed);
    else this.goOrigin();
  }

  goOrigin() {
    if (!this.info) return;
    const { family, latent_dim, mean } = this.info;
    const point = family === "ae" ? Float32Array.from(mean) : new Float32Array(latent_dim);
    this.load(point, { kind: "origin" });
  }

  /** @param {number} seed */
  async goRandom(seed) {
    const run = this.info?.name;
    if (!run) return;
    this.seed = seed;
    const ask = ++this.asks;
    try {
      const z = await sample(run, this.law, 1, seed);
      if (run === view.run && ask === this.asks) this.load(z, { kind: "random", seed, text: LAW_NAMES[this.law] });
    } catch (error) {
      this.say(`No draw: ${/** @type {Error} */ (error).message}`);
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
    const ask = ++this.asks;
    this.seed++;
    try {
      // given the levels above, the coordinates below are N(0, I) as well: that is what they are measured in
      const draw = await sample(name, "raw", 1, this.seed);
      if (name !== view.run || ask !== this.asks) return;
      this.hear();
      this.z = resampled(this.z, draw, level_sizes, level);
      this.refresh();
      this.redraw();
      this.settle();
    } catch (error) {
      this.say(`No draw: ${/** @type {Error} */ (error).message}`);
    }
  }

  goAnyImage() {
    if (this.info) this.goImage(Math.floor(Math.random() * this.info.count));
  }

  /** @param {number} index */
  async goImage(index) {
    const run = this.info?.name;
    if (!run || !this.info) return;
    const d = this.info.latent_dim;
    const ask = ++this.asks;
    try {
      const points = await view.points(run);
      if (run === view.run && ask === this.asks) this.load(points.slice(index * d, (index + 1) * d), { kind: "image", index });
    } catch (error) {
      this.say(`No code: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * Stand on a latent that did not come from a slider.
   * @param {Float32Array} z
   * @param {Source} source
   */
  load(z, source) {
    if (!this.info || z.length !== this.info.latent_dim) return;
    this.asks++;
    this.start = z.slice();
    this.source = source;
    this.z = z.slice();
    this.hear();
    this.showSource();
    this.buildSliders();
    this.redraw();
    this.settle();
  }

  showSource() {
    this.caption.textContent = `Start: ${this.sourceText()}`;
  }

  sourceText() {
    const { kind, index, seed, text } = this.source;
    if (kind === "image") return `the encoding of test image ${index}`;
    if (kind === "random") return `draw ${seed} from ${text}`;
    if (kind === "link") return "the latent of a link";
    if (kind === "place") return text ?? "a place on the map";
    return this.info?.family === "ae" ? "the mean of the encoded data" : "the origin, z = 0";
  }

  /** @returns {Direction[]} */
  get directions() {
    return (this.info && this.info.directions[/** @type {"axes" | "pca"} */ (this.set)]) || [];
  }

  /** @param {string} set */
  chooseSet(set) {
    this.set = set;
    this.active = 0;
    this.buildSliders();
    this.showStripSoon();
  }

  toggleAll() {
    this.all = !this.all;
    this.buildSliders();
  }

  buildSliders() {
    const { directions } = this;
    const count = this.all ? directions.length : Math.min(STRONGEST, directions.length);
    const known = this.rows.length === count && this.rows.every((row, i) => row.direction === directions[i]);
    if (!known) {
      this.active = Math.min(this.active, count - 1);
      this.rows = directions.slice(0, count).map((direction, i) => this.makeRow(direction, i));
      this.sliders.replaceChildren(...this.rows.map((row) => row.row));
    }
    this.more.hidden = directions.length <= STRONGEST;
    this.more.textContent = this.all ? `Show the ${STRONGEST} strongest` : `Show all ${directions.length}`;
    if (this.info) this.unit.textContent = `Unit: ${unitOf(this.set, this.info)}.${natsHint(directions)} Double click a slider to reset it.`;
    this.refresh();
  }

  /**
   * @param {Direction} direction
   * @param {number} i
   */
  makeRow(direction, i) {
    const { low, high, note } = direction;
    const name = directionName(direction, this.info?.level_sizes);
    const id = freshId();
    const step = niceStep(low, high);
    let before = this.z;
    const range = h("input", {
      id,
      type: "range",
      min: low,
      max: high,
      step,
      "aria-label": name,
      title: `${name}: ${note}`,
      oninput: () => this.slide(i, range.valueAsNumber),
      onchange: () => this.settle(),
      onfocus: () => this.activate(i),
      onpointerdown: () => (before = this.z.slice()),
      onpointercancel: () => {
        // the finger wanted to scroll the page, not to move the slider it happened to touch
        this.z = before;
        this.refresh();
        this.redraw();
        this.settle();
      },
    });
    const box = h("input.xp-number", {
      type: "number",
      step,
      "aria-label": `${name}, exact value`,
      title: `${name}: type a value and press Enter`,
      onchange: () => {
        const value = box.valueAsNumber;
        if (Number.isFinite(value) && Math.abs(value) <= LARGEST) {
          this.slide(i, value);
          this.settle();
        } else this.say(`${name}: values within ±${LARGEST}.`);
        this.refresh();
      },
    });
    const row = h(
      "div.xp-slider",
      { ondblclick: (/** @type {MouseEvent} */ e) => e.target !== box && this.resetSlider(i) },
      h("label", { for: id }, h("span.xp-name", {}, name), h("span.xp-note", {}, note)),
      range,
      box,
    );
    return { direction, range, box, row };
  }

  /** @param {number} i */
  resetSlider(i) {
    this.slide(i, coordinate(this.rows[i].direction, this.start));
    this.settle();
  }

  /** @param {number} i */
  activate(i) {
    if (this.active === i) return;
    this.active = i;
    this.refresh();
    this.showStripSoon();
  }

  /**
   * Move along direction i to a coordinate.
   * @param {number} i
   * @param {number} value
   */
  slide(i, value) {
    view.dropWish();
    this.hear();
    this.activate(i);
    this.z = moved(this.rows[i].direction, this.z, value);
    this.refresh();
    this.redraw();
  }

  /** Let every slider and box show the latent. */
  refresh() {
    this.rows.forEach(({ direction, range, box, row }, i) => {
      const value = coordinate(direction, this.z);
      if (document.activeElement !== range || Math.abs(range.valueAsNumber - value) > Number(range.step) / 2) range.value = String(value);
      range.setAttribute("aria-valuetext", shown(value));
      const text = value.toFixed(2).replace(/^-(0\.?0*)$/, "$1"); // no minus before a zero
      if (box.value !== text) box.value = text;
      row.classList.toggle("xp-active", i === this.active);
    });
    this.markFrame();
  }

  redraw() {
    if (this.info) this.images.ask({ run: this.info.name, z: this.z.slice() });
  }

  /** The hand is off the slider: remember, describe, write the address. */
  settle() {
    if (!this.info) return;
    this.trail.visit(this.z, { start: this.start, source: this.source });
    this.undoButton.disabled = !this.trail.canUndo;
    this.redoButton.disabled = !this.trail.canRedo;
    this.trusts.ask({ run: this.info.name, z: this.z.slice() });
    view.setLatent(this.z);
    this.showStripSoon();
  }

  /** @param {ReturnType<Trail<{start: Float32Array, source: Source}>["undo"]>} step */
  step(step) {
    if (!step || !this.info) return;
    view.dropWish();
    this.hear();
    this.asks++;
    this.z = step.latent;
    this.start = step.about.start;
    this.source = step.about.source;
    this.showSource();
    this.refresh();
    this.redraw();
    this.settle();
  }

  showStripSoon() {
    const direction = this.directions[this.active];
    if (!direction || !this.info) return;
    const values = spaced(direction.low, direction.high, FRAMES);
    this.strips.ask({ run: this.info.name, latents: walk(direction, this.z, values), values, direction });
  }

  /**
   * @param {import("./transport.js").Decoded} decoded
   * @param {{values: number[], direction: Direction}} request
   */
  showStrip(decoded, { values, direction }) {
    if (direction !== this.directions[this.active]) return;
    const name = directionName(direction, this.info?.level_sizes);
    this.stripLabel.textContent = `Along ${name}, all else as it is: click a picture to go there.`;
    this.strip.setAttribute("aria-label", `pictures along ${name}`);
    const [, height, width] = decoded.shape;
    const times = Math.max(1, Math.floor(FRAME_WIDTH / width));
    const frames = values.map((value, k) => {
      const canvas = h("canvas.xp-image", { width, height });
      canvas.style.width = `${times * width}px`;
      paint(canvas, decoded, k);
      const text = value.toFixed(1).replace("-", "\u2212");
      return h(
        "button.xp-film",
        {
          type: "button",
          title: `Go to ${name} = ${text}`,
          "aria-label": `${name} ${text}`,
          "data-value": value,
          onclick: () => {
            this.slide(this.active, value);
            this.settle();
          },
        },
        canvas,
        h("span", {}, text),
      );
    });
    const focused = [...this.strip.children].indexOf(/** @type {any} */ (document.activeElement));
    this.strip.replaceChildren(...frames);
    dim(this.strip, false);
    if (focused >= 0) frames[focused].focus();
    this.markFrame();
  }

  /** Mark the picture of the strip that is nearest to the latent. */
  markFrame() {
    const direction = this.directions[this.active];
    if (!direction) return;
    const value = coordinate(direction, this.z);
    const frames = /** @type {HTMLElement[]} */ ([...this.strip.children]);
    const distance = (/** @type {HTMLElement} */ frame) => Math.abs(Number(frame.dataset.value) - value);
    const nearest = frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best), frames[0]);
    for (const frame of frames) frame.toggleAttribute("aria-current", frame === nearest);
  }

  async copyLink() {
    view.dropWish(); // the link is to what is shown
    view.setLatent(this.z);
    try {
      await navigator.clipboard.writeText(location.href);
      this.say("The link is copied.", true);
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
      this.step(key === "y" || event.shiftKey ? this.trail.redo() : this.trail.undo());
    }
  }
}

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const panel = new Panel(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  view.addEventListener("run", () => (panel.upToDate = false)); // out of sight, the panel hears of it when it is opened
  view.addEventListener("latent", () => panel.takePending());
  view.addEventListener("link", () => panel.takeLink());
  follow(host, "explore", (run) => panel.setRun(run));
}
