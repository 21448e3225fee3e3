/** Who decodes: the browser where it can, the server where something stands in the way, and the hand before all else. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { COMPUTED } from "../../explorer/ui/static/source/computed.js";
import { kernelOf, NoProgram, Programs } from "../../explorer/ui/static/source/programs.js";
import { QUESTIONS } from "../../explorer/ui/static/source/questions.js";
import { ServerSource } from "../../explorer/ui/static/source/server.js";
import { linearProgram, localWorker } from "./small_program.mjs";

const WEIGHT = [[1, 0], [0, 1], [0.5, 0.5], [1, -1], [0.25, 0], [0, 0]];
const LATENTS = Float32Array.of(0.2, 0.4, 1, 0, -1, 3);
const PICTURES = [51, 102, 77, 0, 13, 0, 255, 0, 128, 255, 64, 0, 0, 255, 255, 0, 0, 0];

const warnings = /** @type {string[]} */ ([]);
console.warn = (words) => void warnings.push(words);
afterEach(() => warnings.splice(0));

/** @param {object} [settings] */
function programsOf({ file = linearProgram(WEIGHT), ...settings } = {}) {
  const asked = [];
  const log = [];
  const bring = async (run, part) => {
    asked.push(`${run} ${part}`);
    if (file instanceof Error) throw file;
    return typeof file === "function" ? file() : file;
  };
  return { asked, log, programs: new Programs({ bring, make: () => localWorker(log), workers: 2, ...settings }) };
}

/** A device as slow as one likes: what a pass takes there. */
function paced(programs, ms) {
  const worker = programs.worker.bind(programs);
  programs.worker = () => {
    const own = worker();
    if (Object.hasOwn(own, "prepare")) return own;
    const prepare = own.prepare.bind(own);
    return Object.assign(own, { prepare: (ready) => prepare(ready).then((answer) => ({ ...answer, ms })) });
  };
}

test("a picture that takes a moment is computed at once, and the same as on paper", async () => {
  const { programs, asked, log } = programsOf();
  assert.equal(programs.decode("a", LATENTS, 3), null, "nothing is asked for by looking");
  await programs.want("a", "decoder");
  await programs.want("a", "decoder");
  assert.deepEqual(asked, ["a decoder"]);
  const before = log.length;
  const { pixels, shape } = await programs.decode("a", LATENTS, 3);
  assert.ok(pixels.every((value, k) => Math.abs(value - PICTURES[k]) <= 1), String(pixels));
  assert.deepEqual(shape, [3, 1, 6, 1]);
  assert.equal(log.length, before, "no worker was asked");
  assert.deepEqual(programs.state("a")?.here, true);
});

test("what takes longer goes to workers in pieces, and comes back in order", async () => {
  const { programs, log } = programsOf();
  paced(programs, 5);
  await programs.want("a", "decoder");
  const many = Float32Array.from({ length: 40 }, (_, k) => k / 40);
  const { pixels } = await programs.decode("a", many, 20);
  const wanted = Array.from({ length: 20 }, (_, k) => WEIGHT.map(([x, y]) => Math.round(255 * Math.min(1, Math.max(0, x * many[2 * k] + y * many[2 * k + 1]))))).flat();
  assert.ok(pixels.every((value, k) => Math.abs(value - wanted[k]) <= 1));
  const pieces = log.filter(({ kind }) => kind === "decode");
  assert.equal(pieces.length, 20, "one picture of 5 ms at a time");
  assert.equal(programs.pool.length, 2);
});

test("what was called off is not computed any further", async () => {
  const { programs, log } = programsOf();
  paced(programs, 5);
  await programs.want("a", "decoder");
  const abort = new AbortController();
  const answer = programs.decode("a", new Float32Array(200), 100, { signal: abort.signal });
  abort.abort();
  await assert.rejects(answer, { name: "AbortError" });
  for (let k = 0; k < 20; k++) await new Promise(setImmediate);
  assert.ok(log.filter(({ kind }) => kind === "decode").length <= 4);
  await assert.rejects(programs.decode("a", new Float32Array(20), 10, { signal: abort.signal }), { name: "AbortError" });
});

