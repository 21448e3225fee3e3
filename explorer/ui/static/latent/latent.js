/**
 * Arithmetic of latents: coordinates along directions, walks, planes, and what was visited.
 *
 * The state of the page is always the latent z itself; a slider only shows one coordinate of it.
 */

/**
 * A direction as the server describes it (explorer/analysis/directions.py).
 * @typedef {object} Direction
 * @property {string} name Shown beside its slider.
 * @property {number[]} vector Unit vector, (d,).
 * @property {number} offset Value of vector . z where the coordinate is 0, in latent units.
 * @property {number} scale Latent units per unit of the coordinate.
 * @property {number} low Lower end of the slider, in units of the coordinate.
 * @property {number} high Upper end.
 * @property {string} note Why it matters: variance explained, or nats of rate.
 */

/** Largest magnitude of a latent's value that the server takes. */
export const LIMIT = 1e4;

/**
 * Coordinate of a latent along a direction: (vector . z - offset) / scale.
 * @param {Direction} direction
 * @param {ArrayLike<number>} z (d,)
 * @returns {number}
 */
export function coordinate(direction, z) {
  let dot = 0;
  for (let i = 0; i < z.length; i++) dot += direction.vector[i] * z[i];
  return (dot - direction.offset) / direction.scale;
}

/**
 * The latent whose coordinate along a direction is `value`, and which differs from z along it only.
 * @param {Direction} direction
 * @param {ArrayLike<number>} z (d,)
 * @param {number} value In units of the coordinate.
 * @returns {Float32Array} (d,)
 */
export function moved(direction, z, value) {
  const step = (value - coordinate(direction, z)) * direction.scale;
  return Float32Array.from(direction.vector, (v, i) => z[i] + step * v);
}

/**
 * One latent per value: a walk through z along one direction, flat.
 * @param {Direction} direction
 * @param {ArrayLike<number>} z (d,)
 * @param {ArrayLike<number>} values Coordinates, (n,).
 * @returns {Float32Array} (n * d,)
 */
export function walk(direction, z, values) {
  const latents = new Float32Array(values.length * z.length);
  for (let k = 0; k < values.length; k++) latents.set(moved(direction, z, values[k]), k * z.length);
  return latents;
}

/**
 * Evenly spaced numbers, both ends included.
 * @param {number} low
 * @param {number} high
 * @param {number} count At least 2.
 * @returns {number[]}
 */
export function spaced(low, high, count) {
  return Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));
}

/**
 * Coordinates of a walk as wide as a direction's slider, centred on a coordinate of one's own.
 * @param {Direction} direction
 * @param {number} centre
 * @param {number} count At least 2.
 * @returns {number[]}
 */
export function around({ low, high }, centre, count) {
  const half = (high - low) / 2;
  return spaced(centre - half, centre + half, count);
}

/**
 * How far two directions are from crossing at a right angle: the cosine between them.
 * @param {Pick<Direction, "vector">} first
 * @param {Pick<Direction, "vector">} second
 */
export function cosine(first, second) {
  return first.vector.reduce((sum, v, i) => sum + v * second.vector[i], 0);
}

/**
 * The latents of a sheet through z along two directions, row by row, flat. Each has the coordinates of its row and
 * column along both, whatever angle the directions make, so that walking within the sheet does not move it.
 * @param {Direction} first Along each row.
 * @param {Direction} second From row to row.
 * @param {ArrayLike<number>} z (d,)
 * @param {ArrayLike<number>} columns Coordinates along `first`, from the left.
 * @param {ArrayLike<number>} rows Coordinates along `second`, from the top.
 * @returns {Float32Array} (rows * columns * d,)
 */
export function sheet(first, second, z, columns, rows) {
  const d = z.length;
  const r = cosine(first, second);
  const [across, down] = [coordinate(first, z), coordinate(second, z)];
  const latents = new Float32Array(rows.length * columns.length * d);
  let at = 0;
  for (let j = 0; j < rows.length; j++) {
    const b = (rows[j] - down) * second.scale;
    for (let i = 0; i < columns.length; i++, at += d) {
      const a = (columns[i] - across) * first.scale;
      const [p, q] = [(a - r * b) / (1 - r * r), (b - r * a) / (1 - r * r)];
      for (let k = 0; k < d; k++) latents[at + k] = z[k] + p * first.vector[k] + q * second.vector[k];
    }
  }
  return latents;
}

