/** Steps 2 and 3: ten draws of both models by the same random numbers, guessed first, counted, and the holes framed. */

import { button, h, segmented } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { fitWhole, paint } from "../kit/pixels.js";
import { sides } from "../kit/sides.js";
import { term } from "../kit/term.js";
import { lawOf } from "../latent/laws.js";
import { Bars } from "./bars.js";
import { emptyIn, TEN } from "./draws.js";
import { isStill, modelBox, pause, TenStrip, TenGuess } from "./pieces.js";
import { titleOf } from "./story.js";

/** @typedef {import("./pieces.js").Step} Step */
/** @typedef {import("./draws.js").Round} Round */
/** @typedef {import("./pieces.js").StartRoom} StartRoom */

/** Widest picture, in pixels, that leaves the ten and what is above them in sight. */
const large = () => Math.max(320, Math.min(480, innerHeight - 440));
const FRAME = 8;
const BEAT_MS = 260; // between one draw and the next
const WIDEST = 2.5; // standard deviations that fill the strip of the random numbers
const MOST_ROUNDS = 20;

/** Under which name the address says how often was drawn from a law. @type {Record<string, string>} */
export const ROUND_NAMES = { raw: "prior", white: "one", gmm10: "ten" };

/** What of a visit is kept under. @param {string} run @param {string} law */
export const guessKey = (run, law) => `${run} ${law}`;

/**
 * How often was drawn from a law, as an address says.
 * @param {Readonly<Record<string, string>>} state
 * @param {string} law
 */
export function roundsIn(state, law) {
  const count = Number(state[ROUND_NAMES[law]] ?? 0);
  return Number.isInteger(count) && count >= 0 && count <= MOST_ROUNDS ? count : 0;
}

/** One model: its draw on show, the guess, the ten, and how many lie in holes. */
class DreamSide {
  /**
   * @param {import("./story.js").Model} model
   * @param {(k: number) => void} chosen
   */
  constructor({ info, side }, chosen) {
    this.info = info;
    const title = titleOf(side);
    this.canvas = h("canvas.xp-image", { width: 1, height: 1, role: "img", "aria-label": `a draw of the ${title}` });
    this.frame = h("div.xp-st-large", { "data-open": "" }, this.canvas);
    const place = h("div.xp-st-back", {}, this.frame);
    this.fit = fitWhole(this.canvas, place, (room) => Math.min(large(), room - 2 * FRAME));
    this.guess = new TenGuess(`your guess for the ${title}, of ten`, () => {});
    this.strip = new TenStrip(`draws of the ${title}`, chosen);
    this.count = h("p.xp-st-count", { role: "status" });
    this.element = modelBox(title, place, h("div.xp-st-guessed", {}, h("span", {}, "guess"), this.guess.element), this.strip.element, this.count);
    const [, height, width] = info.image_shape;
    Object.assign(this.canvas, { width, height });
  }

  /** @param {Round} round @param {number} which @param {number} k */
  look(round, which, k) {
    const { decoded, empty, latents } = round.sides[which];
    const d = this.info.latent_dim;
    paint(this.canvas, decoded, k);
    this.fit();
    this.canvas.dataset.latent = Array.from(latents.subarray(k * d, (k + 1) * d)).join(",");
    this.frame.removeAttribute("data-open");
    this.frame.classList.toggle("xp-st-hatched", empty[k]);
  }
}

/** @implements {Step} */
export class Dream {
  /**
   * @param {StartRoom} room
   * @param {{laws: string[], question: () => import("../kit/dom.js").Child[]}} about
   */
  constructor(room, { laws, question }) {
    this.room = room;
    this.law = laws.includes(room.state.law ?? "") ? /** @type {string} */ (room.state.law) : laws[0];
    this.asks = new Latest();
    /** @type {Round[]} */
    this.made = [];
    this.parts = room.models.map((model) => new DreamSide(model, (k) => this.look(k)));
    const { info } = room.models[0];
    this.bars = new Bars("random numbers of both");
    const options = laws.map((value) => ({ value, text: lawOf(info, value).plain, hint: lawOf(info, value).hint }));
    this.choice = laws.length > 1 ? segmented("Draw from", options, this.law, (law) => this.setLaw(law)) : null;
    this.press = button("Draw ten", "Ten draws of each model, both decoded from the same random numbers", () => this.more());
    this.press.classList.add("xp-st-press");
    this.question = h("p", {}, ...question());
    this.said = h("p.xp-st-said", { role: "status" });
    this.told = h("div.xp-st-told");
    const key = h("p.xp-st-key", {}, h("span.xp-st-mark.xp-st-hatched", { "aria-hidden": "true" }), "hole");
    const [left, right] = ["ae", "vae"].map((which) => this.parts[room.models.findIndex(({ side }) => side === which)]?.element ?? null);
    this.element = h(
      "div",
      {},
      h("div.xp-st-stage", {}, sides(left, right), h("div.xp-st-act", {}, this.question, this.choice, this.press, this.said, key, h("figure.xp-st-noise", {}, this.bars.element, h("figcaption", {}, room.models.length > 1 ? "shared numbers" : "random numbers")))),
      more("More", this.told),
    );
  }

  async open() {
    await this.setLaw(this.law);
  }

