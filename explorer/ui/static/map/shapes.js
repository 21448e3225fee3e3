/** Shapes on a map, as plain arithmetic: ellipses, outlines, densities, and names that do not cover one another. */

/**
 * A window of a map, in its coordinates.
 * @typedef {object} Box
 * @property {number} left
 * @property {number} right
 * @property {number} bottom
 * @property {number} top
 */

/**
 * Axes of the ellipse of one standard deviation of a covariance.
 * @param {number} xx
 * @param {number} xy
 * @param {number} yy
 * @returns {{rx: number, ry: number, angle: number}} `rx` is the longer one, `angle` its turn from the x axis, in degrees.
 */
export function ellipseOf(xx, xy, yy) {
  const middle = (xx + yy) / 2;
  const half = Math.hypot((xx - yy) / 2, xy);
  const angle = (Math.atan2(2 * xy, xx - yy) / 2) * (180 / Math.PI);
  return { rx: Math.sqrt(Math.max(0, middle + half)), ry: Math.sqrt(Math.max(0, middle - half)), angle };
}

/**
 * Whether a place lies inside a closed outline (even-odd rule).
 * @param {number} x
 * @param {number} y
 * @param {[number, number][]} outline
 */
export function isInside(x, y, outline) {
  let inside = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const [ax, ay] = outline[i];
    const [bx, by] = outline[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/**
 * Those of some rows that lie inside an outline.
 * @param {Float32Array} places x and y by turns, (N * 2).
 * @param {ArrayLike<number>} rows
 * @param {[number, number][]} outline
 * @returns {number[]}
 */
export function rowsInside(places, rows, outline) {
  const xs = outline.map(([x]) => x);
  const ys = outline.map(([, y]) => y);
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const found = [];
  for (let k = 0; k < rows.length; k++) {
    const x = places[2 * rows[k]];
    const y = places[2 * rows[k] + 1];
    if (x >= left && x <= right && y >= bottom && y <= top && isInside(x, y, outline)) found.push(rows[k]);
  }
  return found;
}

/**
 * The window that holds some rows, with a margin.
 * @param {Float32Array} places
 * @param {ArrayLike<number>} rows
 * @returns {Box}
 */
export function boxOf(places, rows) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let k = 0; k < rows.length; k++) {
    const x = places[2 * rows[k]];
    const y = places[2 * rows[k] + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  if (!Number.isFinite(left)) return { left: -1, right: 1, bottom: -1, top: 1 };
  const across = 0.05 * (right - left) || 1;
  const up = 0.05 * (top - bottom) || 1;
  return { left: left - across, right: right + across, bottom: bottom - up, top: top + up };
}

/**
 * Numbers drawn without replacement, in order; the same at every call.
 * @param {number} count From 0 to count - 1.
 * @param {number} most
 * @returns {Int32Array}
 */
export function sampleOf(count, most) {
  const all = Int32Array.from({ length: count }, (_, i) => i);
  if (count <= most) return all;
  let state = 1;
  for (let i = 0; i < most; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: good enough to thin a crowd
    const j = i + Math.floor((state / 2 ** 32) * (count - i));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, most).sort();
}

/**
 * The middle one of some numbers, or the upper of two.
 * @param {number[]} values
 */
export function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/**
 * Where a crowd's middle is: the median along either axis.
 * @param {Float32Array} places
 * @param {number[]} rows One or more.
 * @returns {[number, number]}
 */
export function middleOf(places, rows) {
  return [median(rows.map((row) => places[2 * row])), median(rows.map((row) => places[2 * row + 1]))];
}

/**
 * The row nearest to a place.
 * @param {Float32Array} places
 * @param {ArrayLike<number>} rows One or more.
 * @param {number} x
 * @param {number} y
 */
export function nearestRow(places, rows, x, y) {
  let best = rows[0];
  let least = Infinity;
  for (let k = 0; k < rows.length; k++) {
    const distance = (places[2 * rows[k]] - x) ** 2 + (places[2 * rows[k] + 1] - y) ** 2;
    if (distance < least) [best, least] = [rows[k], distance];
  }
  return best;
}

/**
 * How dense a crowd is, on an even grid: counts smoothed with a Gaussian of `blur` cells.
 * @param {Float32Array} places
 * @param {ArrayLike<number>} rows
 * @param {Box} box
 * @param {number} size Cells on a side.
 * @param {number} [blur]
 * @returns {Float32Array} (size * size), by row from below; it sums to the share of rows inside the box.
 */
export function densityOf(places, rows, { left, right, bottom, top }, size, blur = 1.6) {
  let grid = new Float32Array(size * size);
  for (let k = 0; k < rows.length; k++) {
    const column = Math.floor(((places[2 * rows[k]] - left) / (right - left)) * size);
    const row = Math.floor(((places[2 * rows[k] + 1] - bottom) / (top - bottom)) * size);
    if (column >= 0 && column < size && row >= 0 && row < size) grid[row * size + column] += 1 / rows.length;
  }
  const reach = Math.ceil(3 * blur);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / blur) ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [step, along] of [[1, size], [size, 1]]) {
    const smooth = new Float32Array(size * size);
    for (let line = 0; line < size; line++) {
      for (let at = 0; at < size; at++) {
        let sum = 0;
        for (let i = -reach; i <= reach; i++) {
          const place = at + i;
          if (place >= 0 && place < size) sum += weights[i + reach] * grid[line * along + place * step];
        }
        smooth[line * along + at * step] = sum / total;
      }
    }
    grid = smooth;
  }
  return grid;
}

