/** Parts of the page over a document and a source that are made up: what they show while answers are late or fail. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Filmstrip } from "../../explorer/ui/static/explore/filmstrip.js";
import { Lattice } from "../../explorer/ui/static/explore/lattice.js";
import { Panel } from "../../explorer/ui/static/explore/tab.js";
import { HolePath } from "../../explorer/ui/static/holes/path.js";
import { HolesTab } from "../../explorer/ui/static/holes/tab.js";
import { EndCard } from "../../explorer/ui/static/interpolate/ends.js";
import { InterpolateTab } from "../../explorer/ui/static/interpolate/tab.js";
import { Latest } from "../../explorer/ui/static/kit/latest.js";
import { StatusLine } from "../../explorer/ui/static/kit/status.js";
import { freshSeed, shuffled } from "../../explorer/ui/static/latent/chance.js";
import { verdict } from "../../explorer/ui/static/latent/vacancy.js";
import { MapTab } from "../../explorer/ui/static/map/tab.js";
import { TsneWait } from "../../explorer/ui/static/map/tsne.js";
import { Figure } from "../../explorer/ui/static/page/figure.js";
import { Pane } from "../../explorer/ui/static/plane/pane.js";
import { follow } from "../../explorer/ui/static/page/host.js";
import { Shelf } from "../../explorer/ui/static/page/sprites.js";
import { Stream } from "../../explorer/ui/static/page/stream.js";
import { TrustLine } from "../../explorer/ui/static/page/trust.js";
import { view } from "../../explorer/ui/static/page/view.js";
import { Camera } from "../../explorer/ui/static/reconstruct/own.js";
import { ReconstructTab } from "../../explorer/ui/static/reconstruct/tab.js";
import { ReportTab } from "../../explorer/ui/static/report/tab.js";
import { Unreachable } from "../../explorer/ui/static/source/errors.js";
import { source } from "../../explorer/ui/static/source/source.js";
import { FakeElement, fakeDocument, settled } from "./fake_dom.mjs";

const axis = (k) => ({ name: `axis ${k}`, vector: [k === 0 ? 1 : 0, k === 1 ? 1 : 0], offset: 0, scale: 1, low: -3, high: 3, note: "" });
const INFO = /** @type {any} */ ({
  name: "a",
  family: "vae",
  dataset: "digits",
  latent_dim: 2,
  image_shape: [1, 2, 2],
  twin: null,
  classes: null,
  attributes: null,
  count: 4,
  has_images: true,
  preparing: null,
  directions: { axes: [axis(0), axis(1)], pca: [] },
  mean: [0, 0],
  first: { index: 0, latent: [0, 0] },
  laws: [{ name: "raw", short: "raw", title: "raw", plain: "the prior", hint: "", words: "" }],
  colours: [],
  formats: [],
  default_law: "raw",
  sheet: { size: 4, columns: 2, tile: [2, 2] },
  stored: { points: "points?v=1", rate: "rate", sprites: ["sheet"] },
});
const pictures = (count) => ({ pixels: new Uint8ClampedArray(4 * count), shape: [count, 2, 2, 1] });
const isStale = (element) => element.classList.contains("xp-stale");

/** A promise and how it ends. @returns {any} */
function byHand() {
  let end = {};
  const promise = new Promise((resolve, reject) => (end = { resolve, reject }));
  return Object.assign(promise, end);
}

let motion;
beforeEach(() => {
  ({ motion } = fakeDocument());
  Object.assign(view, { write: () => {}, source, run: null, pending: null });
  view.known.clear();
  view.ends = { a: null, b: null };
  Object.assign(source, {
    ask: async (question) => (question === "card" ? INFO : question === "draws" ? Float32Array.of(1, 1) : { vacancy: 0.5 }),
    array: async () => Float32Array.from({ length: 8 }, (_, k) => k),
    decode: async (run, latents, count) => pictures(count),
    picture: async () => ({ width: 4, height: 4 }),
  });
});

// 1. The camera goes on filming after one leaves Reconstruct

test("a part is told when its tab goes out of sight, and not when it is scrolled away", () => {
  let look = (/** @type {boolean} */ _) => {};
  globalThis.IntersectionObserver = /** @type {any} */ (class {
    constructor(callback) {
      look = (isIntersecting) => callback([{ isIntersecting }]);
    }
    observe() {}
  });
  const element = /** @type {any} */ (new FakeElement("div"));
  let left = 0;
  follow({ element, props: { value: "a" }, trigger: () => {}, watch: () => {} }, "reconstruct", () => {}, () => left++);
  element.offsetParent = element;
  look(true);
  look(false);
  assert.equal(left, 0, "scrolled away");
  look(true);
  element.offsetParent = null;
  look(false);
  assert.equal(left, 1);
});

