/** Numbers beside an axis: multiples of 1, 2 or 5 times a power of ten. */

/**
 * The distance of ticks on an axis.
 * @param {number} span From the lowest to the highest value.
 * @param {number} most Ticks that there is room for.
 */
export function tickStep(span, most) {
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {{value: number, text: string}[]}
 */
export function ticksOf(low, high, most) {
  if (!(high > low) || !Number.isFinite(high - low)) return [];
  const step = tickStep(high - low, most);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const first = Math.ceil(low / step - 1e-6);
  const last = Math.floor(high / step + 1e-6);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => {
    const value = (first + k) * step;
    return { value, text: tickText(value, decimals) };
  });
}

/**
 * A number with a proper minus, and powers of ten where it would be too long.
 * @param {number} value
 * @param {number} decimals
 */
export function tickText(value, decimals) {
  const long = Math.abs(value) >= 1e6 || decimals > 5;
  const text = value === 0 || Math.abs(value) < 1e-12 ? "0" : long ? value.toExponential(1).replace("e+", "e").replace(".0e", "e") : value.toFixed(decimals);
  return text.replaceAll("-", "−");
}