/**
 * The density above which lies a share of the crowd.
 * @param {Float32Array} grid
 * @param {number} share In (0, 1).
 */
export function levelHolding(grid, share) {
  const sorted = Float32Array.from(grid).sort().reverse();
  const wanted = share * sorted.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  for (const value of sorted) {
    sum += value;
    if (sum >= wanted) return value;
  }
  return 0;
}

/**
 * The line of one level through a grid, as an SVG path in the box's coordinates: marching squares.
 * @param {Float32Array} grid Values at the middles of cells.
 * @param {number} size
 * @param {Box} box
 * @param {number} level
 * @returns {string}
 */
export function contourPath(grid, size, { left, right, bottom, top }, level) {
  const x = (/** @type {number} */ column) => left + ((column + 0.5) / size) * (right - left);
  const y = (/** @type {number} */ row) => bottom + ((row + 0.5) / size) * (top - bottom);
  const parts = [];
  for (let row = 0; row < size - 1; row++) {
    for (let column = 0; column < size - 1; column++) {
      const corners = /** @type {[number, number][]} */ ([
        [column, row],
        [column + 1, row],
        [column + 1, row + 1],
        [column, row + 1],
      ]);
      const values = corners.map(([i, j]) => grid[j * size + i]);
      const cuts = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [values[k], values[(k + 1) % 4]];
        if (a >= level === b >= level) continue;
        const t = (level - a) / (b - a);
        const [[ai, aj], [bi, bj]] = [corners[k], corners[(k + 1) % 4]];
        cuts.push(`${x(ai + t * (bi - ai)).toPrecision(6)},${y(aj + t * (bj - aj)).toPrecision(6)}`);
      }
      for (let k = 0; k + 1 < cuts.length; k += 2) parts.push(`M${cuts[k]}L${cuts[k + 1]}`);
    }
  }
  return parts.join("");
}

/**
 * Push boxes apart until none covers another, or leave them where there is no room; all are of one height.
 * @param {{x: number, y: number, width: number}[]} boxes Middles and widths, in pixels.
 * @param {number} height
 * @returns {{x: number, y: number}[]} New middles.
 */
export function apart(boxes, height) {
  const placed = boxes.map(({ x, y }) => ({ x, y }));
  for (let turn = 0; turn < 60; turn++) {
    let moved = false;
    for (let i = 0; i < boxes.length; i++) {
      for (let j = i + 1; j < boxes.length; j++) {
        const dx = placed[j].x - placed[i].x;
        const dy = placed[j].y - placed[i].y;
        const across = (boxes[i].width + boxes[j].width) / 2 + 2 - Math.abs(dx);
        const up = height + 2 - Math.abs(dy);
        if (across <= 0.01 || up <= 0.01) continue;
        moved = true;
        if (across < up) {
          const push = (dx < 0 ? -across : across) / 2;
          placed[i].x -= push;
          placed[j].x += push;
        } else {
          const push = (dy < 0 ? -up : up) / 2;
          placed[i].y -= push;
          placed[j].y += push;
        }
      }
    }
    if (!moved) break;
  }
  return placed;
}
