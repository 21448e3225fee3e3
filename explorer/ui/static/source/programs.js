/**
 * Decoders and encoders in the visitor's own browser: which runs have one here, and who computes what, when.
 *
 * The hand comes first: one picture that follows a drag is computed at once on the page's own thread where that takes a
 * moment, else by a worker that does nothing else. Many pictures go to one or two other workers, in pieces of a few
 * milliseconds, so that what nobody wants any longer ends soon. Whatever stands in the way of a program is said in a
 * sentence, and the server computes as before.
 */

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("./machine.js").Head} Head */
/** @typedef {"decoder" | "encoder"} Part */
/** @typedef {"hand" | "ahead" | "batch"} Priority */
/** @typedef {{mean: Float32Array, logVariance: Float32Array | null}} Codes */

/** In the order in which they are served. @type {Priority[]} */
const PRIORITIES = ["hand", "ahead", "batch"];

const MOMENT_MS = 4; // what the page's own thread may take for one picture without a drag feeling it
const LONGEST_MS = 40; // that anything may hold the page's own thread up, when a walk is new
const PIECE_MS = 8; // what a worker takes at a time, so that it can be called off
const TOO_SLOW_MS = 60; // a decode that takes longer is the server's
const ARRIVAL_MS = 60_000; // in which a program must have arrived
const PATIENCE_MS = 30_000; // after which one that did not arrive is asked for again
const START_MS = 10_000; // in which a worker must have made a program ready
const MOST_OPEN = 12; // programs that are kept ready, each a few megabytes
const IN_FLIGHT = 2; // pieces that a worker has, so that it never waits for the next one

/** What runs programs: fetched with the first of them, so that no picture waits for it. */
const engine = async () => {
  const [{ machine }, { PLAIN, RELAXED }] = await Promise.all([import("./machine.js"), import("./kernel.js")]);
  return { ...machine(), text: workerText(machine), builds: [RELAXED, PLAIN] };
};

/** @typedef {Awaited<ReturnType<typeof engine>>} Engine */

/** A model that no program expresses: asking again is in vain. */
export class NoProgram extends Error {}

/** What a worker runs; its text is all that it has. @param {() => {Program: any}} make */
function serve(make) {
  const kinds = make();
  /** @type {Map<string, Promise<any>>} */
  const open = new Map();
  /** @type {Record<string, (message: any) => any>} */
  const does = {
    open: async ({ key, kernel, file, known }) => {
      const opening = kinds.Program.open(kernel, file);
      open.set(key, opening); // at once: a question may follow before it is done
      const program = await opening;
      if (known) return { trouble: null, ms: known };
      const trouble = program.trouble(file);
      return { trouble, ms: trouble ? 0 : program.pace() };
    },
    close: ({ key }) => void open.delete(key),
    decode: async ({ key, values, count }) => (await open.get(key)).decode(values, count),
    encode: async ({ key, values, count }) => (await open.get(key)).encode(values, count),
  };
  self.onmessage = async ({ data }) => {
    try {
      self.postMessage({ id: data.id, answer: await does[data.kind](data) });
    } catch (error) {
      self.postMessage({ id: data.id, error: String(/** @type {any} */ (error)?.message ?? error) });
    }
  };
}

/** The text of a worker, complete in itself: imports do not reach workers everywhere. @param {typeof import("./machine.js").machine} machine */
export const workerText = (machine) => `"use strict";\n(${serve})(${machine});`;

/** A worker of this page. @param {string} text @returns {Worker} */
function spawn(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return new Worker(address);
  } finally {
    setTimeout(() => URL.revokeObjectURL(address), START_MS);
  }
}

/** @param {string} text In base64. */
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/**
 * The kernel in the best build that this browser knows.
 * @param {string[]} builds In base64, the best first.
 * @returns {Promise<WebAssembly.Module>}
 */
export async function kernelOf(builds) {
  const known = typeof WebAssembly === "object" ? builds.map(bytesOf).find((bytes) => WebAssembly.validate(bytes)) : undefined;
  if (!known) throw new Error("this browser has no WebAssembly with SIMD");
  return WebAssembly.compile(known);
}

