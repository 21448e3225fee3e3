/** plotly.js: loaded once, and how its figures behave under a wheel, a finger and on a phone. */

import { h } from "./dom.js";
import { heldScript } from "./held.js";

/** @type {Promise<any> | null} */
let loading = null;

/** plotly.js, loaded once. @returns {Promise<any>} */
export function plotly() {
  loading ??= heldScript("plotly.min.js").then((here) => new Promise((resolve, reject) => {
    const src = here ?? new URL("../plotly.min.js", import.meta.url).href;
    const onload = () => resolve(/** @type {any} */ (globalThis).Plotly);
    document.head.append(h("script", { src, onload, onerror: () => reject(new Error("plotly.js did not load; reload the page.")) }));
  }));
  loading.catch(() => (loading = null));
  return loading;
}

/** What every figure has in common. */
export const CONFIG = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

/**
 * A pointed somebody hovers or clicks.
 * @typedef {object} Pointed
 * @property {number | null} index Image there; null on empty space.
 * @property {number} x In data coordinates.
 * @property {number} y
 * @property {MouseEvent} event
 */

/** CSS pixels below which a figure is drawn with less ink beside it. */
export const NARROW = 480;

/** Whether the main pointer is a finger, whose swipes belong to the page. */
export const isCoarse = () => matchMedia("(pointer: coarse)").matches;

/**
 * Leave the wheel to the page, unless a key says that it is meant for the plot.
 * @param {{ctrlKey: boolean, metaKey: boolean, stopPropagation: () => void}} event
 */
export function keepWheel(event) {
  if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
}

/**
 * Less ink beside the drawing, for a phone.
 * @param {any[]} data
 * @param {any} layout
 */
export function compact(data, layout) {
  layout.font = { ...layout.font, size: 11 };
  layout.margin = { l: 38, r: 6, t: 32, b: 36 };
  for (const axis of [layout.xaxis, layout.yaxis, layout.yaxis2]) if (axis?.title) axis.title = { ...axis.title, font: { size: 11 } };
  for (const trace of data) {
    const bar = trace.colorbar ?? trace.marker?.colorbar;
    if (bar) Object.assign(bar, { thickness: 8, title: { ...bar.title, font: { size: 11 } } });
  }
}

/**
 * What plotly's event says, as a pointed.
 * @param {any} e
 * @returns {Pointed | null}
 */
export function pointed(e) {
  const point = e.points?.find((/** @type {any} */ p) => Number.isInteger(p.customdata)) ?? null;
  const x = point ? point.x : e.xvals?.[0];
  const y = point ? point.y : e.yvals?.[0];
  if (!Number.isFinite(x) || !Number.isFinite(y)) return null;
  return { index: point ? point.customdata : null, x, y, event: e.event };
}
