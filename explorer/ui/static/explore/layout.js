/** What stands where on Explore: the pictures and what a hand moves above the fold, all else behind More. */

import { button, h } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { source } from "../source/source.js";
import { chosen } from "./starts.js";

/** @typedef {import("./tab.js").Panel} Panel */

/** The pictures, the buttons, what moves the latent, and the strip along the active slider. @param {Panel} panel @returns {HTMLElement} */
export function foldOf({ pair, starts, undoButton, redoButton, square, sliders, strip }) {
  return h(
    "div.xp-explore",
    {},
    pair,
    h(
      "div.xp-controls",
      {},
      h("div.xp-bar", { role: "group", "aria-label": "where to start" }, ...starts.buttons, undoButton, redoButton),
      h("div.xp-hands", {}, square.element, sliders.element),
      strip.element,
    ),
  );
}

/** Everything else. @param {Panel} panel @returns {HTMLDetailsElement} */
export function moreOf(panel) {
  const { starts, caption, beside, stage, setsPlace, sliders, lattice, variations, finder, saving } = panel;
  return more(
    "More",
    h(
      "div.xp-bar",
      {},
      starts.originButton,
      button("Reset", "Back to where you started", chosen(() => panel.load(panel.start, panel.whence))),
      ...starts.fields,
    ),
    h("div.xp-column", { "aria-live": "polite" }, caption, beside.caption, stage.told, beside.told),
    starts.levels,
    setsPlace,
    sliders.about,
    lattice.element,
    ...(source.can("variations") ? [variations.element] : []),
    ...(source.can("direction") ? [finder.element] : []),
    saving.element,
  );
}
