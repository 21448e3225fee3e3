/**
 * What the page asks of its server, and how answers are kept in order.
 *
 * A decoder is anything with `decode(run, latents, count)`. `ServerDecoder` asks the server; one that computes in the
 * browser can take its place without a change elsewhere.
 */

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */

/**
 * @typedef {object} Decoder
 * @property {(run: string, latents: Float32Array, count: number) => Promise<Decoded>} decode
 */

/** A refusal by the server, in its own words. */
export class ServerError extends Error {
  /**
   * @param {string} message One sentence.
   * @param {number} status HTTP status.
   */
  constructor(message, status) {
    super(message);
    this.name = "ServerError";
    this.status = status;
  }
}

/** No answer at all: the network, or the server, is away. */
export class Unreachable extends Error {
  /** @param {boolean} again Whether the request will be sent again. */
  constructor(again = false) {
    super(`The server cannot be reached; ${again ? "trying again." : "try again later."}`);
    this.name = "Unreachable";
    this.again = again;
  }
}

const API = new URL("../../../api/", import.meta.url);
const PAGE = new URL("../../../../", import.meta.url);
const BUSY = 503;
const PATIENCE_MS = [150, 400, 1000, 2000];
const OUTAGE_MS = [500, 1000, 2000, 4000, 8000, 15000, 30000, 60000];

/**
 * Address of something about a run.
 * @param {string} run
 * @param {string} [what] Path below the run, made of safe characters.
 * @param {Record<string, string | number>} [query]
 */
export function address(run, what = "", query = {}) {
  const url = new URL(`run/${encodeURIComponent(run)}${what ? `/${what}` : ""}`, API);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
  return url;
}

/** What the server named by an address relative to the page. @param {string} path */
export const stored = (path) => new URL(path, PAGE);

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
      continue;
    }
    const said = await response.json().catch(() => null);
    throw new ServerError(said?.error ?? `the server answered ${response.status}; reload the page.`, response.status);
  }
}

/** @param {URL | string} url */
export const askJson = async (url) => (await ask(url)).json();

/** @param {URL | string} url */
export const askFloats = async (url) => new Float32Array(await (await ask(url)).arrayBuffer());

/** @param {URL | string} url */
export const askBytes = async (url) => new Uint8Array(await (await ask(url)).arrayBuffer());

/** @param {URL | string} url */
export const askInts = async (url) => new Int32Array(await (await ask(url)).arrayBuffer());

/**
 * Post latents as raw little-endian float32.
 * @param {URL} url
 * @param {Float32Array} latents
 * @param {AbortSignal} [signal] Gives the request up.
 */
export function post(url, latents, signal) {
  const body = latents.slice().buffer;
  return ask(url, { method: "POST", body, signal, headers: { "Content-Type": "application/octet-stream" } });
}

/** Decodes on the server. @implements {Decoder} */
export class ServerDecoder {
  /**
   * @param {string} run
   * @param {Float32Array} latents (count * d)
   * @param {number} count
   * @returns {Promise<Decoded>}
   */
  async decode(run, latents, count) {
    const response = await post(address(run, "decode"), latents);
    const stated = (response.headers.get("X-Shape") ?? "").split(",").map(Number);
    const pixels = new Uint8ClampedArray(await response.arrayBuffer());
    const [n, height, width, channels] = stated;
    if (n !== count || pixels.length !== n * height * width * channels) {
      throw new ServerError(`asked for ${count} images, but the answer has shape ${stated}; reload the page.`, 200);
    }
    return { pixels, shape: [n, height, width, channels] };
  }
}

/** The page's decoder. */
export const decoder = new ServerDecoder();

/**
 * A test image, or what the run makes of it.
 * @param {string} run
 * @param {number} index
 * @param {"original" | "reconstruction"} part
 * @returns {Promise<Decoded>}
 */
export async function fetchPixels(run, index, part) {
  const response = await ask(address(run, `reconstruct/${index}/pixels`, { part }));
  const [height, width, channels] = (response.headers.get("X-Shape") ?? "").split(",").map(Number);
  return { pixels: new Uint8ClampedArray(await response.arrayBuffer()), shape: [1, height, width, channels] };
}

/**
 * How usual a latent is.
 * @param {string} run
 * @param {Float32Array} latent (d,)
 * @returns {Promise<Record<string, number | null>>}
 */
export async function describe(run, latent) {
  return (await post(address(run, "describe"), latent)).json();
}

/**
 * Draws latents of a sampling law.
 * @param {string} run
 * @param {string} law
 * @param {number} count
 * @param {number} seed
 */
