/** Interpolate: two latents, the walk between them through the run and its twin, and what lies on it. */

import { Arrival } from "../kit/arrival.js";
import { button, freshId, h, segmented, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { sideOf, sides } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { PATH_BOUNDS, USUAL_PATH } from "../latent/address.js";
import { freshSeed } from "../latent/chance.js";
import { lawOf } from "../latent/laws.js";
import { meansOf, placeWords, sourceWords } from "../latent/walk.js";
import { follow } from "../page/host.js";
import { Stream } from "../page/stream.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { EndCard, endFor, imageEnd, linkedEnd, namedEnd } from "./ends.js";
import { Film } from "./film.js";
import { openingPair } from "./opening.js";
import { PairSheet } from "./pairs.js";
import { fetchWalk, Side } from "./side.js";
import { Taking } from "./taking.js";

export const STYLE = new URL("./interpolate.css", import.meta.url);

/** @typedef {import("../latent/walk.js").PathKind} PathKind */
/** @typedef {import("../latent/run.js").Chosen} Chosen */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./side.js").Walk} Walk */
/** @typedef {"a" | "b"} End */

const { fewest: FEWEST, most: MOST, overshoot: MOST_OVERSHOOT } = PATH_BOUNDS;
const TURN_MS = 6000; // from A to B and back while it plays
const SETTLE_MS = 250;

export class InterpolateTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {RunInfo | null} */
    this.twin = null;
    /** @type {Int32Array | null} */
    this.labels = null;
    /** @type {{a: Chosen | null, b: Chosen | null}} */
    this.ends = { a: null, b: null };
    this.kind = USUAL_PATH.kind;
    this.steps = USUAL_PATH.steps;
    this.overshoot = USUAL_PATH.overshoot;
    this.t = USUAL_PATH.at;
    this.seed = freshSeed();
    this.status = new StatusLine();
    this.film = new Film((t) => this.jump(t));
    this.taking = new Taking(() => ({ walks: this.walks, ...this.ends, way: { kind: this.kind, steps: this.steps, overshoot: this.overshoot } }));
    this.takes = new Latest(); // ends that were asked for
    this.asks = new Latest(); // walks that were asked for
    /** @type {(Walk | null)[]} */
    this.walks = [];
    this.strips = new Stream(
      (/** @type {any} */ wanted) => Promise.all(wanted.sides.map((/** @type {any} */ side) => side && fetchWalk(side.run, side.a, side.b, wanted, side.means))),
      (walks, wanted) => this.showStrip(walks, wanted),
      { status: this.status, failed: "No pictures along the walk", pictures: () => [this.film.strip], limit: 2 },
    );
    this.playing = 0; // the frame that is to come while it plays
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.still.addEventListener("change", () => {
      this.pause();
      this.namePlayer();
    });
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settling = undefined;
    this.sides = [new Side((t) => this.jump(t)), new Side((t) => this.jump(t))];
    this.pairs = new PairSheet({
      kind: () => this.kind,
      choose: (one, other) => this.walkBetween(one, other),
      models: () => [this.info, this.twin],
    });
    this.cards = { a: this.card("a"), b: this.card("b") };
    this.build();
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.status.element, this.arrival.element, this.body);
  }

  /** @param {End} end */
  card(end) {
    return new EndCard(end, {
      image: (index) => this.chooseImage(end, index),
      draw: () => this.draw(end),
      take: () => this.take(end),
      say: (words, who) => this.status.say(words, who),
    });
  }

  build() {
    const swap = button("⇄ Swap", "Exchange A and B", () => this.swap());
    this.kinds = segmented(
      "Way",
      [
        { value: "linear", text: "Straight line", hint: "The shortest way between the two latents" },
        { value: "spherical", text: "Arc", hint: "Turns from one direction to the other, while the norm changes evenly" },
      ],
      this.kind,
      (kind) => {
        this.kind = /** @type {PathKind} */ (kind);
        this.redraw();
        this.pairs.update();
      },
    );
    this.stepsBox = this.numberBox("Steps", `Pictures along the walk, ${FEWEST} to ${MOST}`, FEWEST, MOST, 1, () => this.steps, (value) => (this.steps = value));
    this.overBox = this.numberBox("Overshoot", `How far beyond A and B the walk goes, as a share of the way between them, 0 to ${MOST_OVERSHOOT}`, 0, MOST_OVERSHOOT, 0.05, () => this.overshoot, (value) => {
      this.overshoot = value;
      this.stand(this.t);
    });
    const id = freshId();
    this.slider = h("input", {
      id,
      type: "range",
      min: 0,
      max: 1,
      step: 0.005,
      value: this.t,
      oninput: () => {
        this.pause();
        this.stand(this.slider.valueAsNumber);
      },
      onchange: () => this.settle(),
    });
    this.box = h("input.xp-number", {
      type: "number",
      step: 0.01,
      "aria-label": "Position, exact value",
      title: "0 is A, 1 is B: type a value and press Enter",
      onchange: () => {
        this.pause();
        this.stand(Number.isFinite(this.box.valueAsNumber) ? this.box.valueAsNumber : this.t);
        this.settle();
      },
    });
    this.player = button("Play", "Go back and forth between the ends", () => this.press());
    this.namePlayer();
    this.place = h("span.xp-note");
    this.pair = h("div.xp-walk-pair");
    const walkPart = h(
      "section.xp-walk",
      { "aria-label": "the walk" },
      h("div.xp-walk-row", {}, this.cards.a.fold, this.pair, this.cards.b.fold),
      h("div.xp-slider.xp-position", {}, h("label", { for: id }, h("span.xp-name", {}, "Position")), this.slider, this.box, this.player),
      h("div.xp-bar.xp-ways", {}, this.kinds, swap),
    );
    const fold = more(
      "More",
      h("div.xp-ends", {}, this.cards.a.element, this.cards.b.element),
      h("div.xp-bar", {}, this.stepsBox, this.overBox, this.place),
      h("div.xp-twins.xp-words", {}, ...this.sides.map((side) => side.words)),
      this.film.element,
      h("section", { "aria-label": "norm and holes along the walk" }, h("h3", {}, "What lies on the way"), h("div.xp-twins.xp-paths", {}, ...this.sides.map((side) => side.chart))),
      this.taking.element,
      this.pairs.element,
    );
    fold.addEventListener("toggle", () => this.sides.forEach((side) => side.unfold(fold.open)));
    this.body = h("div.xp-interpolate", {}, walkPart, fold);
  }

  /**
   * @param {string} name
   * @param {string} hint
   * @param {number} low
   * @param {number} high
   * @param {number} step
   * @param {() => number} now
   * @param {(value: number) => void} chosen
   */
  numberBox(name, hint, low, high, step, now, chosen) {
    const box = h("input.xp-number", {
      type: "number",
      min: low,
      max: high,
      step,
      value: now(),
      title: hint,
      onchange: () => {
        const typed = box.valueAsNumber;
        const whole = step !== 1 || Number.isInteger(typed);
        if (!(whole && typed >= low && typed <= high)) {
          box.value = String(now());
          return this.say(`${name}: ${step === 1 ? "a whole number" : "a number"} from ${low} to ${high}.`);
        }
        this.say("");
        chosen(typed);
        this.redraw();
      },
    });
    return h("label.xp-field", { title: hint }, h("span", {}, name), box);
  }

  /** @param {string} words */
  say(words) {
    this.status.say(words);
  }

  /**
   * Say what went wrong, unless nobody waits for it any longer.
   * @param {unknown} error
   * @param {AbortSignal} signal
   * @param {string} [what] What there is not.
   */
  fail(error, signal, what = "No such end") {
    if (!signal.aborted) this.say(`${what}: ${/** @type {Error} */ (error).message}`);
  }

  /** @param {string | null} run */
  async setRun(run) {
    const { signal } = view;
    this.root.removeAttribute("data-ready");
    this.pause();
    this.strips.drop();
    for (const side of this.sides) side.drop();
    this.say("");
    this.arrival.begin(run);
    if (!run) return;
    try {
      const info = await view.info(run);
      const twin = info.twin ? await view.info(info.twin).catch(() => null) : null;
      const labels = await view.labels(run);
      await Promise.all([view.points(run), twin?.count === info.count ? view.points(twin.name) : null]);
      if (signal.aborted) return;
      this.info = info;
      this.twin = twin?.count === info.count ? twin : null;
      this.labels = labels;
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      return this.say(/** @type {Error} */ (error).message);
    }
    this.arrival.end(run);
    for (const card of [this.cards.a, this.cards.b]) card.setRun(this.info, this.labels);
    this.taking.setRuns([this.info, this.twin].filter((each) => each !== null));
    const [mine, other] = this.sides.map((side) => side.stage);
    const beside = this.twin ? other : null;
    this.pair.replaceChildren(sideOf(this.info) === "ae" ? sides(mine, beside) : sides(beside, mine));
    this.pairs.setRun(this.info, this.labels);
    this.takeEnds();
  }

  /** Take up what other tabs chose, and for an end that this run cannot have a test image. */
  async takeEnds() {
    const { info } = this;
    if (!info || info.name !== view.run) return; // another run is on its way, and takes them up itself
    const signal = this.takes.next(view.signal);
    try {
      await this.takeUp(info, signal);
    } catch (error) {
      this.fail(error, signal, "No ends");
    }
  }

  /**
   * @param {RunInfo} info
   * @param {AbortSignal} signal
   */
  async takeUp(info, signal) {
    const lost = await this.takeLink(info);
    const lacks = !view.ends.a || !view.ends.b || [view.ends.a, view.ends.b].some(({ run }) => run !== info.name);
    const firsts = lacks ? await view.once(`opening ${info.name}`, () => openingPair(info, this.twin, this.labels)) : [0, 0];
    if (signal.aborted) return;
    for (const [k, end] of /** @type {End[]} */ (["a", "b"]).entries()) {
      const wanted = view.ends[end];
      let chosen = wanted && (await endFor(wanted, info));
      if (!chosen && wanted) lost.push(`${end.toUpperCase()} was ${sourceWords(wanted.whence)} of ${wanted.run}, which ${info.name} does not have`);
      if (!chosen) chosen = await imageEnd(firsts[k], info);
      if (signal.aborted || info !== this.info) return;
      this.ends[end] = chosen;
    }
    const said = lost.join("; ");
    this.say(said && `${said[0].toUpperCase()}${said.slice(1)}: a test image stands there.`);
    this.cards.a.show(this.ends.a);
    this.cards.b.show(this.ends.b);
    this.redraw();
  }

  /**
   * Take up the walk of a link.
   * @param {RunInfo} info
   * @returns {Promise<string[]>} Which of its ends the run does not have.
   */
  async takeLink(info) {
    const path = view.takePath();
    if (!path) return [];
    this.pause();
    const { from, to, ...rest } = path;
    const { kind, steps, overshoot, at } = { ...USUAL_PATH, ...rest };
    Object.assign(this, { kind, steps, overshoot, t: at });
    for (const input of this.kinds?.querySelectorAll("input") ?? []) input.checked = input.value === kind;
    for (const input of this.stepsBox?.querySelectorAll("input") ?? []) input.value = String(steps);
    for (const input of this.overBox?.querySelectorAll("input") ?? []) input.value = String(overshoot);
    this.pairs.update();
    const lost = [];
    for (const [end, named] of /** @type {const} */ ([["a", from], ["b", to]])) {
      if (named === undefined) continue;
      const chosen = await linkedEnd(named, info);
      if (!chosen) lost.push(`the link's ${end.toUpperCase()} does not fit ${info.name}`);
      Object.assign(view.ends, { [end]: chosen });
    }
    return lost;
  }

  /** @param {End} end @param {number} index */
  async chooseImage(end, index) {
    const { info } = this;
    if (!info) return;
    const { signal } = view;
    try {
      const chosen = await imageEnd(index, info);
      if (!signal.aborted) this.choose(end, chosen);
    } catch (error) {
      this.fail(error, signal);
    }
  }

  /** @param {End} end @param {Chosen} chosen */
  choose(end, chosen) {
    this.say("");
    view.useAs(end, chosen); // its event brings it here
  }

  /** @param {End} end */
  async draw(end) {
    const { info } = this;
    if (!info) return;
    const seed = ++this.seed;
    const law = info.default_law;
    const { signal } = view;
    try {
      const latent = await source.ask("draws", info.name, { query: { law, n: 1, seed }, signal });
      if (!signal.aborted) this.choose(end, { run: info.name, latent, whence: { kind: "random", seed, text: lawOf(info, law).plain } });
    } catch (error) {
      this.fail(error, signal, "No draw");
    }
  }

  /** @param {End} end */
  take(end) {
    const { info } = this;
    if (!info) return;
    const { latent } = view;
    if (view.run !== info.name || latent?.length !== info.latent_dim) return this.say(`Explore has shown no latent of ${info.name} yet: open Explore, and come back.`);
    this.choose(end, { run: info.name, latent: latent.slice(), whence: { kind: "place", text: "Explore's latent" } });
  }

  swap() {
    const { a, b } = this.ends;
    if (!a || !b) return;
    [view.ends.a, view.ends.b] = [b, a];
    view.dispatchEvent(new Event("ends"));
  }

  /** Walk between two test images. @param {number} one @param {number} other */
  async walkBetween(one, other) {
    const { info } = this;
    if (!info) return;
    const { signal } = view;
    try {
      const [a, b] = await Promise.all([imageEnd(one, info), imageEnd(other, info)]);
      if (signal.aborted) return;
      Object.assign(view.ends, { a, b });
    } catch (error) {
      return this.fail(error, signal);
    }
    view.dispatchEvent(new Event("ends"));
    this.body.scrollIntoView({ block: "start", behavior: this.still.matches ? "auto" : "smooth" });
    this.slider.focus({ preventScroll: true });
  }

  /** Everything anew: ends, way, steps or overshoot changed. */
  async redraw() {
    const { info, twin } = this;
    const { a, b } = this.ends;
    if (!info || !a || !b) return;
    const signal = this.asks.next(view.signal);
    this.walks = []; // until the new one is here there is nothing to export
    this.taking.showCode();
    this.root.removeAttribute("data-ready");
    const [low, high] = [-this.overshoot, 1 + this.overshoot];
    Object.assign(this.slider, { min: low, max: high });
    Object.assign(this.box, { min: low, max: high });
    const pair = { kind: this.kind, steps: this.steps, overshoot: this.overshoot };
    const means = meansOf(a.whence, b.whence);
    this.sides[0].set(info, a.latent, b.latent, pair, means);
    let other = null;
    if (twin) {
      const ends = await Promise.all([endFor(a, twin), endFor(b, twin)]).catch((error) => {
        this.fail(error, signal, `No walk of ${twin.name}`);
        return null;
      });
      if (signal.aborted) return;
      const [twinA, twinB] = ends ?? [null, null];
      if (twinA && twinB) {
        other = { run: twin.name, a: twinA.latent, b: twinB.latent, means: meansOf(twinA.whence, twinB.whence) };
        this.sides[1].set(twin, other.a, other.b, pair, other.means);
      } else if (!ends) this.sides[1].refuse(twin, "Its ends could not be had.");
      else {
        const missing = [twinA ? null : "A", twinB ? null : "B"].filter(Boolean).join(" and ");
        this.sides[1].refuse(twin, `${missing} ${twinA || twinB ? "is a latent" : "are latents"} of ${info.name}, and ${twin.name} has a space of its own: choose test images, which both encode, to compare them.`);
      }
    } else this.sides[1].refuse(null, "");
    this.stand(this.t);
    this.settle();
    this.strips.ask({ signal, sides: [{ run: info.name, a: a.latent, b: b.latent, means }, other], ...pair });
  }

  /**
   * Stand at a position; the pictures follow.
   * @param {number} t
   */
  stand(t) {
    this.t = Math.min(1 + this.overshoot, Math.max(-this.overshoot, t));
    if (document.activeElement !== this.slider || this.slider.valueAsNumber !== this.t) this.slider.value = String(this.t);
    const words = placeWords(this.t);
    this.place.textContent = words;
    this.slider.setAttribute("aria-valuetext", `${+this.t.toFixed(3)}, ${words}`);
    const text = this.t.toFixed(3).replace(/0$/, "");
    if (document.activeElement !== this.box && this.box.value !== text) this.box.value = text;
    for (const side of this.sides) side.stand(this.t);
    this.film.mark(this.t);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), SETTLE_MS);
  }

  /** The hand rests: say what is known of the place. */
  settle() {
    clearTimeout(this.settling);
    this.box.value = this.t.toFixed(3).replace(/0$/, "");
    if (this.playing) return;
    for (const side of this.sides) side.settle();
    this.tell();
  }

  /** Put the walk into the page's address. */
  tell() {
    const { a, b } = this.ends;
    if (!a || !b || [a.run, b.run].some((run) => run !== view.run)) return; // another run is on its way
    view.setPath(a.run, { from: namedEnd(a), to: namedEnd(b), kind: this.kind, steps: this.steps, overshoot: this.overshoot, at: this.t });
  }

  /** @param {number} t */
  jump(t) {
    this.pause();
    this.stand(t);
    this.settle();
  }

  namePlayer() {
    this.player.textContent = this.playing ? "Pause" : this.still.matches ? "Next step" : "Play";
  }

  /** Play, or pause; who wants no motion goes on step by step, and from the end to the start. */
  press() {
    if (this.playing) return this.pause();
    if (!this.still.matches) return this.play();
    const [low, span] = [-this.overshoot, 1 + 2 * this.overshoot];
    const step = Math.floor(((this.t - low) / span) * (this.steps - 1) + 1e-6) + 1;
    this.jump(step < this.steps ? low + (span * step) / (this.steps - 1) : low);
  }

  play() {
    const began = performance.now();
    const span = 1 + 2 * this.overshoot;
    const first = (this.t + this.overshoot) / span; // where on its way it starts
    const frame = (/** @type {number} */ now) => {
      const phase = (first + (2 * (now - began)) / TURN_MS) % 2;
      this.stand(-this.overshoot + span * (phase < 1 ? phase : 2 - phase));
      if (this.root.offsetParent) this.playing = requestAnimationFrame(frame);
      else this.pause(); // another tab was opened
    };
    this.playing = requestAnimationFrame(frame);
    this.namePlayer();
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.namePlayer();
    this.settle();
  }

  /**
   * @param {(Walk | null)[]} walks
   * @param {any} wanted
   */
  showStrip(walks, wanted) {
    if (wanted.signal.aborted) return; // an older walk than the controls say
    this.walks = walks;
    const [mine] = walks;
    if (!mine) return;
    this.film.show(walks);
    this.film.mark(this.t);
    this.taking.showCode();
    this.root.dataset.ready = `${mine.run} ${wanted.kind} ${wanted.steps} ${wanted.overshoot}`;
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  const tab = new InterpolateTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  const root = tab.root;
  let stale = false; // whether ends were chosen while the tab was out of sight
  const takeEnds = () => {
    stale = !root.offsetParent;
    if (!stale) tab.takeEnds();
  };
  view.addEventListener("ends", takeEnds);
  view.addEventListener("link", () => view.linkedPath && takeEnds());
  follow(host, "interpolate", (run) => {
    stale = false;
    tab.setRun(run);
  });
  new IntersectionObserver(() => {
    if (!stale || !root.offsetParent) return;
    stale = false;
    tab.takeEnds();
  }).observe(host.element);
}