/** One worker, and what it was asked. */
class Computer {
  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
    this.asked = new Map();
    this.next = 0;
    /** Programs that it has, by key: done when they are ready there. @type {Map<string, Promise<any>>} */
    this.open = new Map();
    this.worker.onmessage = ({ data: { id, answer, error } }) => {
      const waiting = this.asked.get(id);
      this.asked.delete(id);
      if (error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(error));
    };
    this.worker.onerror = (event) => this.fail(new Error(event.message || "a worker of the page ended"));
  }

  /** @param {Error} error */
  fail(error) {
    for (const { reject } of this.asked.values()) reject(error);
    this.asked.clear();
  }

  /**
   * @param {Record<string, any>} message
   * @returns {Promise<any>}
   */
  ask(message) {
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.asked.set(id, { resolve, reject });
      this.worker.postMessage({ ...message, id });
    });
  }

  /** Have a program ready there; one that was tested and timed already is at work at once. @param {Ready} ready */
  prepare({ key, kernel, file, ms }) {
    let opened = this.open.get(key);
    if (!opened) {
      opened = this.ask({ kind: "open", key, kernel, file, known: ms });
      this.open.set(key, opened);
    }
    return opened;
  }

  /** @param {string} key */
  close(key) {
    if (this.open.delete(key)) this.ask({ kind: "close", key }).catch(() => {});
  }
}

/**
 * A program that can be used.
 * @typedef {object} Ready
 * @property {string} key
 * @property {WebAssembly.Module} kernel
 * @property {ArrayBuffer} file
 * @property {Head} head
 * @property {number} ms Of one pass.
 * @property {any} here The program on the page's own thread, where it takes but a moment; else null.
 */

/**
 * How the pictures of a run come about.
 * @typedef {object} DecoderState
 * @property {boolean} here Whether this browser computes them.
 * @property {number | null} ms Of one picture, here.
 * @property {string | null} trouble Why the server does, where nobody chose that.
 */

/**
 * What there is of a run's program.
 * @typedef {object} KnownProgram
 * @property {Ready | null} ready
 * @property {string | null} trouble Why it is not used, as a sentence.
 * @property {number} again When it may be asked for again.
 * @property {Promise<void>} settled
 */

/**
 * What is to be computed, in pieces.
 * @typedef {object} Job
 * @property {Ready} ready
 * @property {"decode" | "encode"} kind
 * @property {Float32Array} values
 * @property {number} width Numbers of one row of values.
 * @property {number} count Rows.
 * @property {number} from Of the next piece.
 * @property {number} done Rows that are computed.
 * @property {(answer: any, from: number) => void} take
 * @property {() => void} finish
 * @property {(error: unknown) => void} fail
 * @property {AbortSignal} [signal]
 */

export class Programs extends EventTarget {
  /**
   * @param {object} from
   * @param {(run: string, part: Part, signal: AbortSignal) => Promise<ArrayBuffer>} from.bring A program's file; fails
   *   with a sentence where there is none.
   * @param {(text: string) => Worker} [from.make] A new worker that runs a text.
   * @param {(builds: string[]) => Promise<WebAssembly.Module>} [from.kernel]
   * @param {boolean} [from.wanted] Whether pictures are computed here at all.
   * @param {boolean} [from.alone] Whether there is no server: what is slow here is then better than nothing.
   * @param {number} [from.workers] Workers for many pictures.
   */
  constructor({ bring, make = spawn, kernel = kernelOf, wanted = true, alone = false, workers = (globalThis.navigator?.hardwareConcurrency ?? 1) > 1 ? 2 : 1 }) {
    super();
    this.bring = bring;
    this.make = make;
    this.kernel = kernel;
    this.wanted = wanted;
    this.alone = alone;
    this.workers = workers;
    /** @type {Engine | null} */
    this.engine = null;
    /** @type {Promise<WebAssembly.Module> | null} */
    this.compiled = null;
    /** @type {Map<string, KnownProgram>} By run and part, the one used longest ago first. */
    this.found = new Map();
    /** @type {Map<string, string>} Of runs. */
    this.versions = new Map();
    /** @type {Computer | null} One picture at a time. */
    this.own = null;
    /** @type {Computer[]} */
    this.pool = [];
    /** @type {Record<Priority, Job[]>} */
    this.waiting = { hand: [], ahead: [], batch: [] };
  }