test("the hand comes before what lies ahead, and that before many", async () => {
  const { programs, log } = programsOf({ workers: 1 });
  paced(programs, 20);
  await programs.want("a", "decoder");
  const order = [];
  const done = (name) => (answer) => void order.push([name, answer.shape[0]]);
  await Promise.all([
    programs.decode("a", new Float32Array(24), 12).then(done("batch")),
    programs.decode("a", new Float32Array(8), 4, { priority: "ahead" }).then(done("ahead")),
    programs.decode("a", new Float32Array(2), 1).then(done("hand")),
  ]);
  assert.deepEqual(order.map(([name]) => name), ["hand", "ahead", "batch"]);
  assert.ok(log.length > 17);
});

test("why the server decodes is said once, in a sentence", async (t) => {
  const cases = {
    "has no WebAssembly": { kernel: async () => Promise.reject(new Error("this browser has no WebAssembly with SIMD")) },
    GRU: { file: new NoProgram("a program cannot express the layer torch.nn.GRU.") },
    "self-test of the decoder is off by 0.5": { file: linearProgram(WEIGHT, { off: 0.5 }) },
    "format 9": { file: linearProgram(WEIGHT, { format: 9 }) },
    "does not know the step swirl": { file: () => renamed(linearProgram(WEIGHT), "reshape", "swirl  ") },
    "is no program": { file: new ArrayBuffer(64) },
    "cannot be reached": { file: new Error("The server cannot be reached; try again later.") },
    "does not start a worker": { make: () => ({ postMessage() {} }), clock: true },
  };
  for (const [words, { clock = false, ...settings }] of Object.entries(cases)) {
    const { programs } = programsOf(settings);
    let changed = 0;
    programs.addEventListener("changed", () => changed++);
    if (clock) t.mock.timers.enable({ apis: ["setTimeout"] });
    const settled = programs.want("a", "decoder");
    if (clock) {
      for (let k = 0; k < 20; k++) await new Promise(setImmediate);
      t.mock.timers.tick(20_000);
    }
    await settled;
    if (clock) t.mock.timers.reset();
    assert.equal(programs.decode("a", LATENTS, 3), null, words);
    assert.match(String(programs.state("a")?.trouble), new RegExp(words));
    assert.equal(changed, 1);
    assert.equal(warnings.splice(0).length, 1);
  }
});

/** A program with another word in its head. */
function renamed(file, from, to) {
  const bytes = new Uint8Array(file.slice(0));
  const size = new DataView(file).getUint32(4, true);
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + size)).replace(`"${from}"`, `"${to.trim()}"`).padEnd(size);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes.buffer;
}

test("a device on which a picture takes too long leaves it to the server", async () => {
  const { programs } = programsOf();
  paced(programs, 75);
  await programs.want("a", "decoder");
  assert.equal(programs.decode("a", LATENTS, 3), null);
  assert.match(String(programs.state("a")?.trouble), /75 ms a picture on this device/);
});

