/** The window of a plane that is on show, and where its places stand on the screen. */

/**
 * A part of a plane, in its own coordinates.
 * @typedef {object} Box
 * @property {number} left
 * @property {number} right
 * @property {number} bottom
 * @property {number} top
 */

/** A box of a plane and the rectangle of pixels that shows it; y grows upwards in the box and downwards in pixels. */
export class Pane {
  /**
   * @param {Box} box
   * @param {number} width Pixels.
   * @param {number} height
   */
  constructor(box, width, height) {
    this.box = box;
    this.width = width;
    this.height = height;
    /** Pixels per unit. */
    this.across = width / (box.right - box.left);
    this.up = height / (box.top - box.bottom);
  }

  /** Pixels from the left edge. @param {number} x */
  px(x) {
    return (x - this.box.left) * this.across;
  }

  /** Pixels from the upper edge. @param {number} y */
  py(y) {
    return (this.box.top - y) * this.up;
  }

  /**
   * The place under a pixel.
   * @param {number} px From the left edge.
   * @param {number} py From the upper edge.
   * @returns {[number, number]}
   */
  place(px, py) {
    return [this.box.left + px / this.across, this.box.top - py / this.up];
  }

  /** The same window on a finer or coarser rectangle. @param {number} times */
  scaled(times) {
    return new Pane(this.box, this.width * times, this.height * times);
  }

  /**
   * Whether a pixel lies in the rectangle.
   * @param {number} px
   * @param {number} py
   */
  holds(px, py) {
    return px >= 0 && py >= 0 && px <= this.width && py <= this.height;
  }
}

/**
 * The box that holds some rows, with a margin of a twentieth.
 * @param {Float32Array} places x and y by turns, (N * 2).
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
  return widened({ left, right, bottom, top });
}

/**
 * The smallest box about two; one that holds nothing counts for nothing.
 * @param {Box} one
 * @param {Box} other
 * @returns {Box}
 */
export function joined(one, other) {
  if (!Number.isFinite(one.left)) return other;
  return { left: Math.min(one.left, other.left), right: Math.max(one.right, other.right), bottom: Math.min(one.bottom, other.bottom), top: Math.max(one.top, other.top) };
}

/**
 * A box with a margin of a twentieth; one that holds nothing becomes a square about zero.
 * @param {Box} box
 * @returns {Box}
 */
export function widened({ left, right, bottom, top }) {
  if (!Number.isFinite(left)) return { left: -1, right: 1, bottom: -1, top: 1 };
  const across = 0.05 * (right - left) || 1;
  const up = 0.05 * (top - bottom) || 1;
  return { left: left - across, right: right + across, bottom: bottom - up, top: top + up };
}

/**
 * The smallest box about another one in which a unit is equally long along both axes.
 * @param {Box} box
 * @param {number} width Pixels it is shown on.
 * @param {number} height
 * @returns {Box}
 */
export function evened({ left, right, bottom, top }, width, height) {
  const unit = Math.max((right - left) / width, (top - bottom) / height); // of a pixel
  const [x, y] = [(left + right) / 2, (bottom + top) / 2];
  const [across, up] = [(unit * width) / 2, (unit * height) / 2];
  return { left: x - across, right: x + across, bottom: y - up, top: y + up };
}

/**
 * A box scaled about a place that stays where it is.
 * @param {Box} box
 * @param {number} times Factor of its width.
 * @param {[number, number]} [about] Its middle unless said.
 * @returns {Box}
 */
export function zoomed({ left, right, bottom, top }, times, [x, y] = [(left + right) / 2, (bottom + top) / 2]) {
  return { left: x + times * (left - x), right: x + times * (right - x), bottom: y + times * (bottom - y), top: y + times * (top - y) };
}

/**
 * A box moved by parts of its own width and height.
 * @param {Box} box
 * @param {number} across
 * @param {number} up
 * @returns {Box}
 */
export function shifted({ left, right, bottom, top }, across, up) {
  const [x, y] = [across * (right - left), up * (top - bottom)];
  return { left: left + x, right: right + x, bottom: bottom + y, top: top + y };
}

/**
 * The box between two, for a movement from one to the other: the width changes by equal factors in equal times.
 * @param {Box} from
 * @param {Box} to
 * @param {number} share In [0, 1].
 * @returns {Box}
 */
export function boxBetween(from, to, share) {
  const [wide, tall] = [from.right - from.left, from.top - from.bottom];
  const grow = (/** @type {number} */ ratio) => (Math.abs(ratio - 1) < 1e-6 ? share : (ratio ** share - 1) / (ratio - 1));
  const [s, t] = [grow((to.right - to.left) / wide), grow((to.top - to.bottom) / tall)];
  const mixed = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ by) => a + by * (b - a);
  return { left: mixed(from.left, to.left, s), right: mixed(from.right, to.right, s), bottom: mixed(from.bottom, to.bottom, t), top: mixed(from.top, to.top, t) };
}
