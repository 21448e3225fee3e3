/** The fit that was begun on this page: what it does, how far it is, and what stops it or lets it go on. */

import { button, h } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { source } from "../source/source.js";

/**
 * A fit that goes on, or the last one (explorer/views/fitting.py, `fit_words`).
 * @typedef {object} FitTold
 * @property {"starting" | "running" | "done" | "stopped" | "failed"} state `stopped`: it can go on.
 * @property {string[]} names Of its runs, in the order in which they are fitted.
 * @property {string} sentence
 * @property {string} command
 * @property {number} seconds
 */

/** @param {{state: string} | null} fit */
export const isOn = (fit) => fit?.state === "starting" || fit?.state === "running";

/**
 * What is said of a fit.
 * @param {FitTold} fit
 * @param {{epoch: number, epochs: number | null} | undefined} grown How far the run is that it fits now.
 */
export function fitSentence({ state, names, sentence, seconds }, grown) {
  if (!isOn({ state })) return sentence;
  const done = grown?.epochs ? grown.epoch / grown.epochs : 0;
  const doing = grown && done < 1 && grown.epoch > 0 ? `epoch ${grown.epoch}${grown.epochs ? ` of ${grown.epochs}` : ""}` : sentence;
  return `${names.join(" and ") || "a fit"}: ${doing}, ${seconds} s`;
}

export class FitLine {
  /** @param {() => void} changed Look again: something was asked for. */
  constructor(changed) {
    this.changed = changed;
    this.words = h("p", { role: "status" });
    this.bar = h("progress", { max: 1, "aria-label": "share of the fit" });
    this.said = h("p.xp-status", { role: "alert" });
    this.stop = button("Stop", "Save the state and end; it can go on later", () => this.ask("stop"));
    this.go = button("Go on", "Resume the fit from its saved state", () => this.ask("resume"));
    this.command = h("code.xp-fit-command");
    this.shown = more("Command", this.command);
    this.element = h("section.xp-fitline", { "aria-label": "fit of this page", hidden: true }, this.words, this.bar, h("div.xp-bar", {}, this.stop, this.go), this.said, this.shown);
  }

  /**
   * @param {FitTold | null} fit
   * @param {{name: string, epoch: number, epochs: number | null}[]} grown Runs that are being fitted.
   */
  show(fit, grown) {
    this.element.hidden = !fit || fit.state === "done";
    if (!fit) return;
    const mine = grown.find(({ name }) => fit.names.includes(name));
    const on = isOn(fit);
    const words = fitSentence(fit, mine);
    if (this.words.textContent !== words) this.words.textContent = words;
    this.element.dataset.state = fit.state;
    this.bar.hidden = !on;
    if (mine?.epochs && mine.epoch && mine.epoch < mine.epochs) this.bar.value = mine.epoch / mine.epochs;
    else this.bar.removeAttribute("value"); // nobody knows how long it starts or measures
    this.stop.hidden = !on;
    this.go.hidden = fit.state !== "stopped";
    this.command.textContent = fit.command;
    this.shown.hidden = !fit.command;
  }

  /** @param {"stop" | "resume"} what */
  async ask(what) {
    this.said.textContent = "";
    this.stop.disabled = this.go.disabled = true;
    try {
      await source.fitHere?.(what);
    } catch (error) {
      this.said.textContent = /** @type {Error} */ (error).message;
    }
    this.stop.disabled = this.go.disabled = false;
    this.changed();
  }
}