test("no frame of a camera that was stopped meanwhile is handed on", async () => {
  const taken = [];
  const camera = new Camera({ taken: (frame) => taken.push(frame), seen: async () => false, say: () => {} });
  const drawn = byHand();
  globalThis.document.createElement = /** @type {any} */ ((tag) => Object.assign(new FakeElement(tag), { toBlob: (done) => drawn.then(done) }));
  Object.assign(camera.video, { videoWidth: 4, videoHeight: 4 });
  camera.stream = /** @type {any} */ ({ getTracks: () => [] });
  const taking = camera.take();
  camera.stop();
  drawn.resolve({ size: 1 });
  await taking;
  assert.deepEqual(taken, []);
});

// 3. A late Random replaces a newer drag; 20. Random gives every visitor the same pictures

async function panelOn(run = "a") {
  const panel = new Panel(/** @type {any} */ (new FakeElement("div")));
  view.setRun(run);
  await panel.setRun(run);
  return panel;
}

test("the end of its own preparation leaves what was done in a run as it is", async () => {
  const panel = await panelOn();
  panel.load(Float32Array.of(1, 1), { kind: "random", seed: 3, law: "raw", text: "the prior" });
  panel.slide(axis(0), 2);
  panel.settle();
  view.refresh();
  await panel.setRun("a");
  assert.deepEqual([...panel.z], [2, 1]);
  assert.deepEqual([...panel.start], [1, 1], "Reset still goes to the draw");
  assert.equal(panel.whence.kind, "random");
  assert.ok(panel.trail.canUndo);
  assert.ok(!panel.undoButton.disabled);
  panel.step(panel.trail.undo());
  assert.deepEqual([...panel.z], [1, 1]);
});

test("a run whose files were replaced begins anew at the latent on show", async () => {
  const panel = await panelOn();
  panel.load(Float32Array.of(1, 1), { kind: "random", seed: 3, law: "raw", text: "the prior" });
  view.refresh();
  source.ask = /** @type {any} */ (async (question) => (question === "card" ? { ...INFO, stored: { ...INFO.stored, points: "points?v=2" } } : { vacancy: 0.5 }));
  await panel.setRun("a");
  assert.deepEqual([[...panel.z], panel.whence.kind, panel.trail.canUndo], [[1, 1], "place", false]);
});

test("a draw that arrives after a newer drag does not replace it", async () => {
  const panel = await panelOn();
  const late = byHand();
  source.ask = async (question) => (question === "draws" ? late : { vacancy: 0.5 });
  const drawing = panel.starts.goRandom(3);
  panel.slide(INFO.directions.axes[0], 2);
  late.resolve(Float32Array.of(9, 9));
  await drawing;
  assert.deepEqual([...panel.z], [2, 0]);
});

test("a hand on the old run's slider moves nothing while another run is on its way", async () => {
  const panel = await panelOn();
  const said = [];
  view.write = (fragment) => said.push(fragment);
  panel.upToDate = false; // as the view's event says
  view.setRun("b");
  panel.slide(INFO.directions.axes[0], 2);
  panel.settle();
  assert.deepEqual([...panel.z], [0, 0]);
  assert.ok(said.length && said.every((fragment) => !fragment.includes("z=")), said.join());
});

test("the controls of a run that is on its way cannot be used", async () => {
  const panel = new Panel(/** @type {any} */ (new FakeElement("div")));
  const [first, second] = [byHand(), byHand()];
  source.ask = async (question, run) => (question === "card" ? (run === "a" ? first : second) : { vacancy: 0.5 });
  view.setRun("a");
  const opening = panel.setRun("a");
  assert.ok(panel.body.hidden);
  assert.equal(panel.status.element.textContent, "Loading…");
  first.resolve(INFO);
  await opening;
  assert.ok(!panel.body.hidden && !panel.body.inert);
  assert.equal(panel.status.element.textContent, "");
  view.setRun("b");
  const changing = panel.setRun("b");
  assert.ok(panel.body.inert && !panel.body.hidden, "the old picture stays until the new one is there");
  second.reject(new Error("damaged"));
  await changing;
  assert.ok(panel.body.hidden);
  assert.equal(panel.status.trouble, "damaged");
});

test("visitors begin with seeds of their own, which are short enough to be read out", () => {
  const seeds = new Set(Array.from({ length: 50 }, () => freshSeed()));
  assert.ok(seeds.size > 40);
  assert.ok([...seeds].every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 1e6));
});

