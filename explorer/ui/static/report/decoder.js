/** Where the pictures of a run are computed, why, and a switch. */

import { h, segmented } from "../kit/dom.js";
import { shown } from "../latent/numbers.js";
import { source } from "../source/source.js";

/**
 * How the pictures of a run come about, as a sentence; "" while that is not known.
 * @param {string} run
 * @param {import("../source/programs.js").DecoderState | null} state
 */
export function decoderWords(run, state) {
  if (!state) return "";
  if (state.here) return `Pictures of ${run} are computed in this browser, ${shown(state.ms ?? 0, 2)} ms each.`;
  return `Pictures of ${run} are computed by the server${state.trouble ? `: ${state.trouble}` : ", as you chose"}.`;
}

export class DecoderLine {
  constructor() {
    /** @type {string[]} */
    this.runs = [];
    /** Which way the switch stands; null before it is there. @type {boolean | null} */
    this.shown = null;
    this.words = h("p.xp-hint", { "aria-live": "polite" });
    this.choice = h("div.xp-bar");
    this.element = h("section", {}, h("h3", {}, "Where pictures are computed"), this.choice, this.words);
    source.programs.addEventListener("changed", () => this.show());
  }

  /** @param {string[]} runs */
  setRuns(runs) {
    this.runs = runs;
    for (const run of runs) source.programs.want(run, "decoder");
    this.show();
  }

  show() {
    const { programs } = source;
    this.words.textContent = [...this.runs.map((run) => decoderWords(run, programs.state(run))), source.cannot].filter(Boolean).join(" ");
    if (this.shown === programs.wanted || programs.alone) return; // what somebody points at stays where it is
    this.shown = programs.wanted;
    this.choice.replaceChildren(
      segmented(
        "Pictures",
        [
          { value: "here", text: "in this browser", hint: "Nothing is asked of the server while you move" },
          { value: "server", text: "by the server", hint: "Every picture is asked of the server; ?decoder=server in the address does the same" },
        ],
        programs.wanted ? "here" : "server",
        (chosen) => programs.switchTo(chosen === "here"),
      ),
    );
  }
}
