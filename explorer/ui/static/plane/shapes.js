/** Shapes on a plane, as plain arithmetic: ellipses, outlines, middles, and names that do not cover one another. */

/** @typedef {import("./pane.js").Box} Box */

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