/**
 * A plane in latent space as a figure carries it: z(a, b) = origin + a first + b second.
 * @typedef {object} Plane
 * @property {number[]} origin (d,)
 * @property {number[]} first Latent units per unit of a, (d,).
 * @property {number[]} second Latent units per unit of b, (d,); all zero where there is no second axis.
 */

/**
 * The latent at a place of a plane.
 * @param {Plane} plane
 * @param {number} a
 * @param {number} b
 * @returns {Float32Array} (d,)
 */
export function onPlane(plane, a, b) {
  return Float32Array.from(plane.origin, (o, i) => o + a * plane.first[i] + b * plane.second[i]);
}

/**
 * The level of latents that a direction moves, from 1 at the top; null where it moves several.
 * @param {Pick<Direction, "vector">} direction
 * @param {number[]} sizes Axes of each level, the top one first; levels lie end to end.
 * @returns {number | null}
 */
export function levelOf({ vector }, sizes) {
  let end = 0;
  const moves = sizes.map((size) => vector.slice(end, (end += size)).some((v) => v !== 0));
  const first = moves.indexOf(true);
  return first >= 0 && first === moves.lastIndexOf(true) ? first + 1 : null;
}

/**
 * The latent that keeps the levels above one and takes that level and those below it from a draw.
 * @param {ArrayLike<number>} z (d,)
 * @param {ArrayLike<number>} draw (d,)
 * @param {number[]} sizes As in `levelOf`.
 * @param {number} level From 1, the top one.
 * @returns {Float32Array} (d,)
 */
export function resampled(z, draw, sizes, level) {
  const kept = sizes.slice(0, level - 1).reduce((sum, size) => sum + size, 0);
  return Float32Array.from(z, (value, i) => (i < kept ? value : draw[i]));
}

/**
 * Whether two latents are the same numbers.
 * @param {ArrayLike<number> | null} one
 * @param {ArrayLike<number> | null} other
 */
export function sameLatent(one, other) {
  if (!one || !other || one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/**
 * The latents that were stood on, for undo and redo; the oldest are forgotten beyond `limit`.
 * @template About What goes with a latent: where it was started from.
 */
export class Trail {
  /** @param {number} limit */
  constructor(limit = 200) {
    this.limit = limit;
    /** @type {{latent: Float32Array, about: About}[]} */
    this.steps = [];
    this.place = -1; // where in the steps we stand
  }

  clear() {
    this.steps = [];
    this.place = -1;
  }

  /**
   * Stand on a latent; what had been undone is forgotten. The same latent twice in a row is one step, with what goes
   * with it now.
   * @param {Float32Array} z
   * @param {About} about
   */
  visit(z, about) {
    const here = this.steps[this.place];
    if (here && sameLatent(here.latent, z)) {
      here.about = about;
      return;
    }
    this.steps.length = this.place + 1;
    this.steps.push({ latent: z.slice(), about });
    if (this.steps.length > this.limit) this.steps.shift();
    this.place = this.steps.length - 1;
  }

  get canUndo() {
    return this.place > 0;
  }

  get canRedo() {
    return this.place < this.steps.length - 1;
  }

  /** The step before, or null at the first one. */
  undo() {
    return this.canUndo ? this.stand(this.place - 1) : null;
  }

  /** The step that was undone last, or null. */
  redo() {
    return this.canRedo ? this.stand(this.place + 1) : null;
  }

  /** @param {number} place */
  stand(place) {
    this.place = place;
    const { latent, about } = this.steps[place];
    return { latent: latent.slice(), about };
  }
}

/**
 * Where a latent's shadow falls on a plane whose two directions are unit vectors at right angles.
 * @param {Plane} plane
 * @param {ArrayLike<number>} z (d,)
 * @returns {[number, number]}
 */
export function shadow({ origin, first, second }, z) {
  let [a, b] = [0, 0];
  for (let i = 0; i < origin.length; i++) {
    a += first[i] * (z[i] - origin[i]);
    b += second[i] * (z[i] - origin[i]);
  }
  return [a, b];
}
