/**
 * Distances to the k-th nearest code on an even lattice of a window into many dimensions, exactly.
 *
 * A code lies (x - a)^2 + (y - b)^2 + rest away from the place (x, y): it falls on (a, b), and lies the root of `rest`
 * from the window. The k codes that were nearest to the place before bound the distance here from above, so most of the
 * others are never looked at.
 */

/** Codes as a window sees them. @typedef {{a: Float64Array, b: Float64Array, rest: Float64Array}} Shadow */

/** The k smallest squares so far, ascending, and whose they are. */
class Nearest {
  /** @param {number} k */
  constructor(k) {
    this.squares = new Float64Array(k);
    this.codes = new Int32Array(k).fill(-1);
    this.last = k - 1;
  }

  /**
   * Begin at another place: no square above what those before come to there is of interest.
   * @param {(code: number) => number} square
   * @returns {number} That bound.
   */
  begin(square) {
    let bound = 0;
    for (const code of this.codes) bound = Math.max(bound, code < 0 ? Infinity : square(code));
    this.squares.fill(Infinity);
    return bound;
  }

  /**
   * Take a code in.
   * @param {number} code
   * @param {number} square At most the bound.
   * @param {number} bound
   * @returns {number} The bound from now on.
   */
  take(code, square, bound) {
    const { squares, codes, last } = this;
    if (square >= squares[last]) return bound;
    let place = last;
    for (; place > 0 && squares[place - 1] > square; place--) {
      squares[place] = squares[place - 1];
      codes[place] = codes[place - 1];
    }
    squares[place] = square;
    codes[place] = code;
    return Math.min(bound, squares[last]);
  }
}

/**
 * The codes in the order of one of their numbers.
 * @param {Shadow} shadow
 * @param {Float64Array} key
 * @returns {Shadow}
 */
function inOrderOf({ a, b, rest }, key) {
  const order = Array.from(key, (_, code) => code).sort((p, q) => key[p] - key[q]);
  const sorted = (/** @type {Float64Array} */ values) => Float64Array.from(order, (code) => values[code]);
  return { a: sorted(a), b: sorted(b), rest: sorted(rest) };
}

/**
 * Distances to the k-th nearest code.
 * @param {Shadow} shadow
 * @param {Float64Array} ticks Coordinates along each side, ascending.
 * @param {number} k
 * @param {boolean} flat Whether all codes lie in the window, or nearly so.
 * @returns {Float64Array} (ticks * ticks), y by row, x along each row.
 */
export function latticeDistances(shadow, ticks, k, flat) {
  return flat ? byPlace(inOrderOf(shadow, shadow.a), ticks, k) : byRest(inOrderOf(shadow, shadow.rest), ticks, k);
}

/**
 * Where codes lie far from the window: nearest to it first, until that distance alone is too much.
 * @param {Shadow} shadow
 * @param {Float64Array} ticks
 * @param {number} k
 */
function byRest({ a, b, rest }, ticks, k) {
  const found = new Float64Array(ticks.length ** 2);
  const nearest = new Nearest(k);
  ticks.forEach((y, row) => {
    for (let step = 0; step < ticks.length; step++) {
      const column = row % 2 ? ticks.length - 1 - step : step; // to and fro, so that the place before is a neighbour
      const x = ticks[column];
      let bound = nearest.begin((code) => (x - a[code]) ** 2 + (y - b[code]) ** 2 + rest[code]);
      for (let code = 0; code < rest.length && rest[code] <= bound; code++) {
        const square = (x - a[code]) ** 2 + (y - b[code]) ** 2 + rest[code];
        if (square <= bound) bound = nearest.take(code, square, bound);
      }
      found[row * ticks.length + column] = Math.sqrt(nearest.squares[k - 1]);
    }
  });
  return found;
}

/**
 * Where codes lie in the window: outwards from x, until the step to the side alone is too much for this row.
 * @param {Shadow} shadow In the order of a.
 * @param {Float64Array} ticks
 * @param {number} k
 */
function byPlace({ a, b, rest }, ticks, k) {
  const found = new Float64Array(ticks.length ** 2);
  const nearest = new Nearest(k);
  const aside = new Float64Array(a.length);
  ticks.forEach((y, row) => {
    let least = Infinity;
    for (let code = 0; code < a.length; code++) {
      aside[code] = (y - b[code]) ** 2 + rest[code];
      least = Math.min(least, aside[code]);
    }
    let middle = 0;
    ticks.forEach((x, column) => {
      while (middle < a.length && a[middle] < x) middle++;
      let bound = nearest.begin((code) => (x - a[code]) ** 2 + aside[code]);
      let [left, right] = [middle - 1, middle];
      for (;;) {
        const toLeft = left >= 0 ? x - a[left] : Infinity;
        const toRight = right < a.length ? a[right] - x : Infinity;
        const square = Math.min(toLeft, toRight) ** 2;
        if (square === Infinity || square + least > bound) break;
        const code = toLeft < toRight ? left-- : right++;
        if (square + aside[code] <= bound) bound = nearest.take(code, square + aside[code], bound);
      }
      found[row * ticks.length + column] = Math.sqrt(nearest.squares[k - 1]);
    });
  });
  return found;
}
