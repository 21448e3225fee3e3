/** How empty a walk is and how long its latents are, as two small curves that the position runs along. */

import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { ALPHA } from "../latent/vacancy.js";
import { between, norm, pathPositions } from "../latent/walk.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("./side.js").WalkWay} WalkWay */
/** @typedef {{run: string, a: Float32Array, b: Float32Array, way: WalkWay, means: string}} CurveWish */

const PLACES = 65;
const DEEPEST = 3; // powers of ten of a p-value that reach the top

/**
 * How high an emptiness stands: 0 where codes are common, 1 where one image of a thousand or fewer has so empty a place.
 * @param {number} p
 */
export const emptinessOf = (p) => Math.min(DEEPEST, 0 - Math.log10(Math.max(p, 10 ** -DEEPEST))) / DEEPEST;

/** Points of a line over the unit square, upside down as SVG has it. @param {number[]} values In [0, 1]. */
const lineOf = (values) => values.map((value, k) => `${((100 * k) / (values.length - 1)).toFixed(2)},${(100 * (1 - value)).toFixed(2)}`).join(" ");

export class Curve {
  /**
   * @param {(t: number) => void} jump A place was pressed.
   * @param {() => void} known The curve is there.
   */
  constructor(jump, known) {
    /** @type {{positions: number[], p: ArrayLike<number>} | null} */
    this.walk = null;
    this.range = { low: 0, high: 1 };
    this.cursor = h("div.xp-curve-now");
    const line = () => svg("polyline", { fill: "none", "vector-effect": "non-scaling-stroke" });
    this.empty = line();
    this.length = line();
    const panel = (/** @type {SVGElement} */ drawn) => svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, drawn);
    const band = h("div.xp-curve-hole", {}, h("small", {}, "holes"));
    band.style.height = `${100 * (1 - emptinessOf(ALPHA))}%`;
    this.element = h(
      "div.xp-curve",
      {
        role: "img",
        title: "Above how far from codes the way is, hatched in holes; below the norm. Press to go there.",
        onpointerdown: (/** @type {PointerEvent} */ event) => {
          const { left, width } = this.element.getBoundingClientRect();
          jump(this.range.low + ((event.clientX - left) / width) * (this.range.high - this.range.low));
        },
      },
      h("div.xp-curve-empty", {}, band, panel(this.empty)),
      h("div.xp-curve-norm", {}, h("small", {}, "norm"), panel(this.length)),
      this.cursor,
    );
    this.asks = new NewestWins(
      async (/** @type {CurveWish} */ { run, a, b, way, means }) => {
        const positions = pathPositions(PLACES, way.overshoot);
        const latents = positions.map((t) => between(way.kind, a, b, t));
        const body = Float32Array.from(latents.flatMap((latent) => Array.from(latent)));
        const p = await source.ask("vacancies", run, { query: { among: means === "ab" ? "means" : "draws" }, body });
        return { positions, p, norms: latents.map((latent) => norm(latent)) };
      },
      ({ positions, p, norms }) => {
        this.walk = { positions, p };
        const longest = Math.max(...norms, 1e-9);
        this.empty.setAttribute("points", lineOf(Array.from(p, emptinessOf)));
        this.length.setAttribute("points", lineOf(norms.map((value) => (0.94 * value) / longest)));
        this.element.setAttribute("aria-label", curveWords(Array.from(p), norms));
        known();
      },
      () => this.drop(),
      1,
    );
  }

  /** @param {CurveWish} wish */
  show(wish) {
    this.drop();
    this.range = { low: -wish.way.overshoot, high: 1 + wish.way.overshoot };
    this.asks.ask(wish);
  }

  /** Nothing is known of the walk. */
  drop() {
    this.asks.drop();
    this.walk = null;
    for (const line of [this.empty, this.length]) line.removeAttribute("points");
  }

  /** @param {number} t */
  stand(t) {
    const { low, high } = this.range;
    this.cursor.style.left = `${(100 * (t - low)) / (high - low)}%`;
  }

  /** The p-value at the place of the curve that is nearest to a position; null while it is not known. @param {number} t */
  at(t) {
    if (!this.walk) return null;
    const { low, high } = this.range;
    const last = this.walk.positions.length - 1;
    return this.walk.p[Math.min(last, Math.max(0, Math.round((last * (t - low)) / (high - low))))];
  }
}

/**
 * What the curves show, for who does not see them.
 * @param {number[]} p
 * @param {number[]} norms
 */
export function curveWords(p, norms) {
  const holes = p.filter((each) => each <= ALPHA).length / p.length;
  return `${Math.round(100 * holes)} % of this walk lies where no image is encoded; its norm goes from ${norms[0].toFixed(2)} over ${norms[norms.length >> 1].toFixed(2)} to ${norms[norms.length - 1].toFixed(2)}`;
}
