/** Step 4: where the codes of both models lie, and where the draws fall among them. */

import { button, h, segmented } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { dim, paint } from "../kit/pixels.js";
import { Plane, PLANE_STYLE } from "../kit/plane.js";
import { sides } from "../kit/sides.js";
import { svg } from "../kit/svg.js";
import { term } from "../kit/term.js";
import { lawOf } from "../latent/laws.js";
import { shown } from "../latent/numbers.js";
import { verdict } from "../latent/vacancy.js";
import { showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { classPaints } from "../plane/colours.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { Flat, spreadOf } from "./flat.js";
import { answers, modelBox } from "./pieces.js";
import { calledOf, titleOf } from "./story.js";

/** @typedef {import("./pieces.js").Step} Step */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./draws.js").Round} Round */

export { PLANE_STYLE };

const REACH_PX = 12; // within which the pointer means a draw
const GREYS = 1;
const MOST_OF_PRIOR = 2; // standard deviations: on a plane 86 of 100 draws lie within

/**
 * Colours of images by their classes, or grey where there are none.
 * @param {Int32Array | null} labels
 * @param {number} count
 * @returns {import("../kit/planedots.js").Painted}
 */
export function paintedBy(labels, count) {
  const classes = labels ? Math.max(0, ...new Set(labels)) + 1 : GREYS;
  const entries = Array.from({ length: classes }, (_, colour) => ({ colour: labels ? colour : -1 }));
  return { codes: labels ? Uint16Array.from(labels) : new Uint16Array(count), paints: (palette) => classPaints(entries, palette) };
}

/** A draw on a plane: a ring, or hatched and square in a hole. @param {boolean} empty */
export const drawMark = (empty) => h(empty ? "span.xp-st-mark.xp-st-hatched" : "span.xp-st-mark");

/** The codes of one model, and what is decoded under the pointer. */
class WhySide {
  /**
   * @param {import("./story.js").Model} model
   * @param {{say: (words: string, who?: unknown) => void}} status
   */
  constructor({ info, side }, status) {
    this.info = info;
    this.flat = new Flat(info);
    const title = titleOf(side);
    /** @type {{x: number, y: number, latent: Float32Array}[]} */
    this.marks = [];
    this.canvas = h("canvas.xp-image", { width: info.image_shape[2], height: info.image_shape[1], role: "img", "aria-label": `decode of the ${title} under the pointer` });
    this.words = h("p.xp-trust", { "aria-live": "polite" });
    this.here = h("span.xp-st-here");
    this.decode = h("div.xp-st-decode", { hidden: true }, this.canvas, this.words);
    this.plane = new Plane(`codes of the ${title}; arrow keys move the window, plus and minus zoom, Enter decodes its middle`, {
      wander: (x, y) => this.point(x, y),
      tap: ({ x, y }) => this.point(x, y),
    });
    this.looks = new NewestWins(
      async (/** @type {Float32Array} */ latent) => {
        const [decoded, p] = await Promise.all([source.decode(info.name, latent, 1), source.ask("vacancies", info.name, { body: latent })]);
        return { decoded, p: /** @type {Float32Array} */ (p)[0] };
      },
      ({ decoded, p }, latent) => {
        status.say("", this);
        this.decode.hidden = false;
        dim(this.canvas, false);
        paint(this.canvas, decoded);
        this.canvas.dataset.latent = Array.from(latent).join(",");
        const said = verdict(p);
        showVerdict(this.words, { ...said, text: said.text.split(":")[0] }, ""); // how far, Holes tells
      },
      (error) => status.say(/** @type {Error} */ (error).message, this),
      1,
    );
    this.element = modelBox(title, this.plane.element, this.decode);
  }

  /** @param {Float32Array} points @param {Int32Array | null} labels */
  show(points, labels) {
    const { plane, flat } = this;
    plane.setDots(flat.places(points));
    plane.setColours(paintedBy(labels, points.length / this.info.latent_dim));
    plane.setAxes({ titles: ["", ""], alike: true });
    plane.setHome();
    plane.measure();
    const [x, y] = flat.places(new Float32Array(this.info.latent_dim));
    plane.above.setShapes("prior", [svg("circle", { cx: x, cy: y, r: MOST_OF_PRIOR, class: "xp-st-prior" })]);
  }

  /** Lay draws over the codes. @param {import("./draws.js").SideDraws[]} drawn */
  lay(drawn) {
    const d = this.info.latent_dim;
    this.marks = [];
    const pins = drawn.flatMap(({ latents, empty }) => {
      const places = this.flat.places(latents);
      return empty.map((isEmpty, k) => {
        const [x, y] = [places[2 * k], places[2 * k + 1]];
        this.marks.push({ x, y, latent: latents.slice(k * d, (k + 1) * d) });
        return { element: drawMark(isEmpty), x, y };
      });
    });
    this.plane.above.setPins("draws", pins);
    this.plane.element.dataset.draws = String(pins.length);
    const first = drawn[0].empty.indexOf(true);
    this.look(this.marks[Math.max(0, first)]);
  }

  /** Decode a draw near by, else the place itself. @param {number} x @param {number} y */
  point(x, y) {
    const { pane } = this.plane;
    if (!pane) return;
    const near = this.marks.map((mark) => ({ mark, gap: Math.hypot(pane.px(mark.x) - pane.px(x), pane.py(mark.y) - pane.py(y)) })).sort((a, b) => a.gap - b.gap)[0];
    this.look(near && near.gap <= REACH_PX ? near.mark : { x, y, latent: this.flat.latent(x, y) });
  }

  /** Decode a place, and show which. @param {{x: number, y: number, latent: Float32Array}} place */
  look({ x, y, latent }) {
    this.looks.ask(latent);
    this.plane.above.setPins("here", [{ element: this.here, x, y }]);
  }
}

/** @implements {Step} */
export class Why {
  /** @param {import("./pieces.js").StartRoom} room */
  constructor(room) {
    this.room = room;
    const { models, state } = room;
    const { laws } = models[0].info;
    this.law = laws.some(({ name }) => name === state.law) ? /** @type {string} */ (state.law) : "raw";
    this.laid = state.laid === "1";
    this.parts = models.map((model) => new WhySide(model, room.status));
    const options = laws.map(({ name: value, plain: text, hint }) => ({ value, text, hint }));
    this.choice = segmented("From", options, this.law, (law) => {
      this.law = law;
      this.lay();
    });
    this.question = h("p", {}, "Each dot is the ", term("code"), " of an image; the dashed circle holds most draws from the ", term("prior"), ". Whose codes spread as far?");
    const both = models.length > 1;
    /** Which model somebody thinks that is; null without a guess. @type {number | null} */
    this.guessed = null;
    this.guess = both
      ? answers("Your guess:", models.map(({ side }) => titleOf(side)), (k) => {
          this.guessed = k;
          this.lay();
        })
      : null;
    this.press = button("Lay the draws over", "Draws of both models, as in the steps before", () => this.lay());
    this.press.classList.add("xp-st-press");
    this.said = h("p.xp-st-said", { role: "status" });
    this.key = h("p.xp-st-key", { hidden: true }, h("span.xp-st-mark.xp-st-hatched", { "aria-hidden": "true" }), models[0].info.latent_dim > 2 ? `a hole in ${models[0].info.latent_dim} dimensions` : "in a hole");
    this.told = h("div.xp-st-told");
    const [left, right] = ["ae", "vae"].map((which) => this.parts[models.findIndex(({ side }) => side === which)]?.element ?? null);
    this.choice.hidden = true;
    this.element = h("div", {}, h("div.xp-st-stage.xp-st-why", {}, sides(left, right), h("div.xp-st-act", {}, this.question, this.guess, this.press, this.choice, this.said, this.key)), more("More", this.told));
  }

  async open() {
    const { models, signal } = this.room;
    const found = await Promise.all(models.map(async ({ info }) => ({ points: await view.points(info.name), labels: await view.labels(info.name) })));
    signal.throwIfAborted();
    this.points = found.map(({ points }) => points);
    const d = models[0].info.latent_dim;
    if (d === 1) {
      this.said.textContent = "One latent dimension has no plane: its codes lie on a line.";
      for (const { plane } of this.parts) plane.element.hidden = true;
    } else this.parts.forEach((part, k) => part.show(found[k].points, found[k].labels));
    this.tellMore();
    if (this.laid) await this.lay();
  }

  /** Lay the draws of the law over both maps. */
  async lay() {
    const { rounds, signal, status, tell } = this.room;
    const { law } = this;
    try {
      const drawn = await Promise.all([1, 2, 3].map((seed) => rounds.get(law, seed)));
      if (signal.aborted || law !== this.law) return;
      status.say("", this);
      this.parts.forEach((part, i) => part.lay(drawn.map(({ sides: each }) => each[i])));
      this.choice.hidden = this.key.hidden = false;
      this.press.hidden = true;
      this.question.hidden = true;
      if (this.guess) this.guess.hidden = true;
      this.said.textContent = this.words();
      tell({ laid: "1", law: law === "raw" ? "" : law });
      this.tellMore();
    } catch (error) {
      if (!signal.aborted) status.say(`No draws: ${/** @type {Error} */ (error).message}`, this);
    }
  }

  /** What is counted in front of the visitor: how far codes spread beside the draws. */
  words() {
    const { models } = this.room;
    if (this.law !== "raw") return `Drawn ${lawOf(models[0].info, this.law).title}.`;
    const spreads = models.map((_, k) => spreadOf(this.points?.[k] ?? [1]));
    const told = `Spread against the prior's: ${models.map(({ side }, k) => `${calledOf(side)} ${shown(spreads[k], 2)}`).join(", ")}.`;
    if (this.guessed === null || models.length < 2) return told;
    const gaps = spreads.map((spread) => Math.abs(Math.log(spread)));
    const nearest = gaps.indexOf(Math.min(...gaps));
    return `${this.guessed === nearest ? "Right" : "No"}: the ${calledOf(models[nearest].side)}'s. ${told}`;
  }

  tellMore() {
    const { models, story } = this.room;
    const { latent_dim: d } = models[0].info;
    const flat = d > 2 ? `A map shows 2 of ${d} dimensions, those along which the codes of each model differ most. A draw that seems to lie among codes may be far from all of them in the other ${d - 2}: whether it lies in a hole is measured in all ${d}.` : "";
    const words = this.laid || !this.choice.hidden ? story.laws[this.law].words : [];
    const how = "Point at a map, or press Enter in it, to decode that place. The draws have seeds 1 to 3, as in the steps before. The dashed circle has a radius of two standard deviations of the prior, within which 86 of 100 of its draws fall on a map. Spread is the root mean square of the codes per dimension about zero, in standard deviations of the prior, counted here.";
    this.told.replaceChildren(...[flat, how, ...words].filter(Boolean).map((said) => h("p.xp-prose", {}, said)));
  }
}
