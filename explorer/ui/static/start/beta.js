/** Step 5: one slider through the runs that differ in beta alone; samples and map follow, error stands against emptiness. */

import { freshId, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { Plane, PLANE_STYLE } from "../kit/plane.js";
import { svg } from "../kit/svg.js";
import { term } from "../kit/term.js";
import { toFragment } from "../latent/address.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { drawsOf } from "./draws.js";
import { aligning, Flat, spreadOf, turned } from "./flat.js";
import { answers, isStill, TenStrip } from "./pieces.js";
import { drawMark, paintedBy } from "./why.js";

/** @typedef {import("./pieces.js").Step} Step */
/** @typedef {import("./story.js").StoryRung} StoryRung */

export { PLANE_STYLE };

const MORPH_MS = 500;
const SEED = 1;
const MANY = 500; // draws that tell how wide a law is
const [WIDTH, HEIGHT, EDGE] = [320, 240, 26];

/**
 * What a rung is called in an address.
 * @param {StoryRung} rung
 */
export const rungKey = ({ beta }) => (beta === null ? "ae" : String(beta));

/**
 * Where rungs stand on the chart: emptiness to the right, error upwards; ends with their intervals.
 * @param {StoryRung[]} rungs
 */
export function chartPlaces(rungs) {
  const there = rungs.filter(({ vacancy, distortion }) => vacancy && distortion);
  const ends = (/** @type {"vacancy" | "distortion"} */ key) => there.flatMap((rung) => [rung[key]?.value ?? 0, rung[key]?.low ?? rung[key]?.value ?? 0, rung[key]?.high ?? rung[key]?.value ?? 0]);
  const [most, [least, top]] = [Math.max(0.05, ...ends("vacancy")), [Math.min(...ends("distortion")), Math.max(...ends("distortion"))]];
  const across = (/** @type {number} */ value) => EDGE + ((WIDTH - 2 * EDGE) * value) / most;
  const up = (/** @type {number} */ value) => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (value - least)) / (top - least || 1);
  return { there, across, up };
}

/** The chart of error against emptiness. */
class TradeOff {
  /** @param {StoryRung[]} rungs */
  constructor(rungs) {
    const { there, across, up } = chartPlaces(rungs);
    this.places = new Map(there.map((rung) => [rung.name, [across(rung.vacancy?.value ?? 0), up(rung.distortion?.value ?? 0)]]));
    const swept = there.filter(({ beta }) => beta !== null).map(({ name }) => this.places.get(name) ?? []);
    const whisker = (/** @type {StoryRung} */ rung) => {
      const [x, y] = this.places.get(rung.name) ?? [0, 0];
      const [{ low = 0, high = 0 }, error] = [/** @type {import("./story.js").Measured} */ (rung.vacancy), /** @type {import("./story.js").Measured} */ (rung.distortion)];
      return [
        svg("line", { x1: across(low), x2: across(high), y1: y, y2: y, class: "xp-st-whisker" }),
        svg("line", { x1: x, x2: x, y1: up(error.low ?? error.value), y2: up(error.high ?? error.value), class: "xp-st-whisker" }),
      ];
    };
    this.ring = svg("circle", { r: 11, class: "xp-st-ring" });
    const dots = there.map(({ name, beta }) => {
      const [x, y] = this.places.get(name) ?? [0, 0];
      return beta === null ? svg("rect", { x: x - 5.5, y: y - 5.5, width: 11, height: 11, class: "xp-st-dot", "data-side": "ae" }) : svg("circle", { cx: x, cy: y, r: 6, class: "xp-st-dot", "data-side": "vae" });
    });
    const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ at) => {
      const element = svg("text", at);
      element.textContent = words;
      return element;
    };
    const title = "reconstruction error against holes";
    this.element = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "xp-st-chart", role: "img", "aria-label": title },
      svg("path", { d: `M${EDGE},${EDGE / 2}V${HEIGHT - EDGE}H${WIDTH - EDGE / 2}`, class: "xp-st-axes" }),
      svg("polyline", { points: swept.map((place) => place.join(",")).join(" "), class: "xp-st-way" }),
      ...there.flatMap(whisker),
      ...dots,
      this.ring,
      text("more holes →", { x: WIDTH - EDGE / 2, y: HEIGHT - 6, "text-anchor": "end" }),
      text("more error →", { x: -EDGE / 2, y: 14, "text-anchor": "end", transform: "rotate(-90)" }),
    );
  }

  /** @param {string} name */
  choose(name) {
    const [x, y] = this.places.get(name) ?? [-99, -99];
    this.ring.setAttribute("cx", String(x));
    this.ring.setAttribute("cy", String(y));
  }
}

