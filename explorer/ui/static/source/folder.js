/**
 * A source without a server: it reads what explorer/site/ stored, and answers the rest by programs and codes. What
 * neither can tell it refuses in a sentence, and says beforehand that it cannot.
 */

import { held, unzipped } from "../kit/held.js";
import { once } from "../kit/once.js";
import { ALONE, cutSlice } from "./alone.js";
import { COMPUTED } from "./computed.js";
import { ServerError, Unreachable } from "./errors.js";
import { Programs } from "./programs.js";
import { formOf, QUESTIONS } from "./questions.js";
import { ServerSource } from "./server.js";
import { drawnFrom } from "../latent/slices.js";
import { Support } from "../latent/support.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./questions.js").Asked} Asked */
/** @typedef {import("./source.js").Details} Details */

/**
 * Where an answer is stored.
 * @typedef {object} StoredAnswer
 * @property {string} file Its name.
 * @property {boolean} zipped
 * @property {string} [shape] Of pixels.
 * @property {boolean} [packed] Whether the file is a JSON object of answers by question.
 */

/** @typedef {{index: Record<string, StoredAnswer>, cannot: string}} Contents What the page says of itself. */

const FILES = "files/"; // beside the page
const MISSING = 404;

/**
 * A question as explorer/site/ spells it.
 * @param {string} path Below the API, as it is read.
 * @param {[string, string][]} query
 */
export function spelt(path, query) {
  const said = query.filter(([name]) => name !== "v").sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return `${path} ${JSON.stringify(said)}`;
}

/** The question that an address in an answer asks. @param {string} address */
export function keyOfAddress(address) {
  const { pathname, searchParams } = new URL(address, "xp:/");
  return spelt(decodeURIComponent(pathname).replace(/^\/explorer\/api\//, ""), [...searchParams]);
}

/**
 * The question itself.
 * @param {Asked} question
 * @param {string} run
 * @param {Details} details
 */
function keyOfQuestion(question, run, { of = {}, query = {} }) {
  const what = QUESTIONS[question].path.replace(/\{(\w+)\}/g, (_, name) => String(of[name]));
  const said = Object.entries(query).flatMap(([name, value]) => [value].flat().map((each) => /** @type {[string, string]} */ ([name, String(each)])));
  return spelt(`run/${run}${what ? `/${what}` : ""}`, said);
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/**
 * Values whose parts were named, each part in its places again.
 * @param {[any[], any]} packed
 */
function wholeOf([parts, named]) {
  /** @param {any} value @returns {any} */
  const whole = (value) => {
    if (Array.isArray(value)) return value.map(whole);
    if (value === null || typeof value !== "object") return value;
    if (Object.hasOwn(value, "$")) return parts[value.$];
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, whole(each)]));
  };
  return whole(named);
}

/** How stored bytes are read, by the form of the answer. @type {Partial<Record<import("./questions.js").Form, (bytes: Uint8Array<ArrayBuffer>, entry: StoredAnswer) => any>>} */
const READ = {
  json: parsed,
  floats: ({ buffer }) => new Float32Array(buffer),
  ints: ({ buffer }) => new Int32Array(buffer),
  bytes: (bytes) => bytes,
  pixels: (bytes, { shape = "" }) => ({ pixels: new Uint8ClampedArray(bytes.buffer), shape: [1, ...shape.split(",").map(Number)].slice(-4) }),
};

/** Questions that no stored answer and no program answers, whatever they ask. @type {Set<Asked>} */
const NEVER = new Set(["direction", "errors", "file", "startTsne", "tsne", "cancelTsne", "selection", "selectionImage", "spoilt", "spreadOf", "bound", "variations", "variationsOfImage"]);

/** Questions whose answers decode and encode; all others by codes wait for no program. @type {Set<Asked>} */
const ROUND_TRIPS = new Set(["trust", "walk", "holePlace"]);

export class FolderSource extends ServerSource {
  constructor() {
    super();
    /** @type {Contents} */
    this.contents = JSON.parse(globalThis.document?.querySelector("#explorer-stored")?.textContent ?? '{"index": {}, "cannot": ""}');
    this.cannot = this.contents.cannot;
    this.programs = new Programs({ bring: (run, part, signal) => this.program(run, part, signal), alone: true });
    /** Files that hold many answers, by name. @type {Map<string, Promise<Record<string, any>>>} */
    this.packs = new Map();
    /** What is wanted again and again; nobody may change it. @type {Map<string, Promise<any>>} */
    this.made = new Map();
  }

  /**
   * What was made before, or is made now: a file of a page of one file takes 10 ms and more to read.
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} make
   * @returns {Promise<T>}
   */
  once(key, make) {
    return once(this.made, key, make);
  }

