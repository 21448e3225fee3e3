/** What lies under the codes of a plane of Holes: the colours of a layer as a picture, and its colour bar or classes. */

import { h } from "../kit/dom.js";
import { bytesOf, paintOf } from "../plane/colours.js";
import { legendOf } from "./layers.js";

const ALPHA_AT = 1 + Math.log10(0.05) / 3; // where a p-value of 0.05 stands on a scale from 0.001 to 1
const P_TICKS = [0.001, 0.01, 0.05, 0.2, 1];
const FAINT = 0.45; // share of the page's colour in that of a class, so that dots of the same colours stay in sight
const STOPS = 256;

/**
 * A layer of a plane.
 * @typedef {object} Sheet
 * @property {ArrayLike<number>} values (size * size), by row from below.
 * @property {number} size
 * @property {"p-values" | "classes" | "plain"} scale How they become colours; p-values are base-10 logarithms.
 * @property {[number, number]} ends Values at the ends of the colours.
 * @property {string} bar What they measure, with the unit.
 * @property {{class: number, name: string, share: number, at: [number, number] | null}[]} classes
 */

/** @typedef {(name: string) => string} Token A colour of the theme by its name. */

/**
 * @param {number[]} one Red, green, blue.
 * @param {number[]} other
 * @param {number} share Of the other.
 */
const mixed = (one, other, share) => one.map((byte, c) => Math.round(byte + share * (other[c] - byte)));

/**
 * Colours of a class on a plane, faint.
 * @param {number} number
 * @param {Token} token
 */
const classBytes = (number, token) => mixed(bytesOf(token(`class-${number % 10}`)), bytesOf(token("supported")), FAINT);

/**
 * Colours of a layer from its lowest value to its highest, as red, green and blue.
 * @param {Sheet["scale"]} scale
 * @param {Token} token
 * @returns {{at: number, bytes: number[]}[]}
 */
function stopsOf(scale, token) {
  if (scale === "p-values") {
    const [hole, supported] = [bytesOf(token("lonely")), bytesOf(token("supported"))];
    return [
      { at: 0, bytes: hole },
      { at: ALPHA_AT, bytes: mixed(supported, hole, 0.38) },
      { at: 1, bytes: supported },
    ];
  }
  const ramp = token("ramp").split(/\s*,\s*/);
  return ramp.map((stop, k) => ({ at: k / (ramp.length - 1), bytes: bytesOf(stop) }));
}

/** @param {{at: number, bytes: number[]}[]} stops @param {number} share In [0, 1]. */
function along(stops, share) {
  const k = Math.max(0, Math.min(stops.length - 2, stops.filter(({ at }) => at <= share).length - 1));
  const [from, to] = [stops[k], stops[k + 1]];
  return mixed(from.bytes, to.bytes, (share - from.at) / (to.at - from.at));
}

/**
 * The colours of a layer, a pixel for each value; the first row is the upper one.
 * @param {Sheet} sheet
 * @param {Token} token
 * @returns {Uint8ClampedArray} RGBA, (size * size * 4)
 */
export function groundPixels({ values, size, scale, ends }, token) {
  const pixels = new Uint8ClampedArray(4 * size * size);
  const paints = new Uint32Array(pixels.buffer);
  const opaque = (/** @type {ArrayLike<number>} */ bytes) => paintOf(bytes) | (255 << 24);
  const stops = scale === "classes" ? [] : stopsOf(scale, token);
  const table = Uint32Array.from({ length: stops.length ? STOPS : 0 }, (_, k) => opaque(along(stops, k / (STOPS - 1))));
  /** @type {Map<number, number>} */
  const known = new Map();
  const classPaint = (/** @type {number} */ value) => {
    const paint = known.get(value) ?? opaque(classBytes(value, token));
    known.set(value, paint);
    return paint;
  };
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const value = values[(size - 1 - row) * size + column];
      const share = Math.min(1, Math.max(0, (value - ends[0]) / (ends[1] - ends[0])));
      paints[row * size + column] = scale === "classes" ? classPaint(value) : table[Math.round(share * (STOPS - 1))];
    }
  }
  return pixels;
}

/**
 * A colour bar, or the classes with their shares.
 * @param {Sheet} sheet
 * @param {Token} token
 */
export function groundKey({ scale, ends, bar, classes }, token) {
  if (scale === "classes") return legendOf(classes.map((each) => ({ ...each, colour: `rgb(${classBytes(each.class, token)})` })));
  const strip = h("div.xp-scale-strip", { "aria-hidden": "true" });
  const stops = stopsOf(scale, token).map(({ at, bytes }) => `rgb(${bytes}) ${100 * at}%`);
  strip.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  const ticks =
    scale === "p-values"
      ? P_TICKS.map((p) => ({ at: 1 + Math.log10(p) / 3, text: String(p) }))
      : [0, 0.5, 1].map((at) => ({ at, text: String(Number((ends[0] + at * (ends[1] - ends[0])).toPrecision(2))).replace("-", "−") }));
  const numbers = ticks.map(({ at, text }) => {
    const tick = h("span", {}, text);
    tick.style.left = `${100 * at}%`;
    return tick;
  });
  return h("div.xp-holes-bar", { role: "img", "aria-label": `scale of ${bar}, from ${ticks[0].text} to ${ticks[ticks.length - 1].text}` }, strip, h("div.xp-ticks", {}, ...numbers), h("small", {}, bar));
}
