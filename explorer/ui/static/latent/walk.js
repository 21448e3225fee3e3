/** Walks between two latents: where they lead, what is said of them, and the Python that makes them. */

import { percent, shown } from "./numbers.js";

/** @typedef {import("./run.js").Whence} Whence */
/** @typedef {"linear" | "spherical"} PathKind */

/** Kinds of walk in words. @type {Record<PathKind, string>} */
export const KIND_NAMES = { linear: "straight line", spherical: "arc" };

const NO_LENGTH = 1e-9; // as in explorer/analysis/interpolation.py
const NO_ANGLE = 1e-4; // sine of an angle below which two directions are one

/** @param {ArrayLike<number>} z */
export function norm(z) {
  let sum = 0;
  for (let i = 0; i < z.length; i++) sum += z[i] * z[i];
  return Math.sqrt(sum);
}

/**
 * The latent at a position of a walk from a to b: what the server's interpolation computes, for a hand that cannot wait.
 *
 * An arc turns evenly from one direction to the other while its length changes evenly; where that is not defined the
 * walk is straight.
 * @param {PathKind} kind
 * @param {ArrayLike<number>} a Where position 0 stands, (d,).
 * @param {ArrayLike<number>} b Where position 1 stands, (d,).
 * @param {number} t Below 0 and above 1 it overshoots.
 * @returns {Float32Array} (d,)
 */
export function between(kind, a, b, t) {
  const [near, far] = [norm(a), norm(b)];
  let [ofA, ofB] = [1 - t, t];
  if (kind === "spherical" && Math.min(near, far) >= NO_LENGTH) {
    let cosine = 0;
    for (let i = 0; i < a.length; i++) cosine += (a[i] / near) * (b[i] / far);
    const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
    if (Math.sin(angle) >= NO_ANGLE) {
      const length = Math.max(0, (1 - t) * near + t * far) / Math.sin(angle);
      ofA = (length * Math.sin((1 - t) * angle)) / near;
      ofB = (length * Math.sin(t * angle)) / far;
    }
  }
  return Float32Array.from(a, (value, i) => ofA * value + ofB * b[i]);
}

/**
 * Why there is no arc between two latents, as a sentence; "" where there is one.
 * @param {ArrayLike<number>} a (d,)
 * @param {ArrayLike<number>} b (d,)
 */
export function whyStraight(a, b) {
  const [near, far] = [norm(a), norm(b)];
  if (Math.min(near, far) < NO_LENGTH) return "The walk is straight: one end is the origin, which has no direction.";
  let cosine = 0;
  for (let i = 0; i < a.length; i++) cosine += (a[i] / near) * (b[i] / far);
  if (Math.sin(Math.acos(Math.max(-1, Math.min(1, cosine)))) >= NO_ANGLE) return "";
  return `The walk is straight: both ends point ${cosine > 0 ? "the same way" : "opposite ways"} from the origin.`;
}

/**
 * Even positions from -overshoot to 1 + overshoot; one step stands in the middle.
 * @param {number} steps
 * @param {number} overshoot
 */
export function pathPositions(steps, overshoot) {
  if (steps === 1) return [0.5];
  return Array.from({ length: steps }, (_, k) => +(-overshoot + ((1 + 2 * overshoot) * k) / (steps - 1)).toFixed(9));
}

/**
 * A position in words.
 * @param {number} t 0 is A, 1 is B.
 */
export function placeWords(t) {
  if (Math.abs(t) < 1e-6) return "at A";
  if (Math.abs(t - 1) < 1e-6) return "at B";
  if (t < 0) return `${percent(-t + 1e-9)} beyond A`;
  if (t > 1) return `${percent(t - 1 + 1e-9)} beyond B`;
  return Math.abs(t - 0.5) < 1e-6 ? "half way from A to B" : `${percent(t + 1e-9)} of the way from A to B`;
}

/**
 * Which ends of a walk are posterior means of images, as the server wants it told: "", "a", "b" or "ab".
 * @param {Whence} a
 * @param {Whence} b
 */
export const meansOf = (a, b) => (isMean(a) ? "a" : "") + (isMean(b) ? "b" : "");