test("the first draw of a panel is not everybody's", async () => {
  const first = await Promise.all(Array.from({ length: 8 }, async () => (await panelOn()).starts.seed));
  assert.ok(new Set(first).size > 1, first.join());
});

// 4. The trust line keeps the old verdict while the latent moves, and vanishes silently on failure

test("a verdict is dim while the latent moves on, and says why there is none", async () => {
  const line = new TrustLine();
  line.judge("a", Float32Array.of(0, 0));
  await settled();
  assert.match(line.element.textContent, /Codes are common here/);
  line.doubt();
  assert.ok(isStale(line.element));
  source.ask = async () => {
    throw new Error("no codes");
  };
  line.judge("a", Float32Array.of(1, 0));
  await settled();
  assert.match(line.element.textContent, /cannot be told: no codes/);
  assert.ok(!line.element.textContent.includes("Codes are common here"));
  assert.ok(!isStale(line.element));
});

// 6. aria-current="" means false

test("the current frame of a strip is announced", async () => {
  const strip = new Filmstrip(() => {});
  strip.show(INFO, INFO.directions.axes[0], Float32Array.of(0, 0), Float32Array.of(0, 0));
  await settled();
  strip.mark(Float32Array.of(0, 0));
  const frames = /** @type {any[]} */ ([...strip.strip.children]);
  frames.forEach((frame) => (frame.dataset.value = frame.getAttribute("data-value")));
  strip.mark(Float32Array.of(0, 0));
  assert.deepEqual(frames.map((frame) => frame.getAttribute("aria-current")), frames.map((_, k) => (k === 4 ? "true" : null)));
});

// 7. One lane of the lattice fails and the other undims it

test("a lattice of which a part failed stays dim, and is not painted further", async () => {
  const z = Float32Array.of(0, 0);
  const lattice = new Lattice({ latent: () => z, start: () => z, active: () => "axes.0", go: () => {}, changed: () => {} });
  Object.assign(lattice.element, { open: true, hidden: false });
  const wide = { ...INFO, image_shape: [1, 64, 64] }; // a row at a time, in two lanes
  lattice.setRun(wide);
  const [first, second] = [byHand(), byHand()];
  const answers = [first, second];
  let asked = 0;
  source.decode = () => {
    asked++;
    return answers.shift() ?? byHand();
  };
  await lattice.show();
  first.reject(new Error("no memory"));
  await settled();
  assert.ok(isStale(lattice.canvas));
  second.resolve(pictures(15));
  await settled();
  assert.ok(isStale(lattice.canvas), "the other lane came late");
  assert.equal(asked, 2);
  assert.match(lattice.status.trouble, /No lattice: no memory/);
});

// 8. "Trying again" stays after recovery; a failed stream leaves old pictures undimmed

test("a stream says what failed, dims what is old, and takes both back when it works again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const status = new StatusLine();
  const picture = new FakeElement("canvas");
  let work = async () => Promise.reject(new Unreachable());
  const stream = new Stream(() => work(), () => {}, { status, pictures: () => [/** @type {any} */ (picture)] });
  status.say("something else", "another part");
  stream.ask(1);
  await settled();
  assert.match(status.trouble, /trying again/);
  assert.ok(isStale(picture));
  work = /** @type {any} */ (async () => 1);
  t.mock.timers.tick(1000);
  await settled();
  assert.equal(status.trouble, "something else");
  assert.ok(!isStale(picture));
});

test("a line of status lets good news stand only while there is no trouble", () => {
  const status = new StatusLine();
  status.tell("Copied.");
  assert.ok(status.element.classList.contains("xp-neutral"));
  status.say("Lost.", "a part");
  assert.equal(status.element.textContent, "Lost.");
  assert.ok(!status.element.classList.contains("xp-neutral"));
  status.say("", "a part");
  assert.equal(status.element.textContent, "Copied.");
});

// 9. A failed end card keeps the old picture under the new caption

test("the card of an end dims a picture that is not of its caption", async () => {
  const said = [];
  const card = new EndCard("a", { image: () => {}, draw: () => {}, take: () => {}, say: (words) => said.push(words) });
  card.setRun(INFO, null);
  const end = (x) => ({ run: "a", latent: Float32Array.of(x, 0), whence: /** @type {const} */ ({ kind: "place" }) });
  await card.show(end(1));
  assert.ok(!isStale(card.canvas));
  source.decode = async () => {
    throw new Error("busy");
  };
  await card.show(end(2));
  assert.ok(isStale(card.canvas));
  assert.equal(said.at(-1), "No picture of A: busy");
});

// 10. Overlays lag while panning

