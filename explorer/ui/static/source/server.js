/** A source that asks the page's own server: the one place where its addresses are spelt. */

import { toRgba } from "../kit/pixels.js";
import { ServerError, Unreachable } from "./errors.js";
import { NoProgram, Programs } from "./programs.js";
import { formOf, QUESTIONS } from "./questions.js";

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./questions.js").Asked} Asked */
/** @typedef {import("./questions.js").Form} Form */
/** @typedef {import("../latent/support.js").Support} Support */
/** @typedef {import("./source.js").Details} Details */

const API = new URL("../../../api/", import.meta.url);
const PAGE = new URL("../../../../", import.meta.url);
const BUSY = 503;
const PATIENCE_MS = [150, 400, 1000, 2000];
const PIECE_MS = 8; // of laying out a sheet at a time
const MOST_SUPPORTS = 8; // runs of which the codes are kept: a megabyte or two each

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

/** Where fits on this machine are asked for. @type {Record<import("./source.js").FitQuestion, string>} */
const FITS = { form: "fit", look: "fit?part=fit", start: "fit", stop: "fit/stop", resume: "fit/resume" };

/** @typedef {import("./source.js").Source} Source */

/** Whether pictures are computed here; `?decoder=server` in the address asks for the server's. */
const HERE = new URLSearchParams(globalThis.location?.search ?? "").get("decoder") !== "server";

/** @implements {Source} */
export class ServerSource {
  constructor() {
    this.programs = new Programs({ bring: (run, part, signal) => this.program(run, part, signal), wanted: HERE });
    /** What tells how empty places are, of runs that were asked about it; null until it is there. @type {Map<string, Support | null>} */
    this.supports = new Map();
    /** The server's last answer to each question that may be computed, by question. @type {Map<string, any>} */
    this.told = new Map();
    /** What such questions need beside, by question and run. @type {Map<string, Promise<any>>} */
    this.asked = new Map();
    /** How such questions are answered here: fetched with the first support, so that no picture waits for it. @type {typeof import("./computed.js").COMPUTED | null} */
    this.computed = null;
    this.cannot = "";
  }

  /**
   * The file of a program.
   * @param {string} run
   * @param {import("./programs.js").Part} part
   * @param {AbortSignal} signal
   * @returns {Promise<ArrayBuffer>}
   */
  async program(run, part, signal) {
    const { name, trouble } = await this.ask("program", run, { of: { part }, signal });
    if (trouble) throw new NoProgram(trouble);
    return (await this.ask("programFile", run, { of: { part, name }, signal })).buffer;
  }

  /** @returns {Promise<any[]>} */
  async runs() {
    return (await ask(new URL("runs", API))).json();
  }

  /** @returns {Promise<any[]>} */
  async fits() {
    return (await ask(new URL("fits", API))).json();
  }

  /**
   * @param {import("./source.js").FitQuestion} what
   * @param {object} [wish] Settings of the fit to begin.
   * @returns {Promise<any>}
   */
  async fitHere(what, wish = {}) {
    const path = FITS[what];
    const sent = { method: "POST", body: JSON.stringify(wish), headers: { "Content-Type": "application/json" } };
    return (await ask(new URL(path, API), what === "form" || what === "look" ? {} : sent)).json();
  }

  /**
   * @param {Asked} question
   * @param {string} run
   * @param {Details} [details]
   * @returns {Promise<any>}
   */
  async ask(question, run, details = {}) {
    const { byCodes } = /** @type {import("./questions.js").Question} */ (QUESTIONS[question]);
    if (!byCodes || !this.programs.wanted) return this.served(question, run, details);
    const support = this.supports.get(run);
    const key = JSON.stringify([question, run, details.of, byCodes.map((part) => details.query?.[part])]);
    const told = this.told.get(key) ?? null;
    const around = {
      programs: this.programs,
      run,
      told,
      served: (/** @type {Details} */ others) => this.served(question, run, others),
      also: (/** @type {Asked} */ other) => this.kept(other, run),
    };
    const here = support ? this.computed?.[question]?.(support, details, around) : null;
    if (here) return here;
    const answer = await this.served(question, run, details);
    this.told.set(key, structuredClone(answer)); // whoever draws a figure changes it
    this.supply(run, question === "walk" || ((question === "trust" || question === "holePlace") && told !== null));
    return answer;
  }