test("a program that does not arrive is given up, and asked for again after a while", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let clock = 0;
  t.mock.method(performance, "now", () => clock);
  const asked = [];
  const never = (run, part, signal) => new Promise((_, reject) => {
    asked.push(run);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const programs = new Programs({ bring: never, make: () => localWorker(), kernel: kernelOf });
  const settled = programs.want("a", "decoder");
  while (!asked.length) await new Promise(setImmediate);
  t.mock.timers.tick(60_001);
  await settled;
  assert.match(String(programs.state("a")?.trouble), /did not arrive within 60 seconds/);
  await programs.want("a", "decoder");
  assert.equal(asked.length, 1);
  clock = 31_000;
  programs.want("a", "decoder");
  while (asked.length < 2) await new Promise(setImmediate);
});

test("a model that no program expresses is not asked for again", async (t) => {
  const { programs, asked } = programsOf({ file: new NoProgram("no") });
  await programs.want("a", "decoder");
  t.mock.method(performance, "now", () => 1e9);
  await programs.want("a", "decoder");
  assert.equal(asked.length, 1);
});

test("a run that was fitted again has another program", async () => {
  const files = [linearProgram(WEIGHT), linearProgram(WEIGHT.map(([x, y]) => [y, x]))];
  const { programs } = programsOf({ file: () => files.shift() });
  programs.renew("a", "1");
  await programs.want("a", "decoder");
  const first = (await programs.decode("a", Float32Array.of(1, 0), 1)).pixels[0];
  programs.renew("a", "1");
  assert.ok(programs.of("a", "decoder"));
  programs.renew("a", "2");
  assert.equal(programs.of("a", "decoder"), null);
  await programs.want("a", "decoder");
  assert.deepEqual([first, (await programs.decode("a", Float32Array.of(1, 0), 1)).pixels[0]], [255, 0]);
});

test("only so many programs are kept, those that were used last", async () => {
  const { programs, log } = programsOf();
  for (let k = 0; k < 14; k++) await programs.want(`run ${k}`, "decoder");
  assert.equal(programs.of("run 0", "decoder"), null);
  assert.ok(programs.of("run 13", "decoder"));
  assert.equal(log.filter(({ kind }) => kind === "close").length, 2);
});

// --- the source ------------------------------------------------------------------------------------------------------

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** A source whose programs come from a server that answers decodes with threes. */
function sourceOf(settings = {}) {
  const asked = [];
  globalThis.fetch = /** @type {any} */ (async (url) => {
    const path = new URL(url).pathname.split("/api/run/")[1];
    asked.push(path);
    if (path === "a/decode") return new Response(new Uint8Array(6).fill(3), { headers: { "X-Shape": "1,1,6,1" } });
    if (path === "a/look") return Response.json({ latent: [7, 8] });
    if (path === "a/describe") return Response.json({ vacancy: 0.5 });
    if (path === "a/support") return new Response(smallSupport());
    if (path === "a/program/encoder") return Response.json({ name: null, trouble: "there is no encoder" });
    if (path === "a/program/decoder") return Response.json({ name: "abc", trouble: null });
    return new Response(linearProgram(WEIGHT));
  });
  const source = new ServerSource();
  Object.assign(source.programs, { make: () => localWorker(), ...settings });
  return { source, asked };
}

const one = () => Float32Array.of(1, 0);

test("the server decodes until the program is ready, and then is not asked again", async () => {
  const { source, asked } = sourceOf();
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
  assert.equal(asked[0], "a/decode", "nothing comes before the first picture");
  await source.programs.want("a", "decoder");
  assert.deepEqual(asked, ["a/decode", "a/program/decoder", "a/program/decoder/abc"]);
  for (let k = 0; k < 5; k++) assert.equal((await source.decode("a", one(), 1)).pixels[0], 255);
  assert.equal(asked.length, 3);
});

test("whoever switches to the server gets its pictures, and back", async () => {
  const { source, asked } = sourceOf();
  await source.programs.want("a", "decoder");
  source.programs.switchTo(false);
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
  assert.deepEqual(source.programs.state("a"), { here: false, ms: null, trouble: null });
  source.programs.switchTo(true);
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 255);
  assert.equal(asked.filter((path) => path === "a/decode").length, 1);
});

test("where a program fails while it is used, the server answers, then and from then on", async () => {
  const { source } = sourceOf();
  await source.programs.want("a", "decoder");
  source.programs.of("a", "decoder").here.decode = () => {
    throw new Error("out of memory");
  };
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
  assert.match(String(source.programs.state("a")?.trouble), /out of memory/);
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
});

test("an answer that nobody wants any more is no reason to ask the server", async () => {
  const { source, asked } = sourceOf();
  await source.programs.want("a", "decoder");
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(source.decode("a", one(), 1, { signal: abort.signal }), { name: "AbortError" });
  assert.ok(source.programs.of("a", "decoder"));
  assert.equal(asked.filter((path) => path === "a/decode").length, 0);
});

