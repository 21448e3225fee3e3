/** How the coordinates of a lattice are spaced: as the prior or the encoded data lies, not evenly. */

/**
 * Share of a standard normal distribution below a number.
 * @param {number} x
 */
export function normalShare(x) {
  // Abramowitz & Stegun 1964, 7.1.26: wrong by at most 1.5e-7
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const share = 1 - 0.5 * tail * Math.exp((-x * x) / 2);
  return x < 0 ? 1 - share : share;
}

/**
 * The number below which a share of a standard normal distribution lies.
 * @param {number} share In (0, 1).
 */
export function normalQuantile(share) {
  let [low, high] = [-40, 40];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Offsets that cut N(0, 1) between -range and range into equal masses; symmetric, the middle one 0 where there is one.
 * Kingma & Welling 2014, appendix A, https://arxiv.org/abs/1312.6114
 * @param {number} count At least 2.
 * @param {number} range In standard deviations, above 0.
 * @returns {number[]}
 */
export function priorOffsets(count, range) {
  const low = normalShare(-range);
  const half = Array.from({ length: Math.floor(count / 2) }, (_, k) => normalQuantile(low + ((1 - 2 * low) * k) / (count - 1)));
  half[0] = -range;
  return [...half, ...(count % 2 ? [0] : []), ...half.map((v) => -v).reverse()];
}

/**
 * The number below which a share of sorted numbers lies; between two of them by straight lines.
 * @param {Float64Array} sorted Ascending, one or more.
 * @param {number} share In [0, 1].
 */
function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * (sorted[Math.ceil(place)] - sorted[below]);
}

/**
 * The middle of data, and offsets from it that cut the data into equal masses, between the shares that N(0, 1) has below
 * -range and range: for codes that follow no prior.
 * @param {ArrayLike<number>} values Coordinates of the encoded data, one or more.
 * @param {number} count At least 2.
 * @param {number} range As in `priorOffsets`.
 * @returns {{median: number, offsets: number[]}}
 */
export function dataSpacing(values, count, range) {
  const sorted = Float64Array.from(values).sort();
  const low = normalShare(-range);
  const median = quantile(sorted, 0.5);
  const offsets = Array.from({ length: count }, (_, k) => quantile(sorted, low + ((1 - 2 * low) * k) / (count - 1)) - median);
  return { median, offsets };
}
