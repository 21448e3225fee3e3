/**
 * Dots as pixels.
 *
 * A dot is a stamp of some pixels. Small stamps, of which there are many, take the colour of the last dot and add up in
 * opacity, so that a crowd looks denser than a few; that is one read and one write a pixel. Large stamps blend truly
 * and have smooth edges.
 */

import { HIDDEN } from "./colours.js";

const FINE = 4; // pixels of a stamp's width from which it is drawn with smooth edges
const CORNER = 0.35; // opacity of the corners of a stamp of three pixels, which would look like a square or a cross
const MOST_FINE = 20_000; // dots that are

/**
 * How dots are drawn.
 * @typedef {object} DotLook
 * @property {Uint16Array} codes Paint of each dot, in the order of the crowd.
 * @property {Uint32Array} paints
 * @property {Uint8Array} [behind] Per paint whether it is drawn first, as grey is.
 * @property {Uint8Array | null} [picked] Per dot whether it is selected; null where nothing is.
 * @property {Uint8Array | null} [strengths] Opacity of each dot in `LEVELS` steps from faint to full; null draws all alike.
 * @property {number} size Width of a dot, in pixels of the drawing.
 * @property {number} opacity In (0, 1].
 */

/** Opacity of what is not selected while something is, as a share of its usual one. */
export const FADED = 0.14;

/** Steps of a dot's own opacity. */
export const LEVELS = 16;

/** The drawing of a rectangle of pixels, with room at its edges for dots that are cut. */
export class Sheet {
  /**
   * @param {number} width Pixels.
   * @param {number} height
   * @param {number} edge Pixels beyond each side.
   */
  constructor(width, height, edge) {
    this.width = width;
    this.height = height;
    this.edge = edge;
    this.stride = width + 2 * edge;
    this.lines = height + 2 * edge;
    this.pixels = new Uint32Array(this.stride * this.lines);
  }

  clear() {
    this.pixels.fill(0);
  }

  /** What a canvas takes; it is put at (-edge, -edge). */
  get bytes() {
    return new Uint8ClampedArray(this.pixels.buffer);
  }
}

/**
 * Pixels of a round stamp: places from its upper left corner, and how much of each lies inside.
 * @param {number} size Width, in whole pixels.
 * @returns {{x: number, y: number, share: number}[]}
 */
export function stampOf(size) {
  const found = [];
  const radius = size / 2;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const away = Math.hypot(x + 0.5 - radius, y + 0.5 - radius);
      const share = size < FINE ? (away < radius - 0.1 || size < 3 ? 1 : CORNER) : Math.min(1, Math.max(0, radius + 0.5 - away));
      if (share > 0.02) found.push({ x, y, share });
    }
  }
  return found;
}

/**
 * What an alpha becomes under another layer, for each of the 256 there are, in the highest byte.
 * @param {number} opacity
 */
export function layered(opacity) {
  return Uint32Array.from({ length: 256 }, (_, alpha) => (Math.round(alpha + (255 - alpha) * opacity) << 24) >>> 0);
}

/**
 * `layered` for each level of a dot's own opacity, one after the other; once where all dots are alike.
 * @param {Uint8Array | null} strengths
 * @param {number} opacity
 */
function layers(strengths, opacity) {
  if (strengths === null) return layered(opacity);
  const all = new Uint32Array(256 * LEVELS);
  for (let level = 0; level < LEVELS; level++) all.set(layered((opacity * (level + 0.5)) / LEVELS), 256 * level);
  return all;
}

/**
 * Draw the dots of a window.
 * @param {Sheet} sheet
 * @param {import("./crowd.js").Crowd} crowd
 * @param {import("./pane.js").Pane} pane In pixels of the sheet.
 * @param {DotLook} look
 * @returns {number} Dots that were drawn.
 */
export function drawDots(sheet, crowd, pane, look) {
  const { codes, paints, behind = null, picked = null, strengths = null, opacity } = look;
  const size = Math.max(1, Math.min(2 * sheet.edge, Math.round(look.size)));
  const reach = (size + 1) / pane.across;
  const lift = (size + 1) / pane.up;
  const { left, right, bottom, top } = pane.box;
  const runs = crowd.runs({ left: left - reach, right: right + reach, bottom: bottom - lift, top: top + lift });
  const many = runs.reduce((sum, [from, to]) => sum + to - from, 0) > MOST_FINE;
  const draw = size < FINE || many ? drawMany : drawFine;
  /** @param {Uint8Array | null} flags @param {boolean} perDot @param {number} wanted @param {number} strength */
  const pass = (flags, perDot, wanted, strength) =>
    runs.reduce((sum, [from, to]) => sum + draw(sheet, crowd, pane, { codes, paints, strengths, size, opacity: strength, from, to, flags, perDot, wanted }), 0);
  if (picked) return pass(picked, true, 0, FADED * opacity) + pass(picked, true, 1, Math.max(opacity, 0.9));
  if (behind?.some(Boolean)) return pass(behind, false, 1, 0.7 * opacity) + pass(behind, false, 0, opacity);
  return pass(null, false, 0, opacity);
}

/**
 * @typedef {object} Pass
 * @property {Uint16Array} codes
 * @property {Uint32Array} paints
 * @property {Uint8Array | null} strengths
 * @property {number} size
 * @property {number} opacity
 * @property {number} from
 * @property {number} to
 * @property {Uint8Array | null} flags Of every dot or of every paint; null takes all.
 * @property {boolean} perDot Whose the flags are.
 * @property {number} wanted Flag of the dots that are drawn.
 */

