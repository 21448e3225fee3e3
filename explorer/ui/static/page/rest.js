/** What the page prepares for the other tabs while nobody touches it. */

import { useStyle } from "../kit/dom.js";

const REST_MS = 1000;
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "input"]; // assistive technology moves a slider without a pointer
const MODULES = ["start/tab", "explore/tab", "map/tab", "interpolate/tab", "reconstruct/tab", "holes/tab", "report/tab"];

/** Whether nothing is to be fetched ahead: for those who pay for every byte, and on a phone, where it takes longer and a finger gives no notice. */
export const isSparing = () => Boolean(/** @type {any} */ (navigator).connection?.saveData || matchMedia("(pointer: coarse)").matches);

/**
 * Have the other tabs' modules and their style sheets there before they are opened, once nobody has moved for a while.
 * plotly.js is not among them: its 1.4 MB are for whoever opens curves.
 */
export function prepareAtRest() {
  if (isSparing()) return;
  const plane = () => import("../kit/plane.js").then(({ PLANE_STYLE }) => useStyle(PLANE_STYLE)); // a dozen modules, and not for the first picture
  const tabs = MODULES.map((name) => () => import(new URL(`../${name}.js`, import.meta.url).href).then(({ STYLE }) => useStyle(STYLE)));
  atRest([plane, ...tabs, async () => void (document.documentElement.dataset.rested = "")]);
}

/**
 * Do one thing after the other while nobody moves.
 * @param {(() => Promise<void>)[]} jobs
 */
export function atRest(jobs) {
  const left = [...jobs];
  let touched = performance.now();
  const touch = () => (touched = performance.now());
  const look = async () => {
    const wait = touched + REST_MS - performance.now();
    if (wait > 0 || document.hidden) {
      setTimeout(look, Math.max(wait, REST_MS / 4));
      return;
    }
    await left.shift()?.().catch(() => {}); // whoever needs what did not come asks again
    if (left.length) return look();
    for (const kind of TOUCHES) removeEventListener(kind, touch, { capture: true });
  };
  for (const kind of TOUCHES) addEventListener(kind, touch, { capture: true, passive: true });
  look();
}
