/** The t-SNE layout of a run: asked for, waited for, cancelled. */

import { button, h } from "../kit/dom.js";
import { source } from "../source/source.js";

const EVERY_MS = 700;

/**
 * @typedef {object} Progress
 * @property {"none" | "waiting" | "running" | "done" | "failed"} state
 * @property {number} points Images that are laid out.
 * @property {number} count Images there are.
 * @property {number} elapsed Seconds.
 * @property {number | null} expected Seconds in all.
 * @property {string | null} trouble
 * @property {string | null} ticket
 */

/**
 * How far a layout is, in words.
 * @param {Progress} progress
 */
export function progressWords({ state, elapsed, expected, trouble }) {
  if (state === "failed") return `${trouble} Press Compute to try again.`;
  if (state === "waiting") return "Waiting for another run's layout to be computed.";
  if (state === "running") return `${Math.round(elapsed)} s of about ${Math.round(expected ?? elapsed)} s.`;
  return "";
}

/** The panel that stands in the map's place until there is a layout. */
export class TsneWait {
  /**
   * @param {() => void} done Called when the layout is there.
   * @param {() => void} left Called when somebody does not want to wait.
   * @param {(words: string) => void} say
   */
  constructor(done, left, say) {
    this.done = done;
    this.left = left;
    this.say = say;
    /** @type {string | null} */
    this.run = null;
    /** @type {string | null} */
    this.ticket = null;
    this.words = h("p");
    this.bar = h("progress", { max: 1, "aria-label": "computing the t-SNE layout" });
    this.state = h("p.xp-hint", { role: "status" });
    this.compute = button("Compute", "Start the computation on the server; everybody who asks for this run shares it", () => this.start());
    this.cancel = button("Cancel", "Stop waiting, and go back to the other plane", () => this.giveUp());
    this.element = h("div.xp-tsne", { hidden: true }, h("h3", {}, "t-SNE"), this.words, this.bar, this.state, h("div.xp-bar", {}, this.compute, this.cancel));
  }

  /**
   * Whether a run's layout is there; where it is not, the panel says what to do.
   * @param {string} run
   * @returns {Promise<boolean>}
   */
  async ready(run) {
    this.run = run;
    this.ticket = null;
    const progress = /** @type {Progress} */ (await source.ask("tsne", run));
    if (this.run !== run) return false;
    if (progress.state === "done") {
      this.hide();
      return true;
    }
    this.show(progress);
    if (progress.state === "running" || progress.state === "waiting") this.start(); // with whoever asked first
    return false;
  }

  hide() {
    this.run = null;
    clearTimeout(this.timer);
    this.element.hidden = true;
  }

  /** @param {Progress} progress */
  show(progress) {
    const { state, points, count, elapsed, expected } = progress;
    const some = points < count ? `${points.toLocaleString("en")} of ${count.toLocaleString("en")} images, drawn at random,` : `All ${count.toLocaleString("en")} images`;
    this.words.textContent =
      `${some} are laid out so that neighbours in latent space stay neighbours. ` +
      "Distances between far groups and their sizes mean nothing, and there is nothing to decode between the dots. " +
      "It is computed once and kept; it takes from a few seconds to a minute.";
    const busy = state === "running" || state === "waiting";
    this.compute.hidden = busy;
    this.bar.hidden = !busy;
    if (state === "running" && expected) this.bar.value = Math.min(1, elapsed / expected);
    else this.bar.removeAttribute("value");
    this.state.textContent = progressWords(progress);
    this.element.hidden = false;
  }

  async start() {
    const { run } = this;
    if (!run) return;
    try {
      const progress = await source.ask("startTsne", run);
      if (this.run !== run) return;
      this.ticket = progress.ticket;
      this.take(run, progress);
    } catch (error) {
      if (this.run !== run) return;
      this.say(/** @type {Error} */ (error).message);
      this.offer(); // who only joined somebody else's must be able to ask again
    }
  }

  /** Nothing is computed as far as is known: it can be asked for. */
  offer() {
    this.compute.hidden = false;
    this.bar.hidden = true;
    this.state.textContent = "";
  }

  /**
   * @param {string} run
   * @param {Progress} progress
   */
  take(run, progress) {
    this.say("");
    if (progress.state === "done") {
      this.hide();
      return this.done();
    }
    this.show(progress);
    clearTimeout(this.timer);
    if (progress.state === "running" || progress.state === "waiting") this.timer = setTimeout(() => this.look(run), EVERY_MS);
  }

  /** @param {string} run */
  async look(run) {
    try {
      const progress = await source.ask("tsne", run, { query: this.ticket ? { ticket: this.ticket } : {} });
      if (this.run === run) this.take(run, progress);
    } catch (error) {
      if (this.run !== run) return;
      this.say(/** @type {Error} */ (error).message);
      this.timer = setTimeout(() => this.look(run), 10 * EVERY_MS);
    }
  }

  giveUp() {
    const { run, ticket } = this;
    if (run && ticket) source.ask("cancelTsne", run, { query: { ticket } }).catch(() => {}); // it ends unwatched
    this.hide();
    this.left();
  }
}