  /**
   * Compute here, or leave it to the server.
   * @param {boolean} wanted
   */
  switchTo(wanted) {
    this.wanted = wanted;
    this.dispatchEvent(new Event("changed"));
  }

  /**
   * The program of a run, if it is ready.
   * @param {string} run
   * @param {Part} part
   * @returns {Ready | null}
   */
  of(run, part) {
    const key = `${part} ${run}`;
    const known = this.wanted ? this.found.get(key) : undefined;
    if (!known) return null;
    this.found.delete(key); // it is now the one used last
    this.found.set(key, known);
    return known.ready;
  }

  /**
   * Have the program of a run made ready, unless that is done, under way, or known to be in vain.
   * @param {string} run
   * @param {Part} part
   * @returns {Promise<void>} Done when it is ready, or when it is known why not.
   */
  want(run, part) {
    if (!this.wanted) return Promise.resolve();
    const key = `${part} ${run}`;
    const known = this.found.get(key);
    if (known && !(known.trouble && performance.now() > known.again)) return known.settled;
    /** @type {KnownProgram} */
    const found = { ready: null, trouble: null, again: Infinity, settled: Promise.resolve() };
    this.found.set(key, found);
    this.trim();
    found.settled = this.prepare(key, run, part, found);
    return found.settled;
  }

  /**
   * A program failed while it was used: the server is asked from now on.
   * @param {string} run
   * @param {Part} part
   * @param {Error} error
   */
  giveUp(run, part, { message }) {
    const found = this.found.get(`${part} ${run}`);
    if (!found?.ready) return;
    for (const hand of [this.own, ...this.pool]) hand?.close(found.ready.key);
    this.settle(run, found, message);
  }

  /**
   * @param {string} run
   * @param {KnownProgram} found
   * @param {string} trouble
   */
  settle(run, found, trouble) {
    Object.assign(found, { ready: null, trouble });
    console.warn(`${this.alone ? "Nothing" : "The server"} decodes ${run}: ${trouble}.`);
    this.dispatchEvent(new Event("changed"));
  }

  /**
   * How the pictures of a run come about, for whoever asks; null while that is not known.
   * @param {string} run
   * @returns {DecoderState | null}
   */
  state(run) {
    if (!this.wanted) return { here: false, ms: null, trouble: null };
    const found = this.found.get(`decoder ${run}`);
    if (!found || (!found.ready && !found.trouble)) return null;
    return { here: found.ready !== null, ms: found.ready?.ms ?? null, trouble: found.trouble };
  }

  /**
   * @param {string} key
   * @param {string} run
   * @param {Part} part
   * @param {KnownProgram} found
   */
  async prepare(key, run, part, found) {
    const late = new AbortController();
    try {
      const arriving = this.arrival(run, part, found, late);
      arriving.catch(() => {}); // what is wrong with it is told below, after what is wrong with the browser
      this.engine ??= await engine();
      const { Program, read, builds } = this.engine;
      this.compiled ??= this.kernel(builds);
      const kernel = await this.compiled;
      const file = await arriving;
      const { head } = read(file);
      /** @type {Ready} */
      const ready = { key, kernel, file, head, ms: 0, here: null };
      const { trouble, ms } = await within(START_MS, this.worker().prepare(ready), "the browser does not start a worker");
      if (trouble) throw new Error(trouble);
      if (ms > TOO_SLOW_MS && !this.alone) throw new Error(`the ${part} takes ${Math.round(ms)} ms a picture on this device, and more than ${TOO_SLOW_MS} are too many to follow a hand`);
      ready.ms = ms;
      if (ms < MOMENT_MS || this.alone) ready.here = await Program.open(kernel, file);
      Object.assign(found, { ready });
      this.dispatchEvent(new Event("changed"));
    } catch (error) {
      late.abort();
      this.settle(run, found, /** @type {Error} */ (error).message.replace(/\.$/, ""));
    }
  }

