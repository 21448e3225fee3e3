/** Questions that the browser answers by itself once it has what they need; null where it cannot, and the server does. */

import { countBelow } from "../latent/support.js";
import { ALPHA } from "../latent/vacancy.js";
import { amongAt, between, pathPositions, whyStraight } from "../latent/walk.js";

/** @typedef {import("../latent/support.js").Support} Support */
/** @typedef {import("./source.js").Details} Details */

/**
 * What else an answer may need.
 * @typedef {object} Around
 * @property {import("./programs.js").Programs} programs
 * @property {string} run
 * @property {any} told What the server answered to the same question of this run; null if it was never asked.
 * @property {(details: Details) => Promise<any>} served What the server answers to the question in another form.
 * @property {(question: import("./questions.js").Asked) => Promise<any>} also Something else that is stored of the run.
 */

const SHEET = 36; // as in explorer/views/hole_samples.py, like the three below
const BATCH = 1000;
const MOST_BATCHES = 10;
const BINS = 20;
const CURVE_POINTS = 121; // as in explorer/views/interpolate.py
const PIECE_MS = 8; // of p-values at a time: a hand moves in between

/** Let the page do what else it has to. */
const pause = () => new Promise((resume) => setTimeout(resume));

/**
 * p-values of many latents, in pieces.
 * @param {Support} support
 * @param {Float32Array} latents (n * d)
 * @param {(k: number) => import("../latent/vacancy.js").Among} [among] What each is judged among.
 * @returns {Promise<Float64Array>}
 */
async function manyPValues(support, latents, among = () => "draws") {
  const { d } = support;
  const found = new Float64Array(latents.length / d);
  let begin = performance.now();
  for (let k = 0; k < found.length; k++) {
    [found[k]] = support.pValues(latents.subarray(k * d, (k + 1) * d), among(k));
    if (performance.now() - begin < PIECE_MS) continue;
    await pause();
    begin = performance.now();
  }
  return found;
}

/**
 * A sheet of samples as `drawn_sheet` of explorer/views/hole_samples.py makes it.
 * @param {Support} support
 * @param {{law: string, seed: number, redraw: boolean, told: any}} wish `told`: a sheet of the same law, with its stored scores.
 */
async function sheetOf(support, { law, seed, redraw, told }) {
  const { d } = support;
  /** @type {number[][]} */
  const latents = [];
  const [p, histogram] = [/** @type {number[]} */ ([]), new Array(BINS).fill(0)];
  let [drawn, holes] = [0, 0];
  for (;;) {
    const more = /** @type {Float32Array} */ (support.draws(law, BATCH, seed, drawn));
    const found = await manyPValues(support, more);
    found.forEach((value, k) => {
      let bin = 0;
      while (bin < BINS - 1 && (bin + 1) * (1 / BINS) < value) bin++; // p = 0.05 is a hole still
      histogram[bin]++;
      holes += Number(value <= ALPHA);
      if ((redraw && value <= ALPHA) || p.length === SHEET) return;
      p.push(value);
      latents.push(Array.from(more.subarray(k * d, (k + 1) * d)));
    });
    drawn += BATCH;
    if (redraw && p.length < SHEET && drawn < BATCH * MOST_BATCHES) continue;
    const all = drawn;
    return { ...told, law, latents, p, drawn, in_holes: holes, histogram: histogram.map((count) => count / all) };
  }
}

/**
 * Places that the curves of a walk are measured at: even, and among them both ends and the middle.
 * @param {number} overshoot
 */
function curvePositions(overshoot) {
  const beyond = Math.floor(overshoot * (CURVE_POINTS - 1) + 1e-9);
  return Array.from({ length: CURVE_POINTS + 2 * beyond }, (_, k) => (k - beyond) / (CURVE_POINTS - 1));
}

/**
 * Norm and vacancy along both walks between two latents, as `path_figure` of explorer/views/interpolate.py draws them.
 * @param {Support} support
 * @param {Float32Array} a (d,)
 * @param {Float32Array} b (d,)
 * @param {{overshoot: number, means: string, told: any}} wish `told`: the figure of two other latents.
 */
