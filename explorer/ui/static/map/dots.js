/**
 * New colours for dots that stay where they are.
 *
 * plotly's restyle computes every dot anew, which takes a second for 60,000 of them. Where its WebGL scene is as we know
 * it, the colours go straight to the graphics; anywhere else the caller restyles.
 */

import { bytesOf } from "../plane/colours.js";

/** @typedef {{color: Float32Array, colorscale: (string | number)[][], cmin: number, cmax: number}} Marker */

const STOPS = 1024; // colours between the ends of a scale

/**
 * The colours of all dots, as plotly would find them.
 * @param {Marker} marker
 * @param {number} opacity Of every dot, from 0 to 1.
 * @returns {Uint8Array[] | null} RGBA of each; null where a value or a colour is not what `markerOf` makes.
 */
export function coloursOf({ color, colorscale, cmin, cmax }, opacity) {
  const stops = colorscale.map(([at, text]) => ({ at: Number(at), bytes: bytesOf(String(text)) }));
  const alpha = Math.round(255 * opacity);
  let k = 0;
  const table = Array.from({ length: STOPS + 1 }, (_, step) => {
    const t = step / STOPS;
    while (k < stops.length - 2 && t >= stops[k + 1].at) k++;
    const [{ at: low, bytes: from }, { at: high, bytes: to }] = [stops[k], stops[k + 1]];
    const share = high > low ? Math.min(1, Math.max(0, (t - low) / (high - low))) : 1;
    const mixed = /** @type {number[]} */ (from).map((byte, c) => byte + share * (/** @type {number[]} */ (to)[c] - byte));
    return Uint8Array.of(...mixed.map(Math.round), alpha);
  });
  const colours = Array.from(color, (value) => table[Math.round(STOPS * Math.min(1, Math.max(0, (value - cmin) / (cmax - cmin))))]);
  return colours.every(Boolean) ? colours : null; // no number has no place in the table
}

/**
 * Give the dots of a drawn scatter other colours.
 * @param {any} plot plotly's element, whose first trace is the dots.
 * @param {Marker} marker Of as many dots as are drawn.
 * @returns {boolean} Whether it was done; plotly's scene is its own affair and may change.
 */
export function recoloured(plot, marker) {
  const scene = plot._fullLayout?._plots?.xy?._scene;
  const [options] = scene?.markerOptions ?? [];
  const [trace] = plot.data ?? [];
  const canvases = plot._fullLayout?._glcanvas;
  const isKnown = typeof canvases?.each === "function" && scene?.markerOptions.length === 1 && typeof scene.scatter2d?.update === "function" && typeof scene.draw === "function";
  if (!isKnown || trace?.type !== "scattergl" || trace.selectedpoints || options?.positions?.length !== 2 * marker.color.length) return false;
  const colors = coloursOf(marker, trace.marker.opacity);
  if (!colors) return false;
  Object.assign(trace.marker, marker); // what the next drawing of plotly's own starts from
  Object.assign(options, { colors, borderColors: colors });
  scene.scatter2d.update([{ colors, borderColors: colors }]);
  canvases.each((/** @type {any} */ { regl }) => regl?.clear({ color: true, depth: true })); // else the old dots shine through
  scene.draw();
  return true;
}