/** @implements {Step} */
export class Beta {
  /** @param {import("./pieces.js").StartRoom} room */
  constructor(room) {
    this.room = room;
    const { ladder } = room.story;
    this.rungs = ladder.rungs;
    this.asks = new Latest();
    this.seen = new Set();
    this.isLinked = false;
    /** @type {Float32Array | null} */
    this.places = null;
    /** @type {Map<string, Promise<{places: Float32Array, labels: Int32Array | null, marks: Float32Array, drawn: import("./draws.js").SideDraws}>>} */
    this.loaded = new Map();
    this.strip = new TenStrip("draws from one fitted bell", () => {});
    this.plane = new Plane("codes of the chosen run; arrow keys move the window, plus and minus zoom", {});
    this.chart = new TradeOff(this.rungs);
    this.element = this.rungs.length ? this.build() : this.without();
  }

  /** What there is to say where no ladder was fitted. */
  without() {
    const { note, other } = this.room.story.ladder;
    return h(
      "div.xp-st-act",
      {},
      h("p", {}, "What ", term("beta"), " trades takes runs that differ in beta alone; this data set has none."),
      other && h("a.xp-button", { href: toFragment({ run: other, tab: "start", states: { start: { step: "5" } } }) }, "Show another data set's"),
      more("More", note && h("p.xp-prose", {}, note)),
    );
  }

  build() {
    const { ladder } = this.room.story;
    const id = freshId();
    this.name = h("output.xp-st-rung", { for: id });
    this.slider = h("input", { id, type: "range", min: 0, max: this.rungs.length - 1, step: 1, value: 0, oninput: () => this.choose(this.slider.valueAsNumber) });
    this.reading = h("p.xp-st-reading", { role: "status" });
    this.flag = h("p.xp-st-flag", { hidden: true });
    const of = ladder.note ? `Here d = ${ladder.d}. ` : "";
    this.question = h("p", {}, `${of}More `, term("beta"), " pulls codes together. What then? Guess, and drag.");
    this.guess = answers("Your guess:", ["more holes", "fewer holes"], () => {});
    this.said = h("p.xp-st-said", { role: "status" });
    this.told = more("More", ...[ladder.note, ...ladder.words, `Ten draws with seed ${SEED} from one bell fitted to each run's codes, the law that is fair to all; hatched draws lie in holes. The map shows the two directions along which codes differ most, each run scaled to the spread of its own draws and turned towards the autoencoder. Error is distortion in nats per image, holes are the share of draws where no image is encoded; bars are 95 % intervals.`].map((words) => words && h("p.xp-prose", {}, words)));
    this.model = h("div.xp-st-ladder", {}, h("div", {}, this.strip.element, this.flag), this.plane.element, h("figure", {}, this.chart.element, this.reading));
    return h("div", {}, h("div.xp-st-act.xp-st-wide", {}, this.question, this.guess, this.said), h("div.xp-st-slider", {}, h("label", { for: id }, "beta"), this.name, this.slider), this.model, this.told);
  }

  async open() {
    if (!this.rungs.length) return;
    const wanted = this.rungs.findIndex((rung) => rungKey(rung) === this.room.state.beta);
    this.isLinked = wanted > 0; // whoever follows a link sees what its sender saw
    await this.choose(Math.max(0, wanted));
    this.ahead();
  }

  /** Have the other rungs there before the slider comes to them, one after the other. */
  async ahead() {
    for (const rung of this.rungs) {
      if (this.room.signal.aborted) return;
      await this.load(rung).catch(() => {});
    }
  }

  /** @param {StoryRung} rung */
  load(rung) {
    let loading = this.loaded.get(rung.name);
    if (!loading) {
      loading = this.bring(rung);
      this.loaded.set(rung.name, loading);
      loading.catch(() => this.loaded.delete(rung.name));
    }
    return loading;
  }

