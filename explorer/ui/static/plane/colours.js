/** Colours of dots as numbers: paints of classes, and of a scale from low to high. */

/** A paint that is not drawn. */
export const HIDDEN = 0xffffffff;

/** Steps of a scale; one more code stands for what has no number. */
export const RAMP_STEPS = 256;

/**
 * Red, green and blue of a colour as the style sheets write it.
 * @param {string} text "#rrggbb" or "rgb(r, g, b)".
 * @returns {[number, number, number]}
 */
export function bytesOf(text) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  if (hex) return [parseInt(hex[1], 16), parseInt(hex[2], 16), parseInt(hex[3], 16)];
  const found = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(text.trim());
  if (!found) throw new Error(`a colour must be #rrggbb or rgb(r, g, b), not "${text}".`);
  return [Math.round(Number(found[1])), Math.round(Number(found[2])), Math.round(Number(found[3]))];
}

/**
 * A colour as a paint: its bytes in the order in which a canvas keeps them, without alpha.
 * @param {ArrayLike<number>} bytes Red, green, blue.
 */
export const paintOf = ({ 0: red, 1: green, 2: blue }) => ((blue << 16) | (green << 8) | red) >>> 0;

/** @param {number} paint @returns {[number, number, number]} Red, green, blue. */
export const partsOf = (paint) => [paint & 255, (paint >> 8) & 255, (paint >> 16) & 255];

/**
 * Paints of the entries of a legend.
 * @param {{colour: number}[]} entries Numbers in the palette, -1 for grey.
 * @param {{classes: string[], other: string}} palette
 * @param {Set<number>} [hidden] Entries.
 * @returns {Uint32Array} (entries)
 */
export function classPaints(entries, { classes, other }, hidden = new Set()) {
  return Uint32Array.from(entries, ({ colour }, k) => (hidden.has(k) ? HIDDEN : paintOf(bytesOf(colour < 0 ? other : classes[colour % classes.length]))));
}

/**
 * Paints of a scale, evenly from its first stop to its last; and that of what has no number.
 * @param {string[]} stops Two or more.
 * @param {string} other
 * @param {[number, number]} [kept] Share of the scale that is shown; the rest is hidden.
 * @returns {Uint32Array} (RAMP_STEPS + 1)
 */
export function rampPaints(stops, other, [low, high] = [0, 1]) {
  const bytes = stops.map(bytesOf);
  const isWhole = low <= 0 && high >= 1;
  const paints = new Uint32Array(RAMP_STEPS + 1);
  for (let step = 0; step < RAMP_STEPS; step++) {
    const share = step / (RAMP_STEPS - 1);
    const at = share * (bytes.length - 1);
    const k = Math.min(bytes.length - 2, Math.floor(at));
    const mixed = bytes[k].map((byte, c) => Math.round(byte + (at - k) * (bytes[k + 1][c] - byte)));
    paints[step] = share < low - 0.5 / RAMP_STEPS || share > high + 0.5 / RAMP_STEPS ? HIDDEN : paintOf(mixed);
  }
  paints[RAMP_STEPS] = isWhole ? paintOf(bytesOf(other)) : HIDDEN;
  return paints;
}

/**
 * Places on a scale as codes of `rampPaints`.
 * @param {ArrayLike<number>} shares In [0, 1], NaN for what has no number; (N,).
 * @returns {Uint16Array} (N,)
 */
export function rampCodes(shares) {
  const codes = new Uint16Array(shares.length);
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i];
    codes[i] = Number.isNaN(share) ? RAMP_STEPS : Math.round(Math.min(1, Math.max(0, share)) * (RAMP_STEPS - 1));
  }
  return codes;
}

/**
 * The luminance of a paint as WCAG has it, in [0, 1].
 * @param {number} paint
 */
export function luminance(paint) {
  const [r, g, b] = partsOf(paint).map((byte) => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