  /**
   * Something stored of a run that its codes are asked with, fetched once.
   * @param {Asked} question
   * @param {string} run
   */
  kept(question, run) {
    const key = `${question} ${run}`;
    let found = this.asked.get(key);
    if (!found) {
      found = this.served(question, run, {});
      found.catch(() => this.asked.delete(key)); // the next question tries again
      this.asked.set(key, found);
    }
    return found;
  }

  /**
   * Have what answers such a question here the next time. The decoder comes first, because a hand waits for it.
   * @param {string} run
   * @param {boolean} encodes Whether round trips are asked for: by a walk, or of a second latent, when somebody moves. Whoever
   *   only looks at the picture on which the page opens is not sent an encoder.
   */
  async supply(run, encodes) {
    const known = this.supports.has(run);
    if (!known) this.supports.set(run, null);
    await this.programs.want(run, "decoder");
    if (encodes) this.programs.want(run, "encoder");
    if (known) return;
    try {
      const [file, { Support }, { COMPUTED }] = await Promise.all([this.served("support", run, {}), import("../latent/support.js"), import("./computed.js")]);
      const found = new Support(file);
      this.computed = COMPUTED;
      if (this.supports.has(run)) this.supports.set(run, found);
      if (this.supports.size > MOST_SUPPORTS) this.supports.delete([...this.supports.keys()][0]);
    } catch (error) {
      console.warn(`The server judges places of ${run}: ${/** @type {Error} */ (error).message}`);
      this.supports.delete(run); // the next question tries again
    }
  }

  /**
   * What the server answers.
   * @param {Asked} question
   * @param {string} run
   * @param {Details} details
   * @returns {Promise<any>}
   */
  async served(question, run, { of = {}, query = {}, body, signal }) {
    const { path, form, sends = false, later = false } = /** @type {import("./questions.js").Question} */ (QUESTIONS[question]);
    const what = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(of[name]));
    /** @type {RequestInit} */
    const options = { signal };
    if (later) options.priority = "low";
    if (sends) Object.assign(options, { method: "POST" });
    if (body) Object.assign(options, { body: ArrayBuffer.isView(body) ? bytesOf(body) : body, headers: { "Content-Type": "application/octet-stream" } });
    const answer = await READ[form](await ask(address(run, what, query), options));
    if (question === "card" && this.programs.renew(run, this.version(answer))) {
      this.supports.delete(run);
      for (const key of this.asked.keys()) if (key.endsWith(` ${run}`)) this.asked.delete(key);
    }
    return answer;
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

  /** @param {string} name @param {AbortSignal} [signal] */
  async file(name, signal) {
    return READ.file(await ask(new URL(name, PAGE), { signal }));
  }

  /** @param {string} name */
  async picture(name) {
    return createImageBitmap(await (await ask(new URL(name, PAGE))).blob());
  }

  /**
   * @param {RunInfo} info
   * @param {number} number
   */
  async sheet(info, number) {
    // grey decodes come about here in less time than they take to load; those of a data set have to be sent
    if (!info.has_images && info.image_shape[0] === 1 && this.programs.of(info.name, "decoder")) {
      try {
        return await this.decodedSheet(info, number);
      } catch (error) {
        console.warn(`The server decodes the small pictures of ${info.name}: ${/** @type {Error} */ (error).message}`);
      }
    }
    return this.picture(info.stored.sprites[number]);
  }

