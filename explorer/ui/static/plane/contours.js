/** How dense a crowd is, and the lines of equal height through a grid of numbers. */

/** @typedef {import("./pane.js").Box} Box */

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
      const at = row * size + column;
      const above = Number(grid[at] >= level) + Number(grid[at + 1] >= level) + Number(grid[at + size] >= level) + Number(grid[at + size + 1] >= level);
      if (above === 0 || above === 4) continue; // nearly everywhere
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