test("what the codes tell is asked of the server once, and then computed here", async () => {
  const asked = [];
  globalThis.fetch = /** @type {any} */ (async (url) => {
    const path = new URL(url).pathname.split("/api/run/")[1];
    asked.push(path);
    if (path === "a/vacancies") return new Response(Float32Array.of(0.5).buffer);
    if (path === "a/support") return new Response(smallSupport());
    if (path === "a/sample") return new Response(Float32Array.of(9, 9).buffer);
    return Response.json({ name: null, trouble: "there is no encoder" });
  });
  const source = new ServerSource();
  assert.deepEqual([...(await source.ask("vacancies", "a", { body: Float32Array.of(0, 0) }))], [0.5]);
  await source.supply("a", false);
  while (!source.supports.get("a")) await new Promise(setImmediate);
  // the fifth nearest of ten codes on a line lies 2 away from the first one, and 1, 2 and 3 were held out
  assert.deepEqual([...(await source.ask("vacancies", "a", { body: Float32Array.of(0, 0, 100, 0) }))], [Math.fround(0.25), 0.25]);
  const draws = await source.ask("draws", "a", { query: { law: "raw", n: 3, seed: 5 } });
  assert.equal(draws.length, 6);
  assert.deepEqual([...(await source.ask("draws", "a", { query: { law: "odd", n: 1, seed: 5 } }))], [9, 9], "a law that is not known here");
  assert.equal(asked.filter((path) => path === "a/vacancies").length, 1);
  const means = { query: { among: "means" }, body: Float32Array.of(0, 0, 0.5, 0) };
  assert.deepEqual([...(await source.ask("vacancies", "a", means))], [0.5, 0.5], "means have a measure of their own");
  source.programs.switchTo(false);
  await source.ask("vacancies", "a", { body: Float32Array.of(0, 0) });
  assert.equal(asked.filter((path) => path === "a/vacancies").length, 2);
});

test("no picture waits for a program that is on its way", async () => {
  const waiting = [];
  const { source } = sourceOf({ bring: () => new Promise((_, reject) => waiting.push(reject)) });
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
  assert.equal((await source.decode("a", one(), 1)).pixels[0], 3);
  const { mean } = await source.encode("a", new Uint8Array(6));
  assert.deepEqual([...mean], [7, 8]);
  assert.equal(waiting.length, 2, "both are on their way");
  for (const reject of waiting) reject(new Error("lost"));
});

test("nothing comes before the first picture, and an encoder only for who moves", async () => {
  const { source, asked } = sourceOf();
  const place = () => source.ask("trust", "a", { body: one() });
  await Promise.all([source.decode("a", one(), 1), place()]);
  await source.supply("a", false);
  assert.ok(asked.slice(0, 2).every((path) => ["a/decode", "a/describe"].includes(path)), String(asked));
  assert.ok(asked.indexOf("a/support") > asked.indexOf("a/program/decoder/abc"), String(asked));
  assert.equal(asked.filter((path) => path.includes("encoder")).length, 0);
  await place();
  await source.supply("a", false);
  assert.equal(asked.filter((path) => path === "a/program/encoder").length, 1);
});

/** Ten codes at 0 .. 9 on a line, and three held out. */
function smallSupport() {
  const arrays = /** @type {Float64Array[]} */ ([]);
  let at = 0;
  const add = (shape, numbers) => {
    const told = { at, shape, type: "f8" };
    arrays.push(Float64Array.from(numbers));
    at += 8 * numbers.length;
    return told;
  };
  const head = {
    neighbours: 5,
    mean: add([2], [0, 0]),
    to_frame: add([2, 2], [1, 0, 0, 1]),
    null: add([2, 0], []),
    tolerance: 1e300,
    deviations: add([2], [1, 1]),
    active: add([2], [1, 1]),
    reference: add([10, 2], Array.from({ length: 20 }, (_, k) => (k % 2 ? 0 : k / 2))),
    sets: { draws: [{ scores: add([3], [1, 2, 3]) }], means: [{ scores: add([3], [0.1, 0.2, 5]) }] },
    laws: { raw: { weights: add([1], [1]), means: add([1, 2], [0, 0]), factors: add([1, 2, 2], [1, 0, 0, 1]) }, odd: null },
  };
  let text = JSON.stringify(head);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(new TextEncoder().encode(text), 8);
  let start = 8 + text.length;
  for (const each of arrays) {
    file.set(new Uint8Array(each.buffer), start);
    start += each.byteLength;
  }
  return file;
}

test("just the questions that can be answered by the codes have them fetched", () => {
  const marked = Object.entries(QUESTIONS).filter(([, question]) => "byCodes" in question);
  assert.deepEqual(marked.map(([name]) => name).sort(), Object.keys(COMPUTED).sort());
});
