/** Numbers for a person: short, with a real minus sign, and shares that are never rounded up. */

/**
 * A number for a person: about three digits, a real minus sign.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function shown(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(Number(value.toPrecision(digits))); // 0.999 has as many decimals as 1 has
  if (size < 5e-5) return "0";
  const decimals = Math.max(0, Math.min(4, digits - 1 - Math.floor(Math.log10(size))));
  return value.toFixed(decimals).replace("-", "\u2212");
}

/**
 * A share as a whole percentage, rounded down: "rarer than 99 %" stays true.
 * @param {number} share In [0, 1].
 */
export function percent(share) {
  return `${Math.floor(100 * share + 1e-6)} %`;
}

/**
 * A share in per cent, rounded down; near the top with one decimal: "more than 99.8 %" stays true.
 * @param {number} share In [0, 1].
 */
export function rounded(share) {
  const tenths = Math.floor(1000 * share + 1e-6);
  return tenths >= 990 && tenths < 1000 ? `${(tenths / 10).toFixed(1)} %` : `${Math.floor(tenths / 10)} %`;
}

/**
 * A coordinate as a caption.
 * @param {number} value
 */
export const captionOf = (value) => (Math.abs(value) < 0.005 ? "0" : shown(value));