async function pathFigure(support, a, b, { overshoot, means, told }) {
  const positions = curvePositions(overshoot);
  const between01 = positions.map((t) => t >= 0 && t <= 1);
  const half = positions.indexOf(0.5);
  /** @type {Record<string, {norms: number[], p: number[]}>} */
  const curves = {};
  for (const kind of /** @type {import("../latent/walk.js").PathKind[]} */ (["linear", "spherical"])) {
    const latents = positions.map((t) => between(kind, a, b, t));
    const flat = new Float32Array(latents.length * support.d);
    latents.forEach((latent, k) => flat.set(latent, k * support.d));
    const p = await manyPValues(support, flat, (k) => amongAt(means, positions[k]));
    curves[kind] = { norms: latents.map((latent) => support.norm(latent)), p: Array.from(p) };
  }
  const figure = structuredClone(told);
  for (const trace of figure.data) trace.y = curves[trace.legendgroup][trace.yaxis === "y" ? "norms" : "p"];
  const { layout } = figure;
  const shell = layout.meta.shell;
  const each = Object.values(curves);
  const bottom = Math.min(-3, ...each.map(({ p }) => Math.log10(Math.min(...p)))) - 0.1;
  layout.yaxis.range = [0, 1.08 * Math.max(shell[2], ...each.flatMap(({ norms }) => norms))];
  layout.yaxis2.range = [bottom, layout.yaxis2.range[1]];
  for (const shape of layout.shapes) if (shape.type === "rect" && shape.yref === "y2") shape.y0 = 10 ** bottom;
  const lengths = [a, b].map((end) => support.norm(end));
  const cosine = a.reduce((sum, value, k) => sum + value * b[k], 0) / (lengths[0] * lengths[1]);
  const note = whyStraight(a, b);
  const inside = (/** @type {number[]} */ values) => values.filter((_, k) => between01[k]);
  const byKind = (/** @type {(curve: {norms: number[], p: number[]}) => number} */ of) => Object.fromEntries(Object.entries(curves).map(([kind, curve]) => [kind, of(curve)]));
  layout.meta = {
    angle: Math.min(...lengths) > 1e-9 ? (180 / Math.PI) * Math.acos(Math.max(-1, Math.min(1, cosine))) : null,
    norms: lengths,
    middle: byKind(({ norms }) => norms[half]),
    lowest: byKind(({ p }) => Math.min(...inside(p))),
    in_holes: note ? null : inside(curves.spherical.p).filter((p) => p <= ALPHA).length / inside(curves.spherical.p).length,
    shell,
    note,
  };
  return figure;
}

/**
 * How empty a plane is, as `measured_plane` of explorer/views/hole_map.py measures it.
 * @param {Support} support
 * @param {any} laid What `laid_plane` tells there.
 */
export function measuredPlane(support, { window: flat, size, cells, usual }) {
  const grid = support.plane(flat, size);
  const places = Float64Array.from({ length: size }, (_, k) => (2 * k) / (size - 1) - 1);
  const [byX, byY, byXX, byYY, byXY] = usual;
  const odds = new Float64Array(grid.length);
  let top = -Infinity;
  for (let at = 0; at < grid.length; at++) {
    const x = places[at % size];
    const y = places[Math.floor(at / size)];
    odds[at] = byX * x + byY * y + byXX * x * x + byYY * y * y + byXY * x * y;
    top = Math.max(top, odds[at]);
  }
  let [holes, inHoles, weights] = [0, 0, 0];
  for (let at = 0; at < grid.length; at++) {
    const weight = Math.exp(odds[at] - top);
    weights += weight;
    if (grid[at] > ALPHA) continue;
    holes++;
    inHoles += weight;
  }
  const middles = support.plane({ ...flat, extent: flat.extent * (1 - 1 / cells) }, cells);
  return {
    vacancy: { values: Float32Array.from(grid, Math.log10), shape: [size, size] },
    holes: { values: Uint8Array.from(middles, (p) => Number(p <= ALPHA)), shape: [cells, cells] },
    share: holes / grid.length,
    weighted: inHoles / weights,
  };
}

/** Layers of Holes about a place of which codes and programs say all that there is to say. */
const PLAIN_LAYERS = new Set(["vacancy", "round_trip", "cliff"]);

