/**
 * Where everything comes from that the page shows of runs. Nothing else in the page knows an address.
 *
 * A source of files (`folder.js`), for a page without a server, answers *stored* questions from files, *computed* ones by
 * programs in the browser, and says of *served* ones that it cannot (`questions.js`).
 */

import { Kind } from "./kind.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./questions.js").ArrayName} ArrayName */
/** @typedef {import("./questions.js").Asked} Asked */

/**
 * What is said with a question.
 * @typedef {object} Details
 * @property {Record<string, string | number>} [of] What stands in braces in the question's path.
 * @property {Record<string, string | number | string[]>} [query]
 * @property {ArrayBufferView | Blob} [body] Latents, rows of images, or pixels.
 * @property {AbortSignal} [signal] Gives the question up; the promise then rejects with an `AbortError`.
 */

/**
 * How soon an answer is wanted: a picture under a hand before those that a hand may come to, before many.
 * @typedef {object} Asking
 * @property {AbortSignal} [signal] Gives the question up; the promise then rejects with an `AbortError`.
 * @property {import("./programs.js").Priority} [priority] By itself one picture is for the hand, and several are a batch.
 */

/** What may be asked of fits on this machine. @typedef {"form" | "look" | "start" | "stop" | "resume"} FitQuestion */

/**
 * @typedef {object} Source
 * @property {() => Promise<any[]>} runs Every run there is, in a line each; `error` says why one cannot be opened.
 * @property {() => Promise<any[]>} [fits] Runs that are being fitted now; absent where none ever are.
 * @property {(what: FitQuestion, wish?: object) => Promise<any>} [fitHere] Begin, watch, stop and resume a fit on the
 *   machine of the server; absent where there is none.
 * @property {(question: Asked, run: string, details?: Details) => Promise<any>} ask Anything about a run, in the form
 *   that the table of questions states.
 * @property {(info: RunInfo, name: ArrayName) => Promise<any>} array One row per image of the evaluation split; null
 *   where the run has no such array.
 * @property {(info: RunInfo) => string} version Of the run's files: what is computed from them may be kept for ever.
 * @property {(name: string) => Promise<ImageBitmap>} picture A stored picture, by the name that a card or an answer gives it.
 * @property {(info: RunInfo, number: number) => Promise<ImageBitmap>} sheet A sheet of small pictures of a run's images.
 * @property {(name: string, signal?: AbortSignal) => Promise<{name: string | null, blob: Blob}>} file A file to keep, by the
 *   name that a card gives it.
 * @property {(run: string, latents: Float32Array, count: number, options?: Asking) => Promise<Decoded>} decode
 *   Images of `count` latents, flat.
 * @property {(run: string, pixels: Uint8ClampedArray | Uint8Array, options?: Asking) => Promise<import("./programs.js").Codes>} encode
 *   The posterior of one image (H, W, C) in bytes: mean and log-variance, the latter null where it is not known.
 * @property {import("./programs.js").Programs} programs What is computed in this browser, and why not.
 * @property {string} cannot What no page of this kind can do, as a sentence; "" where there is a server.
 * @property {(question: Asked) => boolean} can Whether a question can be answered at all: the controls of one that
 *   cannot are not there.
 */

/** The page's source. @type {Source} */
export const source = new Kind();
