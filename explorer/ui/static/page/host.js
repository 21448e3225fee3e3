/** What joins a live part of the page to its host: the run comes in, wishes go out. */

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
 */
export function follow({ element, props, trigger, watch }, tab, update) {
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
    inSight = entries[entries.length - 1].isIntersecting;
    if (inSight) view.setTab(tab);
    bring();
  }).observe(element);
  watch("value", () => view.setRun(props.value));
  view.setRun(props.value);
  view.askPage = (wish) => trigger("select", wish);
  view.checkWish(); // the page itself opens the run and tab of a link (app.py); the latent is ours
}
