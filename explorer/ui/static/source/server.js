/** A source that asks the page's own server: the one place where its addresses are spelt. */

import { ServerError, Unreachable } from "./errors.js";
import { formOf, QUESTIONS } from "./questions.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./questions.js").Asked} Asked */
/** @typedef {import("./questions.js").Form} Form */
/** @typedef {import("./source.js").Details} Details */

const API = new URL("../../../api/", import.meta.url);
const PAGE = new URL("../../../../", import.meta.url);
const BUSY = 503;
const PATIENCE_MS = [150, 400, 1000, 2000];

/**
 * Address of something about a run.
 * @param {string} run
 * @param {string} [what] Path below the run, made of safe characters.
 * @param {Record<string, string | number | string[]>} [query] Of a list each value is said by itself.
 */
export function address(run, what = "", query = {}) {
  const url = new URL(`run/${encodeURIComponent(run)}${what ? `/${what}` : ""}`, API);
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) url.searchParams.append(key, each);
    else url.searchParams.set(key, String(value));
  }
  return url;
}

/**
 * Fetch, wait while the server is busy, and turn refusals into `ServerError`.
 * @param {URL | string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(url, options = {}) {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(url, { credentials: "same-origin", ...options }).catch((error) => {
      throw error instanceof TypeError ? new Unreachable() : error; // fetch's own word for a broken network
    });
    if (response.ok) return response;
    if (response.status === BUSY && attempt < PATIENCE_MS.length) {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS[attempt]));
      options.signal?.throwIfAborted(); // nobody waits any longer
      continue;
    }
    const said = await response.json().catch(() => null);
    throw new ServerError(said?.error ?? `the server answered ${response.status}; reload the page.`, response.status);
  }
}

/** How an answer is read, by its form. @type {Record<Form, (answer: Response) => Promise<any>>} */
const READ = {
  json: (answer) => answer.json(),
  floats: async (answer) => new Float32Array(await answer.arrayBuffer()),
  ints: async (answer) => new Int32Array(await answer.arrayBuffer()),
  bytes: async (answer) => new Uint8Array(await answer.arrayBuffer()),
  pixels: async (answer) => {
    const stated = (answer.headers.get("X-Shape") ?? "").split(",").map(Number);
    const pixels = new Uint8ClampedArray(await answer.arrayBuffer());
    const shape = stated.length === 3 ? [1, ...stated] : stated; // one picture, or several
    if (pixels.length !== shape.reduce((size, side) => size * side, 1)) {
      throw new ServerError(`the answer's ${pixels.length} bytes are no pictures of shape ${shape}; reload the page.`, 200);
    }
    return { pixels, shape };
  },
  file: async (answer) => {
    const told = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
    return { name: told?.[1] ?? null, blob: await answer.blob() };
  },
  nothing: async () => null,
};

/** @typedef {import("./source.js").Source} Source */

/** @implements {Source} */
export class ServerSource {
  /** @returns {Promise<any[]>} */
  async runs() {
    return (await ask(new URL("runs", API))).json();
  }

  /**
   * @param {Asked} question
   * @param {string} run
   * @param {Details} [details]
   * @returns {Promise<any>}
   */
  async ask(question, run, { of = {}, query = {}, body, signal } = {}) {
    const { path, form, sends = false } = /** @type {import("./questions.js").Question} */ (QUESTIONS[question]);
    const what = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(of[name]));
    /** @type {RequestInit} */
    const options = { signal };
    if (sends) Object.assign(options, { method: "POST" });
    if (body) Object.assign(options, { body: ArrayBuffer.isView(body) ? bytesOf(body) : body, headers: { "Content-Type": "application/octet-stream" } });
    return READ[form](await ask(address(run, what, query), options));
  }

  /**
   * @param {RunInfo} info
   * @param {import("./questions.js").ArrayName} name
   */
  async array({ stored }, name) {
    const at = stored[name];
    return at ? READ[formOf(name)](await ask(new URL(at, PAGE))) : null;
  }

  /** @param {RunInfo} info */
  version({ stored }) {
    return new URL(stored.points, PAGE).searchParams.get("v") ?? "";
  }

  /** @param {string} name */
  async picture(name) {
    return createImageBitmap(await (await ask(new URL(name, PAGE))).blob());
  }

  /**
   * @param {string} run
   * @param {Float32Array} latents (count * d)
   * @param {number} count
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Decoded>}
   */
  async decode(run, latents, count, { signal } = {}) {
    const decoded = /** @type {Decoded} */ (await this.ask("decode", run, { body: latents, signal }));
    if (decoded.shape[0] !== count) {
      throw new ServerError(`asked for ${count} images, but the answer has shape ${decoded.shape}; reload the page.`, 200);
    }
    return decoded;
  }

  /** There is a server, and it can do all that is asked of it. */
  can() {
    return true;
  }
}

/**
 * The bytes of numbers alone: a view may show a part of a larger buffer.
 * @param {ArrayBufferView} view
 */
const bytesOf = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);