/** A figure whose axes stand where plotly's own functions do not know yet, as in the middle of a drag. */
function panned() {
  const figure = new Figure("a plane");
  const at = (offset) => ({ _offset: offset, _length: 100, range: [1, 3], l2p: () => -1, p2l: () => -1 });
  figure.plot._fullLayout = { xaxis: at(10), yaxis: at(20) };
  figure.plot.getBoundingClientRect = () => ({ left: 0, top: 0 });
  return figure;
}

test("what is laid over a figure follows its window in the middle of a drag", () => {
  assert.deepEqual(panned().pixelAt(2, 3), { left: 60, top: 20 });
});

// 11. A path's end dragged out of a zoomed plane sticks to the mouse

test("an end that is dragged out of sight is let go of", () => {
  const pad = Object.assign(new FakeElement("div"), { getBoundingClientRect: () => ({ left: 10, top: 20 }) });
  const pane = new Pane({ left: 1, right: 3, bottom: 1, top: 3 }, 100, 100);
  const plane = { square: new FakeElement("div"), pad, pane, margins: { left: 10, top: 20, right: 0, bottom: 0 } };
  const side = /** @type {any} */ ({ plane, behind: { origin: [0, 0], first: [1, 0], second: [0, 1] }, told: {}, info: INFO, extent: 3, vacancyAt: () => 1 });
  const path = new HolePath([side], { stand: () => {} });
  const moved = [];
  const { move } = path;
  path.move = (...args) => (moved.push(args), move.apply(path, args));
  path.setOpen(true);
  const [handle] = path.overlays[0].ends;
  const pointer = (type, x, y) => Object.assign(new Event(type), { pointerId: 1, button: 0, clientX: x, clientY: y });
  handle.dispatchEvent(pointer("pointerdown", 60, 60));
  handle.dispatchEvent(pointer("pointermove", -500, 60));
  assert.equal(handle.hidden, false, "it would lose the pointer");
  handle.dispatchEvent(pointer("lostpointercapture", -500, 60));
  const before = moved.length;
  handle.dispatchEvent(pointer("pointermove", 60, 60));
  assert.equal(moved.length, before, "nobody holds it");
});

// 14. Unhandled rejections of Interpolate; 18. Play ignores reduced motion

async function interpolateOn() {
  const tab = new InterpolateTab(/** @type {any} */ (new FakeElement("div")));
  tab.sides.forEach((each) => Object.assign(each, { set: () => {}, settle: () => {}, stand: () => {}, refuse: () => {} }));
  tab.settle = () => {};
  view.setRun("a");
  await tab.setRun("a");
  await settled();
  return tab;
}