/**
 * Where the upper left corners of stamps of `size` pixels stand: that of a dot at the plane's origin, and the furthest
 * ones that fit on the sheet, in pixels of the sheet and its edge.
 * @param {Sheet} sheet
 * @param {import("./pane.js").Pane} pane
 * @param {number} size
 */
function cornersOf({ stride, lines, edge }, { box, across, up }, size) {
  const middle = edge - size / 2 + 0.5;
  return { atX: middle - box.left * across, atY: middle + box.top * up, mostX: stride - size, mostY: lines - size };
}

/**
 * @param {Sheet} sheet
 * @param {import("./crowd.js").Crowd} crowd
 * @param {import("./pane.js").Pane} pane
 * @param {Pass} work
 */
function drawMany(sheet, { x, y }, pane, { codes, paints, strengths, size, opacity, from, to, flags, perDot, wanted }) {
  const { pixels, stride } = sheet;
  const { across, up } = pane;
  // the inside of a stamp, and its softer rim
  const stamp = stampOf(size).sort((a, b) => b.share - a.share);
  const offsets = Int32Array.from(stamp, (part) => part.y * stride + part.x);
  const parts = offsets.length;
  const inner = stamp.filter(({ share }) => share > 0.7).length;
  const next = layers(strengths, opacity);
  const faint = layers(strengths, 0.4 * opacity);
  const { atX, atY, mostX, mostY } = cornersOf(sheet, pane, size);
  let drawn = 0;
  for (let dot = from; dot < to; dot++) {
    const code = codes[dot];
    const paint = paints[code];
    if (paint === HIDDEN || (flags !== null && flags[perDot ? dot : code] !== wanted)) continue;
    const px = x[dot] * across + atX;
    const py = atY - y[dot] * up;
    if (!(px >= 0 && py >= 0 && px < mostX && py < mostY)) continue;
    const at = (py | 0) * stride + (px | 0);
    const row = strengths === null ? 0 : strengths[dot] << 8;
    if (parts === 1) {
      pixels[at] = paint | next[row + (pixels[at] >>> 24)];
    } else if (parts === 4) {
      pixels[at] = paint | next[row + (pixels[at] >>> 24)];
      pixels[at + 1] = paint | next[row + (pixels[at + 1] >>> 24)];
      pixels[at + stride] = paint | next[row + (pixels[at + stride] >>> 24)];
      pixels[at + stride + 1] = paint | next[row + (pixels[at + stride + 1] >>> 24)];
    } else {
      for (let k = 0; k < inner; k++) {
        const place = at + offsets[k];
        pixels[place] = paint | next[row + (pixels[place] >>> 24)];
      }
      for (let k = inner; k < parts; k++) {
        const place = at + offsets[k];
        pixels[place] = (pixels[place] ? pixels[place] & 0xffffff : paint) | faint[row + (pixels[place] >>> 24)]; // a rim covers no dot
      }
    }
    drawn++;
  }
  return drawn;
}

/**
 * @param {Sheet} sheet
 * @param {import("./crowd.js").Crowd} crowd
 * @param {import("./pane.js").Pane} pane
 * @param {Pass} work
 */
function drawFine(sheet, { x, y }, pane, { codes, paints, strengths, size, opacity, from, to, flags, perDot, wanted }) {
  const { pixels, stride } = sheet;
  const { across, up } = pane;
  const stamp = stampOf(size);
  const parts = stamp.length;
  const offsets = Int32Array.from(stamp, (part) => part.y * stride + part.x);
  const alphas = Float64Array.from(stamp, ({ share }) => share * opacity);
  const { atX, atY, mostX, mostY } = cornersOf(sheet, pane, size);
  let drawn = 0;
  for (let dot = from; dot < to; dot++) {
    const code = codes[dot];
    const paint = paints[code];
    if (paint === HIDDEN || (flags !== null && flags[perDot ? dot : code] !== wanted)) continue;
    const px = x[dot] * across + atX;
    const py = atY - y[dot] * up;
    if (!(px >= 0 && py >= 0 && px < mostX && py < mostY)) continue;
    const at = (py | 0) * stride + (px | 0);
    const red = paint & 255;
    const green = (paint >> 8) & 255;
    const blue = (paint >> 16) & 255;
    const strong = strengths === null ? 1 : (strengths[dot] + 0.5) / LEVELS;
    for (let k = 0; k < parts; k++) {
      const place = at + offsets[k];
      const under = pixels[place];
      const above = strong * alphas[k];
      if (under === 0) {
        pixels[place] = paint | ((255 * above + 0.5) << 24);
        continue;
      }
      const alpha = above + ((under >>> 24) / 255) * (1 - above);
      const share = above / alpha;
      const r = (under & 255) + share * (red - (under & 255)) + 0.5;
      const g = ((under >> 8) & 255) + share * (green - ((under >> 8) & 255)) + 0.5;
      const b = ((under >> 16) & 255) + share * (blue - ((under >> 16) & 255)) + 0.5;
      pixels[place] = ((255 * alpha + 0.5) << 24) | ((b & 255) << 16) | ((g & 255) << 8) | (r & 255);
    }
    drawn++;
  }
  return drawn;
}