  /** @param {string} law */
  async setLaw(law) {
    this.law = law;
    this.made = [];
    const { visit, state } = this.room;
    this.room.tell({ law: this.choice ? (law === "white" ? "" : law) : "" });
    for (const side of this.parts) {
      side.strip.clear();
      side.count.textContent = "";
      side.frame.classList.remove("xp-st-hatched");
      side.frame.dataset.open = "";
      const known = visit.of(guessKey(side.info.name, law));
      const open = side.guess;
      const fresh = new TenGuess(open.range.getAttribute("aria-label") ?? "", () => {});
      if (known) fresh.set(known.guess);
      open.element.replaceWith(fresh.element);
      side.guess = fresh;
    }
    this.bars.clear();
    this.said.textContent = "";
    this.question.hidden = false;
    this.press.textContent = "Draw ten";
    this.tellMore();
    const rounds = roundsIn(state, law);
    if (rounds) await this.draw(rounds, true);
  }

  /** Ten more. */
  async more() {
    await this.draw(this.made.length + 1, isStill());
  }

  /**
   * Have that many rounds drawn.
   * @param {number} count
   * @param {boolean} atOnce Without showing the last one draw by draw.
   */
  async draw(count, atOnce) {
    const { rounds, signal: within, status, tell } = this.room;
    const { law } = this;
    const signal = this.asks.next(within);
    this.press.disabled = true;
    try {
      const found = await Promise.all(Array.from({ length: Math.min(count, MOST_ROUNDS) }, (_, k) => rounds.get(law, k + 1)));
      if (signal.aborted) return;
      status.say("", this);
      const before = found.slice(0, -1);
      const last = found[found.length - 1];
      this.made = found;
      for (const { guess, strip } of this.parts) {
        guess.close();
        strip.clear();
      }
      for (let k = 0; k < TEN; k++) {
        this.parts.forEach(({ strip }, i) => strip.put(k, last.sides[i].decoded, last.sides[i].empty[k]));
        if (!atOnce || k === TEN - 1) this.look(k);
        this.count(before, last, k + 1);
        if (!atOnce && k < TEN - 1) await pause(BEAT_MS, signal);
      }
      this.keep(found[0]);
      tell({ [ROUND_NAMES[law]]: String(found.length) });
      this.reveal();
    } catch (error) {
      if (!signal.aborted) status.say(`No draws: ${/** @type {Error} */ (error).message}`, this);
    } finally {
      if (!signal.aborted) this.press.disabled = this.made.length >= MOST_ROUNDS;
    }
  }

  /**
   * @param {Round[]} before
   * @param {Round} last
   * @param {number} shown Of the last round.
   */
  count(before, last, shown) {
    this.parts.forEach(({ count }, i) => {
      const holes = emptyIn(before, i) + last.sides[i].empty.slice(0, shown).filter(Boolean).length;
      count.textContent = `holes: ${holes} of ${before.length * TEN + shown}`;
    });
  }

  /** @param {Round} first */
  keep(first) {
    this.parts.forEach(({ guess, info }, i) => {
      if (guess.value !== null) this.room.visit.note(guessKey(info.name, this.law), { guess: guess.value, found: emptyIn([first], i) });
    });
  }

  /** Say what is measured. */
  reveal() {
    const { short } = this.room.story.laws[this.law];
    this.question.hidden = true;
    this.said.textContent = [short ?? "Nothing is measured of these runs yet.", this.moral()].filter(Boolean).join(" ");
    this.press.textContent = "Draw ten more";
    this.tellMore();
  }

  /** What follows from this law beside the others, in a sentence; "" for nothing. */
  moral() {
    return "";
  }

  tellMore() {
    const { story, models } = this.room;
    const { words } = story.laws[this.law];
    const seeds = this.made.length > 1 ? `seeds 1 to ${this.made.length}` : "seed 1";
    const how = `Each round of ten has a seed of its own, counted from 1 (${seeds} so far): the same for everybody, and for both models. In a hole lies a draw farther from the codes of training images than 95 of 100 codes of new images are, so that 5 of 100 real images lie in holes too.`;
    this.told.replaceChildren(...(this.made.length ? words : []).map((said) => h("p.xp-prose", {}, said)), h("p.xp-prose", {}, lawOf(models[0].info, this.law).words), h("p.xp-prose", {}, how));
  }

  /** Show one draw of both. @param {number} k */
  look(k) {
    const last = this.made[this.made.length - 1];
    if (!last) return;
    const d = this.room.models[0].info.latent_dim;
    this.parts.forEach((side, i) => side.look(last, i, k));
    this.bars.draw(last.noise.subarray(k * d, (k + 1) * d), WIDEST);
  }
}

/** Step 2: from the prior. */
export class Nothing extends Dream {
  /** @param {StartRoom} room */
  constructor(room) {
    super(room, { laws: ["raw"], question: () => ["Random numbers: how many of ten land in a ", term("hole"), ", where no image is encoded?"] });
  }
}

/** Step 3: from bells that were fitted to the codes. */
export class Bell extends Dream {
  /** @param {StartRoom} room */
  constructor(room) {
    super(room, { laws: ["white", "gmm10"], question: () => ["Now from a ", term("bell"), " fitted to each model's own codes. How many holes are left?"] });
  }

  /** One bell leaves an autoencoder's holes where they are; ten, drawn where its codes are, leave few. */
  moral() {
    const { story, models } = this.room;
    const point = models.find(({ side }) => side === "ae")?.info.name ?? "";
    const [from, to] = ["white", "gmm10"].map((law) => Number(story.laws[law]?.empty[point] ?? NaN));
    if (!(from > 2 * to)) return "";
    return this.law === "gmm10" ? "So it can dream." : "Now try ten bells.";
  }
}
