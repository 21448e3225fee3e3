/** What joins a live part of the page to its host: the run comes in, wishes go out. */

import "./preparing.js";
import { view } from "./view.js";

/**
 * What gr.HTML hands to the code of a live part.
 * @typedef {object} Host
 * @property {HTMLElement} element
 * @property {{value: any}} props Its value is the run's name, or null.
 * @property {(event: string, data?: object) => void} trigger
 * @property {(prop: string, changed: () => void) => void} watch
 */

/**
 * Join a live part to the view: the picker's run comes in, wishes go out, and `update` is called with the run whenever
 * it changed and the part is in sight.
 * @param {Host} host
 * @param {string} tab Which tab it stands on.
 * @param {(run: string | null) => void} update
 * @param {() => void} [leave] Called when the part goes out of sight.
 */
export function follow(host, tab, update, leave = () => {}) {
  const { element } = host;
  let stale = true;
  let inSight = false;
  const bring = () => {
    if (stale && inSight) {
      stale = false;
      update(view.run);
    }
  };
  view.addEventListener("run", () => {
    stale = true;
    bring();
  });
  new IntersectionObserver((entries) => {
    const now = entries[entries.length - 1].isIntersecting;
    if (inSight && !now && !element.offsetParent) leave(); // not for what was scrolled away
    inSight = now;
    if (inSight) view.setTab(tab);
    bring();
  }).observe(element);
  join(host);
}

/**
 * Let a part bring the run of the page's picker, and take wishes there. What a part of a tab asks for is lost on gradio's
 * page once another tab is open, so the header's word goes before that of any tab.
 * @param {Host} host
 * @param {boolean} [isHeader]
 */
export function join({ props, trigger, watch }, isHeader = false) {
  watch("value", () => view.setRun(props.value));
  view.setRun(props.value);
  if (isHeader || !view.askPage) view.askPage = (wish) => askHost(trigger, wish);
  view.checkWish(); // the page itself opens the run and tab of a link (app.py); the latent is ours
}

/** The run that was asked for last, until it is there. @type {string | null} */
let awaited = null;

/**
 * Ask what holds the page for a run or a tab. Gradio's own tab bar is hidden but works: pressing it opens a tab without
 * a question to the server; the page without gradio does both by itself.
 * @param {Host["trigger"]} trigger
 * @param {{run?: string, tab?: string}} wish
 */
function askHost(trigger, { run, tab }) {
  const press = tab === undefined ? null : document.getElementById(`explorer-${tab}-button`);
  if (run !== undefined) awaited = run;
  press?.click();
  if (press) view.setTab(/** @type {string} */ (tab));
  if (run !== undefined || !press) trigger("select", { ...(run === undefined ? {} : { run }), ...(press || tab === undefined ? {} : { tab }) });
}

// gradio answers several quick wishes with one of them, not always the last: one that was passed over is asked for again
view.addEventListener("run", () => {
  const run = awaited;
  awaited = null;
  if (run !== null && run !== view.run) view.askPage?.({ run });
});