test("what fails in Interpolate is said, and no promise is left to reject", async () => {
  const tab = await interpolateOn();
  const unhandled = [];
  const note = (error) => unhandled.push(error);
  process.on("unhandledRejection", note);
  view.known.clear();
  source.array = async () => {
    throw new Error("no points");
  };
  for (const act of [() => tab.chooseImage("a", 1), () => tab.walkBetween(0, 1), () => tab.takeEnds()]) {
    tab.say("");
    await act();
    await settled();
    assert.match(tab.status.trouble, /no points/);
  }
  tab.twin = { ...INFO, name: "b" };
  await tab.redraw();
  await settled();
  assert.match(tab.status.trouble, /No walk of b: no points/);
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

test("who wants less motion goes along a walk step by step", async () => {
  const tab = await interpolateOn();
  assert.equal(tab.player.textContent, "Play");
  motion.matches = true;
  motion.dispatchEvent(new Event("change"));
  assert.equal(tab.player.textContent, "Next step");
  tab.t = 0;
  tab.press();
  assert.equal(tab.playing, 0);
  assert.ok(Math.abs(tab.t - 1 / 8) < 1e-9);
  for (let k = 0; k < 8; k++) tab.press();
  assert.ok(tab.t === 0, "from the end to the start");
  clearTimeout(tab.settling);
});

// 15. Joining a running t-SNE whose request fails hides Compute for ever

test("whoever cannot join a running layout can ask for one", async () => {
  const said = [];
  const progress = { state: "running", points: 4, count: 4, elapsed: 1, expected: 5, trouble: null, ticket: null };
  source.ask = async (question) => {
    if (question === "tsne") return progress;
    throw new Error("the queue is full");
  };
  const wait = new TsneWait(() => {}, () => {}, (words) => said.push(words));
  assert.equal(await wait.ready("a"), false);
  await settled();
  assert.equal(said.at(-1), "the queue is full");
  assert.equal(wait.compute.hidden, false);
  assert.equal(wait.bar.hidden, true);
});

// 16. A biased shuffle

test("every order of a shuffle is as likely as any other", () => {
  let state = 7;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const counts = new Map();
  for (let k = 0; k < 6000; k++) {
    const order = shuffled([1, 2, 3], random).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 130, `${order}: ${count}`);
});

// 17. No context-loss handling, no purge

test("a figure whose graphics were taken away is drawn anew, and one that is removed gives them back", () => {
  const figure = new Figure("a plane");
  const purged = [];
  const heard = {};
  globalThis.Plotly = /** @type {any} */ ({ purge: (plot) => purged.push(plot) });
  figure.plot.on = (event, act) => (heard[event] = act);
  figure.plot.classList.add("js-plotly-plot");
  figure.listen();
  const asked = [];
  figure.figures.ask = (wish) => asked.push(wish);
  figure.request = { run: "a", name: "map", query: {} };
  heard.plotly_webglcontextlost();
  assert.equal(purged.length, 1);
  assert.equal(asked.length, 1);
  figure.plot.classList.add("js-plotly-plot");
  figure.remove();
  assert.equal(purged.length, 2);
  assert.equal(figure.request, null);
});

// 19. "as usual as 94 %" beside p = .95

test("the words of a verdict go by the number that stands beside them", () => {
  assert.match(verdict(0.9482).text, /no farther from codes than 95 %/); // shown as 0.95
  assert.match(verdict(0.9449).text, /no farther from codes than 94 %/);
  assert.match(verdict(0.1449).text, /farther from codes than 86 %/);
});

// 21. Sprites of many runs stay in memory for ever

test("pictures in memory stay below a number of bytes, those looked at last longest", async () => {
  const shelf = new Shelf(1000);
  let loaded = 0;
  const load = async () => (loaded++, /** @type {any} */ ({ width: 10, height: 10 })); // 400 bytes
  for (const name of ["a", "b", "a", "c"]) await shelf.get(name, load);
  await settled();
  assert.deepEqual([...shelf.held.keys()], ["a", "c"]);
  assert.equal(shelf.bytes, 800);
  await shelf.get("b", load);
  assert.equal(loaded, 4);
  const failing = async () => {
    throw new Error("gone");
  };
  await assert.rejects(shelf.get("d", failing), /gone/);
  await settled();
  assert.ok(!shelf.held.has("d"), "it is asked for again");
});

// One lifetime

test("a newer question gives the one before up, and all end with what they belong to", () => {
  const latest = new Latest();
  const run = new AbortController();
  const first = latest.next(run.signal);
  const second = latest.next(run.signal);
  assert.deepEqual([first.aborted, second.aborted], [true, false]);
  run.abort();
  assert.ok(second.aborted);
  assert.ok(latest.next(run.signal).aborted);
  const third = latest.next();
  latest.stop();
  assert.ok(third.aborted);
});

// 13. A tab that loads slowly is blank, or its controls are another run's

const TAB_OF = { Explore: Panel, Map: MapTab, Reconstruct: ReconstructTab, Interpolate: InterpolateTab, Holes: HolesTab, Report: ReportTab };
for (const [name, Tab] of Object.entries(TAB_OF)) {
  test(`while a run is on its way ${name} shows that, and none of its controls can be used`, async () => {
    const root = new FakeElement("div");
    const tab = new Tab(/** @type {any} */ (root));
    const cards = { a: byHand(), b: byHand() };
    const asked = name === "Report" ? "training" : "card";
    source.runs = async () => [{ name: "a", twin: null, error: null }, { name: "b", twin: null, error: null }];
    source.ask = /** @type {any} */ (async (question, run) => (question === asked ? cards[run] : { vacancy: 0.5 }));
    const said = () => root.textContent.includes("Loading…");
    const block = () => root.querySelectorAll("div").find((each) => each.classList.contains("xp-skeleton"));
    view.setRun("a");
    const coming = tab.setRun("a");
    await settled();
    assert.ok(said() && tab.body.hidden && block() && !block().hidden, "nothing was there before");
    cards.a.reject(new Error("It is damaged."));
    await coming.catch(() => {});
    assert.ok(!said() && tab.body.hidden && block().hidden && root.textContent.includes("It is damaged."));
    tab.arrival.end("a"); // as if it had been there
    view.setRun("b");
    tab.setRun("b");
    await settled();
    assert.ok(said() && tab.body.inert && !tab.body.hidden && block().hidden, "what is there is another run's");
    tab.arrival.end("b");
    assert.ok(!said() && !tab.body.inert && !tab.body.hidden);
    view.refresh();
    tab.setRun("b");
    assert.ok(!said() && !tab.body.inert, "the same run anew takes no focus away");
  });
}