/**
 * What is known of a place, as `described_place` of explorer/views/hole_sheets.py tells it.
 * @param {Support} support
 * @param {Float32Array} z (d,)
 * @param {Float32Array | null} back Where encoding its decode lands; null where that is not known.
 * @param {ArrayLike<number> | null} misses Of the calibration codes, ascending.
 */
export function placeTold(support, z, back, misses) {
  const distance = support.isOff(z, 0) ? Infinity : support.score(support.reference, support.placed(z), 0);
  const miss = back && support.miss(z, back);
  const worse = miss === null || !misses ? null : misses.length - countBelow(misses, miss);
  return {
    vacancy: support.pValues(z)[0],
    distance: Number.isFinite(distance) ? distance : null,
    round_trip: worse === null || !misses ? null : (1 + worse) / (1 + misses.length),
    miss,
    layer: null,
  };
}

/** What latents are judged among. @param {Details} details @returns {import("../latent/vacancy.js").Among} */
const amongOf = ({ query }) => (query?.among === "means" ? "means" : "draws");

/** @type {Partial<Record<import("./questions.js").Asked, (support: Support, details: Details, around: Around) => unknown>>} */
export const COMPUTED = {
  figureOf: (support, { of, query, body }, { told }) => {
    const { d } = support;
    if (of?.name !== "path" || !told || !(body instanceof Float32Array) || body.length !== 2 * d) return null;
    const wish = { overshoot: Number(query?.overshoot ?? 0), means: String(query?.means ?? ""), told };
    return pathFigure(support, body.slice(0, d), body.slice(d), wish);
  },
  holePlane: (support, details, { served }) =>
    served({ ...details, query: { ...details.query, measured: 0 } }).then((laid) => ({ ...laid, ...measuredPlane(support, laid) })),
  holePlace: (support, { body, query }, { programs, run, also }) => {
    const isPlain = PLAIN_LAYERS.has(String(query?.layer ?? "vacancy")) || programs.alone; // without a server a part is better than nothing
    const back = body instanceof Float32Array && isPlain ? programs.roundTrip(run, body) : null;
    if (!(body instanceof Float32Array) || (!back && !programs.alone)) return null;
    const asked = also("misses");
    return (programs.alone ? asked.catch(() => null) : asked).then((misses) => placeTold(support, body, back, misses));
  },
  samples: (support, { query }, { told }) => {
    const law = String(query?.law ?? "raw");
    if (!told || !support.laws[law]) return null; // the stored scores of a law are the server's to tell, once
    return sheetOf(support, { law, seed: Number(query?.seed ?? 0), redraw: Boolean(query?.redraw), told });
  },
  draws: (support, { query }) => support.draws(String(query?.law ?? "raw"), Number(query?.n ?? 1), Number(query?.seed ?? 0)),
  vacancies: (support, details) => {
    return details.body instanceof Float32Array ? Float32Array.from(support.pValues(details.body, amongOf(details))) : null;
  },
  trust: (support, details, { programs, run }) => {
    const { body } = details;
    if (!(body instanceof Float32Array)) return null;
    const back = programs.roundTrip(run, body);
    return back && { ...support.trust(body, amongOf(details)), round_trip: support.miss(body, back) };
  },
  walk: (support, details, { programs, run, told }) => {
    const { body, query } = details;
    if (!(body instanceof Float32Array) || body.length !== 2 * support.d || !told) return null; // only the server knows the place
    const [a, b] = [body.slice(0, support.d), body.slice(support.d)];
    const note = query?.kind === "spherical" ? whyStraight(a, b) : "";
    const kind = query?.kind === "spherical" && !note ? "spherical" : "linear";
    const positions = pathPositions(Number(query?.steps ?? 9), Number(query?.overshoot ?? 0));
    if (!programs.takesAMoment(run, positions.length)) return null;
    const latents = positions.map((t) => between(kind, a, b, t));
    return {
      kind,
      note,
      positions,
      latents: latents.map((latent) => Array.from(latent)),
      norm: latents.map((latent) => support.norm(latent)),
      vacancy: support.alongWalk(latents, positions, String(query?.means ?? "")),
      round_trip: latents.map((latent) => support.miss(latent, /** @type {Float32Array} */ (programs.roundTrip(run, latent)))),
      place: told.place,
    };
  },
};
