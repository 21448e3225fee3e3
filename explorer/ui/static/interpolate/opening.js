/** The pair of images that Interpolate opens on: the one whose middle tells most of a hole in the autoencoder. */

import { between } from "../latent/walk.js";
import { sideOf } from "../kit/sides.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {[number, number]} ImagePair Numbers of two images. */

const OF_EACH = 3; // images of each class that are tried
const MOST_CLASSES = 10;
const MOST_PAIRS = 200;
const PATIENCE_MS = 1500; // then it opens on the first two

/**
 * Numbers of two images to begin with: the first, and the first of another class.
 * @param {number} count
 * @param {ArrayLike<number> | null} labels
 * @returns {ImagePair}
 */
export function firstTwo(count, labels) {
  const other = labels ? Array.from(labels).findIndex((label) => label !== labels[0]) : 1;
  return [0, Math.min(other > 0 ? other : 1, count - 1)];
}

/**
 * Pairs that are tried, always the same: of every two classes the first images, or, without classes, the first images.
 * @param {number} count
 * @param {ArrayLike<number> | null} labels
 * @returns {ImagePair[]}
 */
export function triedPairs(count, labels) {
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (let image = 0; image < count; image++) {
    const label = labels ? labels[image] : image;
    const group = groups.get(label) ?? [];
    if (!group.length && groups.size === MOST_CLASSES) continue;
    if (group.length < OF_EACH) groups.set(label, [...group, image]);
  }
  const each = [...groups.values()];
  /** @type {ImagePair[]} */
  const pairs = each.flatMap((some, k) => each.slice(k + 1).flatMap((others) => some.flatMap((one) => others.map((other) => /** @type {ImagePair} */ ([one, other])))));
  const stride = Math.max(1, pairs.length / MOST_PAIRS);
  return Array.from({ length: Math.min(pairs.length, MOST_PAIRS) }, (_, k) => pairs[Math.floor(k * stride)]);
}

/**
 * How empty the middles of straight walks between images are.
 * @param {RunInfo} info
 * @param {ImagePair[]} pairs
 * @returns {Promise<ArrayLike<number>>} p-values.
 */
async function middlesOf({ name, latent_dim: d }, pairs) {
  const points = await view.points(name);
  const code = (/** @type {number} */ image) => points.subarray(image * d, (image + 1) * d);
  const middles = new Float32Array(pairs.length * d);
  pairs.forEach(([one, other], k) => middles.set(between("linear", code(one), code(other), 0.5), k * d));
  return source.ask("vacancies", name, { query: { among: "means" }, body: middles });
}

/**
 * The pair whose middle is emptier in the autoencoder than in the VAE by most.
 * @param {ImagePair[]} pairs
 * @param {ArrayLike<number>} ofAe p-values of their middles.
 * @param {ArrayLike<number>} ofVae
 */
export const mostTelling = (pairs, ofAe, ofVae) => pairs[pairs.reduce((best, _, k) => (ofVae[k] - ofAe[k] > ofVae[best] - ofAe[best] ? k : best), 0)];

/**
 * The pair to open on.
 * @param {RunInfo} info
 * @param {RunInfo | null} twin
 * @param {Int32Array | null} labels
 * @returns {Promise<ImagePair>}
 */
export function openingPair(info, twin, labels) {
  const usual = firstTwo(info.count, labels);
  const pairs = triedPairs(info.count, labels);
  if (!twin || !pairs.length) return Promise.resolve(usual);
  const search = async () => {
    const [mine, other] = await Promise.all([middlesOf(info, pairs), middlesOf(twin, pairs)]);
    return sideOf(info) === "ae" ? mostTelling(pairs, mine, other) : mostTelling(pairs, other, mine);
  };
  const late = new Promise((resolve) => setTimeout(() => resolve(usual), PATIENCE_MS));
  return Promise.race([search().catch(() => usual), /** @type {Promise<ImagePair>} */ (late)]);
}
