/**
 * Distances to the k-th nearest code on an even lattice of a window into many dimensions, exactly.
 *
 * A code lies (x - a)^2 + (y - b)^2 + rest away from the place (x, y): it falls on (a, b), and lies the root of `rest`
 * from the window. The lattice is cut into quarters again and again. The distance to the k-th nearest code changes by no
 * more than one moves, so that the one at the middle of a part bounds those of all its places: a code that lies further
 * than that from the whole part is none of the nearest anywhere in it, and its quarters never look at it.
 */

/** Codes as a window sees them. @typedef {{a: Float64Array, b: Float64Array, rest: Float64Array}} Shadow */

/** Rows and columns of a lattice, the last ones left out. @typedef {{top: number, bottom: number, left: number, right: number}} Block */

const SMALLEST = 3; // places on a side of a part that is not cut any more
const ROUNDING = 1e-9; // share of a bound by which sums may be off

/**
 * Distances to the k-th nearest code.
 * @param {Shadow} shadow
 * @param {Float64Array} ticks Coordinates along each side, ascending.
 * @param {number} k
 * @returns {Float64Array} (ticks * ticks), y by row, x along each row.
 */
export function latticeDistances({ a, b, rest }, ticks, k) {
  const [size, count] = [ticks.length, a.length];
  const found = new Float64Array(size ** 2);
  const least = new Float64Array(k);
  // codes of a part behind those of the part that it is cut from: one list for all, and nothing to collect
  const kept = new Int32Array(count * (2 + Math.ceil(Math.log2(size))));

  /**
   * Square of the distance from a place to the k-th nearest of some codes.
   * @param {number} x
   * @param {number} y
   * @param {number} from Of the codes that are kept.
   * @param {number} to
   */
  const nearest = (x, y, from, to) => {
    least.fill(Infinity);
    let most = Infinity;
    for (let at = from; at < to; at++) {
      const code = kept[at];
      const across = x - a[code];
      const up = y - b[code];
      const square = across * across + up * up + rest[code];
      if (square >= most) continue;
      let place = k - 1;
      for (; place > 0 && least[place - 1] > square; place--) least[place] = least[place - 1];
      least[place] = square;
      most = least[k - 1];
    }
    return most;
  };

  /**
   * Keep, behind some codes, those of them that may be among the nearest somewhere in a part.
   * @param {Block} part
   * @param {number} from
   * @param {number} to
   * @returns {number} Where they end.
   */
  const keep = ({ top, bottom, left, right }, from, to) => {
    const [low, high, first, last] = [ticks[top], ticks[bottom - 1], ticks[left], ticks[right - 1]];
    const [x, y, wide, tall] = [(first + last) / 2, (low + high) / 2, (last - first) / 2, (high - low) / 2];
    const bound = (Math.sqrt(nearest(x, y, from, to)) + Math.sqrt(wide * wide + tall * tall)) ** 2 * (1 + ROUNDING);
    let end = to;
    for (let at = from; at < to; at++) {
      const code = kept[at];
      const across = Math.max(Math.abs(a[code] - x) - wide, 0);
      const up = Math.max(Math.abs(b[code] - y) - tall, 0);
      if (across * across + up * up + rest[code] <= bound) kept[end++] = code;
    }
    return end;
  };

  /**
   * @param {Block} part
   * @param {number} from
   * @param {number} to
   */
  const fill = (part, from, to) => {
    const { top, bottom, left, right } = part;
    if (top >= bottom || left >= right) return;
    const end = keep(part, from, to);
    if (Math.max(bottom - top, right - left) <= SMALLEST) {
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) found[row * size + column] = Math.sqrt(nearest(ticks[column], ticks[row], to, end));
      }
      return;
    }
    const [middle, centre] = [(top + bottom + 1) >> 1, (left + right + 1) >> 1];
    for (const [above, below] of [[top, middle], [middle, bottom]]) {
      fill({ top: above, bottom: below, left, right: centre }, to, end);
      fill({ top: above, bottom: below, left: centre, right }, to, end);
    }
  };

  for (let code = 0; code < count; code++) kept[code] = code;
  fill({ top: 0, bottom: size, left: 0, right: size }, 0, count);
  return found;
}