  /** @param {StoryRung} rung */
  async bring(rung) {
    const { law } = this.room.story.ladder;
    const info = await view.info(rung.name);
    const { signal } = this.room;
    const many = source.ask("draws", rung.name, { query: { law, n: MANY, seed: SEED }, signal });
    const [points, labels, drawn, wide] = await Promise.all([view.points(rung.name), view.labels(rung.name), drawsOf(info, law, SEED, signal), many]);
    const flat = new Flat(info);
    const places = flat.places(points);
    // every run is turned towards the first, so that the same images stay on the same side
    const first = rung === this.rungs[0] ? null : await this.load(this.rungs[0]);
    // the unit is the spread of draws: the means of a model that ignores its latents are all but one place
    const matrix = aligning(places, first && first.places.length === places.length ? first.places : places, spreadOf(flat.places(wide)));
    return { places: turned(places, matrix), labels, marks: turned(flat.places(drawn.latents), matrix), drawn };
  }

  /** @param {number} k */
  async choose(k) {
    const rung = this.rungs[k];
    const { signal: within, status, tell, story } = this.room;
    const signal = this.asks.next(within);
    this.seen.add(k);
    this.slider.value = String(k);
    this.slider.setAttribute("aria-valuetext", rung.label);
    this.name.textContent = rung.label;
    this.chart.choose(rung.name);
    const { vacancy, distortion } = rung;
    this.reading.textContent = [vacancy && `${Math.round(100 * vacancy.value)} % in holes`, distortion && `error ${distortion.value.toFixed(0).replace("-", "−")} nats`].filter(Boolean).join(", ");
    this.flag.hidden = rung.active_units !== 0;
    this.flag.textContent = rung.active_units === 0 ? `This model ignores its latents: 0 of ${rung.latent_dim} dimensions carry anything.` : "";
    if ((this.seen.size > 2 || this.isLinked) && story.ladder.short) this.said.textContent = story.ladder.short;
    this.question.hidden = this.guess.hidden = Boolean(this.said.textContent);
    tell({ beta: k ? rungKey(rung) : "" });
    try {
      const found = await this.load(rung);
      if (signal.aborted) return;
      status.say("", this);
      this.model.dataset.side = rung.beta === null ? "ae" : "vae";
      found.drawn.empty.forEach((empty, i) => this.strip.put(i, found.drawn.decoded, empty));
      await this.morph(found, signal);
      this.model.dataset.rung = rungKey(rung);
    } catch (error) {
      if (!signal.aborted) status.say(`This run does not show: ${/** @type {Error} */ (error).message}`, this);
    }
  }

  /**
   * Move the codes of the run before to those of this one.
   * @param {{places: Float32Array, labels: Int32Array | null, marks: Float32Array, drawn: import("./draws.js").SideDraws}} to
   * @param {AbortSignal} signal
   */
  async morph({ places, labels, marks, drawn }, signal) {
    const { plane } = this;
    const from = this.places?.length === places.length ? this.places : places;
    const isNew = this.places === null;
    const painted = paintedBy(labels, places.length / 2);
    const put = (/** @type {Float32Array} */ now) => {
      this.places = now;
      plane.setDots(now);
      plane.setColours(painted);
    };
    plane.above.setPins("draws", []);
    if (isNew) {
      plane.setAxes({ titles: ["", ""], alike: true });
      put(places);
      plane.setHome({ left: -3.2, right: 3.2, bottom: -3.2, top: 3.2 });
      plane.measure();
    }
    const began = performance.now();
    for (let share = from === places || isStill() ? 1 : 0; share < 1; share = Math.min(1, (performance.now() - began) / MORPH_MS)) {
      const eased = share * (2 - share);
      put(Float32Array.from(places, (end, k) => from[k] + eased * (end - from[k])));
      await new Promise(requestAnimationFrame);
      if (signal.aborted) return;
    }
    put(places);
    plane.above.setPins("draws", drawn.empty.map((empty, k) => ({ element: drawMark(empty), x: marks[2 * k], y: marks[2 * k + 1] })));
  }
}