  /**
   * @param {string} run
   * @param {Part} part
   * @param {KnownProgram} found
   * @param {AbortController} late Ends it when nobody waits any longer.
   */
  async arrival(run, part, found, late) {
    const clock = setTimeout(() => late.abort(), ARRIVAL_MS);
    try {
      return await this.bring(run, part, late.signal);
    } catch (error) {
      if (!(error instanceof NoProgram)) found.again = performance.now() + PATIENCE_MS;
      throw late.signal.aborted ? new Error(`the ${part} did not arrive within ${ARRIVAL_MS / 1000} seconds`) : error;
    } finally {
      clearTimeout(clock);
    }
  }

  /**
   * What a run is now: programs of what it was before are let go.
   * @param {string} run
   * @param {string} version
   * @returns {boolean} Whether it is another than it was.
   */
  renew(run, version) {
    const another = this.versions.get(run) !== version;
    if (another) for (const part of ["decoder", "encoder"]) this.drop(`${part} ${run}`);
    this.versions.set(run, version);
    return another;
  }

  /** @param {string} key */
  drop(key) {
    const ready = this.found.get(key)?.ready;
    this.found.delete(key);
    if (ready) for (const hand of [this.own, ...this.pool]) hand?.close(key);
  }

  /** Let the programs go that were used longest ago. */
  trim() {
    for (const key of [...this.found.keys()].slice(0, -MOST_OPEN)) this.drop(key);
  }

  /** A new worker; there is a program, and so an engine. */
  computer() {
    return new Computer(this.make(/** @type {Engine} */ (this.engine).text));
  }

  /** The worker of the hand. */
  worker() {
    this.own ??= this.computer();
    return this.own;
  }

  /**
   * Pictures of latents, or null where the run has no program that is ready.
   * @param {string} run
   * @param {Float32Array} latents (count * d)
   * @param {number} count
   * @param {{signal?: AbortSignal, priority?: Priority}} [options]
   * @returns {Promise<Decoded> | null}
   */
  decode(run, latents, count, { signal, priority = count > 1 ? "batch" : "hand" } = {}) {
    const ready = this.of(run, "decoder");
    if (!ready) return null;
    const { image_shape: [channels, height, width], latent_dim: d } = ready.head;
    if (latents.length !== count * d) return Promise.reject(new Error(`${latents.length} numbers are not ${count} latents of ${d}.`));
    /** @type {Decoded["shape"]} */
    const shape = [count, height, width, channels];
    if (ready.here && count * ready.ms < MOMENT_MS) return soon(() => ({ pixels: ready.here.decode(latents, count), shape }), signal);
    const pixels = new Uint8ClampedArray(count * height * width * channels);
    const size = height * width * channels;
    return this.pieces({ ready, kind: "decode", values: latents, width: d, count, signal, take: (answer, from) => pixels.set(answer, from * size) }, priority, () => ({ pixels, shape }));
  }

  /**
   * Posteriors of images, or null where the run has no program that is ready.
   * @param {string} run
   * @param {Float32Array} images (count, H, W, C), in [0, 1].
   * @param {number} count
   * @param {{signal?: AbortSignal, priority?: Priority}} [options]
   * @returns {Promise<Codes> | null}
   */
  encode(run, images, count, { signal, priority = count > 1 ? "batch" : "hand" } = {}) {
    const ready = this.of(run, "encoder");
    if (!ready) return null;
    const { image_shape, latent_dim: d, outputs } = ready.head;
    const size = image_shape.reduce((product, side) => product * side, 1);
    if (images.length !== count * size) return Promise.reject(new Error(`${images.length} numbers are not ${count} images of ${size}.`));
    if (ready.here && count * ready.ms < MOMENT_MS) return soon(() => ready.here.encode(images, count), signal);
    const mean = new Float32Array(count * d);
    const logVariance = "log_variance" in outputs ? new Float32Array(count * d) : null;
    const take = (/** @type {Codes} */ answer, /** @type {number} */ from) => {
      mean.set(answer.mean, from * d);
      if (answer.logVariance) logVariance?.set(answer.logVariance, from * d);
    };
    return this.pieces({ ready, kind: "encode", values: images, width: size, count, signal, take }, priority, () => ({ mean, logVariance }));
  }