  /**
   * A sheet of small pictures, decoded from the codes of the images.
   * @param {RunInfo} info
   * @param {number} number Of the sheet.
   */
  async decodedSheet(info, number) {
    const points = /** @type {Float32Array} */ (await this.array(info, "points"));
    const { size, columns, tile: [high, wide] } = info.sheet;
    const [first, last] = [number * size, Math.min(info.count, (number + 1) * size)];
    const latents = points.slice(first * info.latent_dim, last * info.latent_dim);
    const { pixels, shape: [count, height, width, channels] } = await this.decode(info.name, latents, last - first, { priority: "batch" });
    const [across, down] = [Math.min(count, columns) * wide, Math.ceil(count / columns) * high];
    const sheet = new ImageData(across, down);
    const small = new Uint32Array(sheet.data.buffer);
    const tile = height * width;
    const every = Math.floor(width / wide); // of a large image one pixel of so many is enough
    let begin = performance.now();
    for (let k = 0; k < count; k++) {
      const rgba = new Uint32Array(Uint8ClampedArray.from(toRgba(pixels, channels, k * tile * channels, tile)).buffer);
      const [left, top] = [(k % columns) * wide, Math.floor(k / columns) * high];
      for (let row = 0; row < high; row++) {
        for (let column = 0; column < wide; column++) small[(top + row) * across + left + column] = rgba[row * every * width + column * every];
      }
      if (performance.now() - begin < PIECE_MS) continue;
      await new Promise((resume) => setTimeout(resume)); // a hand moves in between
      begin = performance.now();
    }
    return createImageBitmap(sheet);
  }

  /**
   * @param {string} run
   * @param {Float32Array} latents (count * d)
   * @param {number} count
   * @param {import("./source.js").Asking} [options]
   * @returns {Promise<Decoded>}
   */
  async decode(run, latents, count, options = {}) {
    const { signal } = options;
    const here = await this.here(run, "decoder", signal, () => this.programs.decode(run, latents, count, options));
    if (here) return here;
    const asked = this.ask("decode", run, { body: latents, signal });
    const decoded = /** @type {Decoded} */ (await asked.finally(() => void this.programs.want(run, "decoder"))); // which nobody waits for
    if (decoded.shape[0] !== count) {
      throw new ServerError(`asked for ${count} images, but the answer has shape ${decoded.shape}; reload the page.`, 200);
    }
    return decoded;
  }

  /**
   * @param {string} run
   * @param {Uint8ClampedArray | Uint8Array} pixels (H, W, C)
   * @param {import("./source.js").Asking} [options]
   * @returns {Promise<import("./programs.js").Codes>}
   */
  async encode(run, pixels, options = {}) {
    const { signal } = options;
    const levels = this.programs.of(run, "encoder")?.head.levels ?? 256;
    const image = Float32Array.from(pixels, (byte) => Math.round((byte * (levels - 1)) / 255) / (levels - 1));
    const here = await this.here(run, "encoder", signal, () => this.programs.encode(run, image, 1, options));
    if (here) return here;
    const { latent } = await this.ask("look", run, { body: pixels, signal }).finally(() => void this.programs.want(run, "encoder"));
    return { mean: Float32Array.from(latent), logVariance: null };
  }

  /**
   * What a program of the page computes; null where the server is to be asked. The first answer is the server's, and
   * the program is fetched after it: nothing comes before the first picture.
   * @template T
   * @param {string} run
   * @param {import("./programs.js").Part} part
   * @param {AbortSignal | undefined} signal
   * @param {() => Promise<T> | null} compute
   * @returns {Promise<T | null>}
   */
  async here(run, part, signal, compute) {
    try {
      const here = compute();
      if (here) return await here;
    } catch (error) {
      signal?.throwIfAborted();
      this.programs.giveUp(run, part, /** @type {Error} */ (error));
    }
    return null;
  }

  /** There is a server, and it can do all that is asked of it. @param {Asked} question */
  can(question) {
    return question in QUESTIONS;
  }
}

/**
 * The bytes of numbers alone: a view may show a part of a larger buffer.
 * @param {ArrayBufferView} view
 */
const bytesOf = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);