/** Whether a latent is where the encoder put an image. @param {Whence} whence */
export const isMean = ({ kind }) => kind === "image" || kind === "own";

/**
 * What a place of a walk is judged among: between two posterior means among means, and either of them among means.
 * @param {string} means As `meansOf` tells it.
 * @param {number} t
 * @returns {import("./vacancy.js").Among}
 */
export function amongAt(means, t) {
  if (means === "ab") return "means";
  return (means === "a" && Math.abs(t) < 1e-9) || (means === "b" && Math.abs(t - 1) < 1e-9) ? "means" : "draws";
}

/**
 * Where an end came from, in words.
 * @param {Whence} whence
 * @param {string | null} [label] Name of its class, of an image.
 */
export function sourceWords({ kind, index, seed, text }, label = null) {
  if (kind === "image") return `test image ${index}${label === null ? "" : `, labelled ${label}`}`;
  if (kind === "random") return `draw ${seed} from ${text}`;
  if (kind === "own") return text ?? "an image of your own";
  if (kind === "link") return "the latent of a link";
  return text ?? (kind === "origin" ? "the origin" : "a place of latent space");
}

/**
 * What the curves of a walk show, in words with numbers.
 * @param {any} meta Of the figure: see explorer/views/interpolate.py.
 * @returns {string[]} Sentences.
 */
export function pathWords(meta) {
  if (!meta?.norms) return [];
  const { angle, norms, middle, in_holes: holes, shell, note } = meta;
  const mean = (norms[0] + norms[1]) / 2;
  const share = mean > 0 ? ` (${shown(middle.linear / mean, 2)} of its ends' mean)` : "";
  const ends = `The ends have norms ${shown(norms[0])} and ${shown(norms[1])}${angle === null ? "" : `, ${angle.toFixed(0)}° apart`}.`;
  const said = [
    `${ends} Half way, the straight line has norm ${shown(middle.linear)}${share} and the arc ${shown(middle.spherical)}; 90 % of the codes have norms from ${shown(shell[0])} to ${shown(shell[2])}.`,
  ];
  if (holes !== null) said.push(`Between A and B, ${percent(holes)} of the arc lies in holes. The straight line is not counted: its middle is nearer to the centre, where every place looks usual.`);
  if (note) said.push(note);
  said.push("Between latents of one length at right angles, as two prior draws nearly are in many dimensions, the middle of a straight line has 0.71 of that length; the arc keeps it all.");
  return said;
}

/**
 * An end as Python.
 * @param {Whence} whence
 * @param {ArrayLike<number>} latent
 */
function endCode({ kind, index }, latent) {
  if (kind === "image") return `run.latents.mean[${index}]`;
  return `[${Array.from(latent, (value) => +value.toPrecision(9)).join(", ")}]`;
}

/**
 * Python that walks the same walk and decodes it.
 * @param {object} path
 * @param {string | null} path.place The run's folder; null of a model that was handed to `launch`.
 * @param {{whence: Whence, latent: ArrayLike<number>}} path.a
 * @param {{whence: Whence, latent: ArrayLike<number>}} path.b
 * @param {PathKind} path.kind
 * @param {number} path.steps
 * @param {number} path.overshoot
 */
export function pathCode({ place, a, b, kind, steps, overshoot }) {
  const lines = ["from explorer.analysis.interpolation import interpolate, path_positions"];
  const ends = [a, b].map(({ whence, latent }) => endCode(whence, latent));
  if (place !== null) {
    lines.unshift("from explorer import load_run");
    lines.push(`run = load_run(${JSON.stringify(place)})`, `a, b = ${ends.join(", ")}`);
  } else {
    lines.unshift("# coder = explorer.as_coder(model, images), of what you handed to launch(); images in [0, 1]");
    lines.push(`a, b = ${ends.map((end) => end.replace(/^run\.latents\.mean\[(\d+)\]$/, "coder.encode(images[$1:][:1]).mean[0]")).join(", ")}`);
  }
  lines.push(
    `path = interpolate(a, b, path_positions(${steps}, ${overshoot}), "${kind}").latents`,
    `pictures = ${place !== null ? "run." : ""}coder.decode(path)  # (${steps}, C, H, W) in [0, 1]`,
  );
  return lines.join("\n");
}