export function sample(run, law, count, seed) {
  return askFloats(address(run, "sample", { law, n: count, seed }));
}

/**
 * Draws from the posterior of a test image, or else of the picture that a latent decodes to.
 * @param {string} run
 * @param {number | Float32Array} of Number of the test image, or a latent (d,).
 * @param {{count: number, temperature: number, seed: number}} asked
 * @returns {Promise<Float32Array>} (count * d)
 */
export async function variationsOf(run, of, { count, temperature, seed }) {
  const query = { n: count, temperature, seed };
  if (typeof of === "number") return askFloats(address(run, `variations/${of}`, query));
  return new Float32Array(await (await post(address(run, "variations", query), of)).arrayBuffer());
}

/**
 * Where the twin's encoder puts the picture that a latent decodes to.
 * @param {string} run
 * @param {Float32Array} latent (d,)
 * @returns {Promise<Float32Array>} Of the twin, (d,).
 */
export async function twinsView(run, latent) {
  return new Float32Array(await (await post(address(run, "beside"), latent)).arrayBuffer());
}

/**
 * Lines of Python that make the picture of a latent.
 * @param {string} run
 * @param {Float32Array} latent (d,)
 * @returns {Promise<string>}
 */
export async function pythonLines(run, latent) {
  return (await (await post(address(run, "python"), latent)).json()).python;
}

/**
 * A direction between two groups of images, found as asked for.
 * @param {string} run
 * @param {{kind: string, name: string, method: string, without: string}} asked
 * @returns {Promise<{direction: import("../latent/latent.js").Direction, members: number, others: number, reliability: number}>}
 */
export const foundDirection = (run, asked) => askJson(address(run, "direction", asked));

/**
 * How many images have and lack each class and attribute.
 * @param {string} run
 * @returns {Promise<{fewest: number, class: Group[], attribute: Group[]}>}
 */
export const groupsOf = (run) => askJson(address(run, "contrasts"));

/** @typedef {{name: string, members: number, others: number}} Group */

/**
 * Keeps a stream of requests in order: several in flight, only the newest waiting, answers shown only forwards, and
 * the last request always answered (or its failure told). While the server cannot be reached, the newest request is
 * sent again, ever more rarely and not for ever.
 *
 * @template Request, Answer
 */
export class NewestWins {
  /**
   * @param {(request: Request) => Promise<Answer>} work
   * @param {(answer: Answer, request: Request) => void} show Called with ever newer answers.
   * @param {(error: unknown, request: Request) => void} [fail] Called when the newest request fails; an `Unreachable`
   *   says whether it is tried again.
   * @param {number} [limit] Most requests in flight.
   */
  constructor(work, show, fail = () => {}, limit = 4) {
    this.work = work;
    this.show = show;
    this.fail = fail;
    this.limit = limit;
    /** @type {{request: Request} | null} */
    this.waiting = null;
    this.flying = 0;
    this.asked = 0; // sequence number of the newest request sent
    this.shown = 0; // of the newest answer shown, or of the newest request that was dropped
    this.outages = 0; // failures to reach the server since it answered last
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  /** @param {Request} request Replaces one that still waits. */
  ask(request) {
    clearTimeout(this.retry);
    this.waiting = { request };
    this.pump();
  }

  /** Forget what waits and what flies: no older answer will be shown. */
  drop() {
    clearTimeout(this.retry);
    this.waiting = null;
    this.shown = this.asked;
  }

  pump() {
    while (this.waiting && this.flying < this.limit) {
      const { request } = this.waiting;
      const mine = ++this.asked;
      this.waiting = null;
      this.flying++;
      this.work(request).then(
        (answer) => {
          this.flying--;
          this.outages = 0;
          if (mine > this.shown) {
            this.shown = mine;
            this.show(answer, request);
          }
          this.pump();
        },
        (error) => {
          this.flying--;
          if (mine === this.asked && !this.waiting && mine > this.shown) this.giveUp(error, request);
          this.pump();
        },
      );
    }
  }

  /**
   * Tell that the newest request failed, and send it again if only the way to the server was broken.
   * @param {unknown} error
   * @param {Request} request
   */
  giveUp(error, request) {
    const wait = error instanceof Unreachable ? OUTAGE_MS[this.outages++] : undefined;
    if (wait !== undefined) this.retry = setTimeout(() => this.ask(request), wait);
    else this.outages = 0;
    this.fail(wait !== undefined ? new Unreachable(true) : error, request);
  }
}
