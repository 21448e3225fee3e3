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
 * The few rows nearest to the middle of a window, the nearest first.
 * @param {Float32Array} places
 * @param {ArrayLike<number>} rows
 * @param {import("./pane.js").Pane} pane
 * @param {number} few
 * @returns {number[]}
 */
export function nearestRows(places, rows, pane, few) {
  /** @type {{row: number, gap: number}[]} */
  const found = [];
  for (let k = 0; k < rows.length; k++) {
    const gap = Math.hypot(pane.px(places[2 * rows[k]]) - pane.width / 2, pane.py(places[2 * rows[k] + 1]) - pane.height / 2);
    if (found.length === few && gap >= found[few - 1].gap) continue;
    const at = found.findIndex((each) => each.gap > gap);
    found.splice(at < 0 ? found.length : at, 0, { row: rows[k], gap });
    found.length = Math.min(few, found.length);
  }
  return found.map(({ row }) => row);
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