  /** A card that nobody changes. @param {string} run @returns {Promise<RunInfo>} */
  card(run) {
    return this.once(`card ${run}`, () => this.ask("card", run));
  }

  /** @param {string} what */
  refusal(what) {
    return new ServerError(`${what} is not stored in this page. ${this.cannot}`, MISSING);
  }

  /**
   * The bytes of a file.
   * @param {StoredAnswer} entry
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async bytes({ file, zipped }) {
    const inside = held(file);
    const bytes = inside ?? (await this.fetched(file));
    return zipped ? unzipped(bytes) : bytes;
  }

  /** @param {string} file */
  async fetched(file) {
    const answer = await fetch(new URL(`../../${FILES}${file}`, import.meta.url)).catch((error) => {
      throw error instanceof TypeError ? new Unreachable() : error; // fetch's own word for a broken network
    });
    if (!answer.ok) throw new ServerError(`the file ${FILES}${file} of this page is not there (${answer.status}); upload it anew.`, answer.status);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /**
   * A stored answer; undefined where there is none.
   * @param {string} key
   * @param {import("./questions.js").Form} form
   */
  async find(key, form) {
    const entry = Object.hasOwn(this.contents.index, key) ? this.contents.index[key] : undefined;
    if (!entry) return undefined;
    if (!entry.packed) return READ[form]?.(await this.bytes(entry), entry);
    const pack = await once(this.packs, entry.file, async () => wholeOf(parsed(await this.bytes(entry))));
    return structuredClone(pack[key]); // whoever draws a figure changes it
  }

  /** @returns {Promise<any[]>} */
  async runs() {
    return this.find(spelt("runs", []), "json");
  }

  /** Nothing is fitted where there is no server. @returns {Promise<any[]>} */
  async fits() {
    return [];
  }

  /** Nor is a fit begun. @returns {Promise<any>} */
  async fitHere() {
    throw this.refusal("A fit");
  }

  /**
   * @param {Asked} question
   * @param {string} run
   * @param {Details} [details]
   * @returns {Promise<any>}
   */
  async ask(question, run, details = {}) {
    details.signal?.throwIfAborted();
    const { byCodes } = /** @type {import("./questions.js").Question} */ (QUESTIONS[question]);
    if (byCodes) {
      const here = await this.byCodes(question, run, details);
      if (here) return here;
    }
    const asked = question === "holeLayer" ? await this.ledByVae(details) : details;
    const found = details.body ? undefined : await this.find(keyOfQuestion(question, run, asked), QUESTIONS[question].form);
    if (found !== undefined) return question === "card" ? this.renewed(run, found) : found;
    const alone = ALONE[question];
    const answer = alone ? await alone(this, run, details) : undefined;
    if (answer === undefined) throw this.refusal(`This answer (${question})`);
    return answer;
  }

  /**
   * One draw of the code of each image, (N * d): of an encoder without noise the code itself.
   * @param {RunInfo} info
   * @returns {Promise<Float32Array>}
   */
  drawnCodes(info) {
    return this.once(`drawn ${info.name}`, async () => {
      const [points, file] = await Promise.all([this.array(info, "points"), this.find(spelt(`run/${info.name}/drawn`, []), "bytes")]);
      return file ? drawnFrom(file, points, info.latent_dim) : points;
    });
  }

  /**
   * A card, as it was when the page was made.
   * @param {string} run
   * @param {RunInfo} card
   */
  renewed(run, card) {
    this.programs.renew(run, this.version(card));
    return card;
  }

  /**
   * What the codes of a run tell; null where they do not.
   * @param {Asked} question
   * @param {string} run
   * @param {Details} details
   */
  async byCodes(question, run, details) {
    const compute = COMPUTED[question];
    if (!compute) return null;
    const support = await this.support(run);
    if (ROUND_TRIPS.has(question)) await Promise.all([this.programs.want(run, "decoder"), this.programs.want(run, "encoder")]);
    const told = await this.toldOf(question, run, details);
    const served = (/** @type {Details} */ others) => this.laidPlane(run, others);
    return compute(support, details, { programs: this.programs, run, told, served, also: (/** @type {Asked} */ other) => this.served(other, run, {}) });
  }

  /**
   * What a server answered to the same question when the page was made: what else an answer tells stays as it is.
   * @param {Asked} question
   * @param {string} run
   * @param {Details} details
   */
  async toldOf(question, run, { of, query = {} }) {
    if (question === "walk") return { place: `checkpoints/${run}` };
    if (question === "samples") return this.find(keyOfQuestion("samples", run, { query: { law: query.law ?? "raw", seed: 0, redraw: 0 } }), "json");
    if (question !== "figureOf" || of?.name !== "path") return null;
    const { kind = "linear", theme = "light" } = query;
    return this.find(keyOfQuestion("figureOf", run, { of, query: { kind, theme, overshoot: query.overshoot ?? 0, means: "" } }), "json");
  }

  /**
   * Where a slice lies and what stands on it: the usual one is stored, any other is cut from the codes.
   * @param {string} run
   * @param {Details} details
   */
  async laidPlane(run, details) {
    const led = await this.ledByVae(details);
    return (await this.find(keyOfQuestion("holePlane", run, led), "json")) ?? cutSlice(this, run, led);
  }

  /**
   * The slice that is stored of a run.
   * @param {string} run
   * @param {string} lead
   */
  usualPlane(run, lead) {
    const key = keyOfQuestion("holePlane", run, { query: { lead, measured: 0 } });
    return this.once(key, async () => {
      const found = await this.find(key, "json");
      if (!found) throw this.refusal("This slice");
      return found;
    });
  }

  /**
   * A question about a slice of Holes as it was stored: a pair is cut as its VAE chooses.
   * @param {Details} details
   * @returns {Promise<Details>}
   */
  async ledByVae(details) {
    const lead = String(details.query?.lead ?? "");
    const info = lead ? await this.card(lead) : null;
    return info?.side === "ae" && info.twin ? { ...details, query: { ...details.query, lead: info.twin } } : details;
  }

  /** @param {string} run */
  support(run) {
    return this.once(`support ${run}`, async () => {
      const file = await this.find(keyOfQuestion("support", run, {}), "bytes");
      if (!file) throw this.refusal(`What tells the holes of ${run}`);
      return new Support(file);
    });
  }

  /**
   * What is stored of a run's program, or its file.
   * @param {Asked} question
   * @param {string} run
   * @param {Details} details
   */
  async served(question, run, details) {
    const found = await this.find(keyOfQuestion(question, run, details), QUESTIONS[question].form);
    if (found === undefined) throw this.refusal(`This answer (${question})`);
    return found;
  }

  /**
   * @param {RunInfo} info
   * @param {import("./questions.js").ArrayName} name
   */
  async array({ stored }, name) {
    const address = stored[name];
    return address ? this.once(address, async () => (await this.find(keyOfAddress(address), formOf(name))) ?? null) : null;
  }

  /** @param {RunInfo} info */
  version({ stored }) {
    return new URL(stored.points, "xp:/").searchParams.get("v") ?? "";
  }

  /** @param {string} name */
  async picture(name) {
    const key = keyOfAddress(name);
    const entry = this.contents.index[key];
    if (entry) return createImageBitmap(new Blob([await this.bytes(entry)]));
    const sheet = /^run\/(.+)\/sprites\/(\d+) /.exec(key);
    if (!sheet) throw this.refusal("This picture");
    return this.decodedSheet(await this.card(sheet[1]), Number(sheet[2]));
  }

  /**
   * @param {string} run
   * @param {Float32Array} latents (count * d)
   * @param {number} count
   * @param {import("./source.js").Asking} [options]
   * @returns {Promise<import("../kit/pixels.js").Decoded>}
   */
  async decode(run, latents, count, options = {}) {
    const decoded = this.programs.decode(run, latents, count, options) ?? (await this.programs.want(run, "decoder").then(() => this.programs.decode(run, latents, count, options)));
    if (!decoded) throw this.lacking(run, "decoder");
    return decoded;
  }

  /**
   * @param {string} run
   * @param {Uint8ClampedArray | Uint8Array} pixels (H, W, C)
   * @param {import("./source.js").Asking} [options]
   * @returns {Promise<import("./programs.js").Codes>}
   */
  async encode(run, pixels, options = {}) {
    await this.programs.want(run, "encoder");
    const levels = this.programs.of(run, "encoder")?.head.levels ?? 256;
    const image = Float32Array.from(pixels, (byte) => Math.round((byte * (levels - 1)) / 255) / (levels - 1));
    const codes = this.programs.encode(run, image, 1, options);
    if (!codes) throw this.lacking(run, "encoder");
    return codes;
  }

  /**
   * @param {string} run
   * @param {import("./programs.js").Part} part
   */
  lacking(run, part) {
    const why = this.programs.found.get(`${part} ${run}`)?.trouble ?? "it was not stored";
    return new ServerError(`This browser cannot use the ${part} of ${run}: ${why}.`, MISSING);
  }

  /** @param {Asked} question */
  can(question) {
    return QUESTIONS[question].kind !== "served" && !NEVER.has(question);
  }
}
