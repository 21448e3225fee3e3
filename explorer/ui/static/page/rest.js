/** What the page prepares for the other tabs while nobody touches it. */

import { useStyle } from "../kit/dom.js";

const REST_MS = 1000;
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "input"]; // assistive technology moves a slider without a pointer
const MODULES = ["start/tab", "explore/tab", "map/tab", "interpolate/tab", "reconstruct/tab", "holes/tab", "report/tab"];

/**
 * Have the other tabs' modules and their style sheets there before they are opened, once nobody has moved for a while.
 * plotly.js is not among them: its 1.4 MB are for whoever opens curves. Nothing is fetched ahead for those who
 * pay for every byte, nor on a phone, where it takes longer and a finger gives no notice.
 */
export function prepareAtRest() {
  if (/** @type {any} */ (navigator).connection?.saveData || matchMedia("(pointer: coarse)").matches) return;
  const plane = () => import("../kit/plane.js").then(({ PLANE_STYLE }) => useStyle(PLANE_STYLE)); // a dozen modules, and not for the first picture
  const jobs = [plane, ...MODULES.map((name) => () => import(new URL(`../${name}.js`, import.meta.url).href).then(({ STYLE }) => useStyle(STYLE)))];
  let touched = performance.now();
  const touch = () => (touched = performance.now());
  const look = async () => {
    const left = touched + REST_MS - performance.now();
    if (left > 0 || document.hidden) {
      setTimeout(look, Math.max(left, REST_MS / 4));
      return;
    }
    const job = jobs.shift();
    if (!job) {
      for (const kind of TOUCHES) removeEventListener(kind, touch, { capture: true });
      document.documentElement.dataset.rested = "";
      return;
    }
    await job().catch(() => {}); // whoever needs what did not come asks again
    look();
  };
  for (const kind of TOUCHES) addEventListener(kind, touch, { capture: true, passive: true });
  look();
}