  /**
   * Where encoding the decode of a latent lands; null where a run lacks a program that takes but a moment.
   * @param {string} run
   * @param {Float32Array} latent (d,)
   * @param {string} [other] Whose encoder sees the decode, if it is another run's.
   * @returns {Float32Array | null} (d,)
   */
  roundTrip(run, latent, other = run) {
    const [decoder, encoder] = [this.of(run, "decoder")?.here, this.of(other, "encoder")?.here];
    return decoder && encoder ? encoder.encode(decoder.unrounded(latent), 1).mean : null;
  }

  /**
   * Whether that many round trips take but a moment on the page's own thread.
   * @param {string} run
   * @param {number} count
   */
  takesAMoment(run, count) {
    const [decoder, encoder] = [this.of(run, "decoder"), this.of(run, "encoder")];
    return Boolean(decoder?.here && encoder?.here && (this.alone || count * (decoder.ms + encoder.ms) < LONGEST_MS));
  }

  /**
   * Have a job done by workers.
   * @template T
   * @param {Omit<Job, "from" | "done" | "finish" | "fail">} what
   * @param {Priority} priority
   * @param {() => T} whole What it comes to in the end.
   * @returns {Promise<T>}
   */
  pieces(what, priority, whole) {
    return new Promise((resolve, reject) => {
      /** @type {Job} */
      const job = { ...what, from: 0, done: 0, finish: () => resolve(whole()), fail: reject };
      const { signal } = job;
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", () => {
        this.waiting[priority] = this.waiting[priority].filter((each) => each !== job);
        reject(signal.reason);
      }, { once: true });
      if (!job.count) return job.finish();
      if (priority === "hand" && job.count === 1) return void this.send(this.worker(), job);
      this.waiting[priority].push(job);
      this.pump();
    });
  }

  /** Give waiting pieces to workers that have room. */
  pump() {
    for (const priority of PRIORITIES) {
      const queue = this.waiting[priority];
      while (queue.length) {
        const hand = this.free();
        if (!hand) return;
        const [job] = queue;
        this.send(hand, job);
        if (job.from >= job.count) queue.shift();
      }
    }
  }

  /** A worker with room for another piece; a new one while there may be more. */
  free() {
    const [least] = [...this.pool].sort((a, b) => a.asked.size - b.asked.size);
    if (least && !least.asked.size) return least;
    if (this.pool.length < this.workers) {
      const hand = this.computer();
      this.pool.push(hand);
      return hand;
    }
    return least.asked.size < IN_FLIGHT ? least : null;
  }

  /**
   * Have a worker compute the next piece of a job.
   * @param {Computer} hand
   * @param {Job} job
   */
  send(hand, job) {
    const { ready, kind, values, width, from } = job;
    const count = Math.min(job.count - from, Math.max(1, Math.floor(PIECE_MS / Math.max(ready.ms, 1e-3))));
    job.from += count;
    hand.prepare(ready).catch(() => {}); // what is wrong with it, the question that follows says
    const piece = values.slice(from * width, (from + count) * width);
    hand.ask({ kind, key: ready.key, values: piece, count }).then(
      (answer) => {
        if (!job.signal?.aborted) {
          job.take(answer, from);
          job.done += count;
          if (job.done === job.count) job.finish();
        }
        this.pump();
      },
      (error) => {
        for (const priority of PRIORITIES) this.waiting[priority] = this.waiting[priority].filter((each) => each !== job);
        job.fail(error);
        this.pump();
      },
    );
  }
}

/**
 * @template T
 * @param {() => T} work
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function soon(work, signal) {
  signal?.throwIfAborted();
  return work();
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {string} otherwise What is wrong if it takes longer.
 * @returns {Promise<T>}
 */
function within(ms, promise, otherwise) {
  return new Promise((resolve, reject) => {
    const clock = setTimeout(() => reject(new Error(otherwise)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(clock));
  });
}
