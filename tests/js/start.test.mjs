/** Start: guesses that last for a visit, ten draws for everybody, a flat look at codes, and the chart of the ladder. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeDocument } from "./fake_dom.mjs";

fakeDocument();
const { isEmpty, emptyIn } = await import("../../explorer/ui/static/start/draws.js");
const { guessKey, roundsIn, ROUND_NAMES } = await import("../../explorer/ui/static/start/dream.js");
const { aligning, Flat, spreadOf, turned } = await import("../../explorer/ui/static/start/flat.js");
const { mostOf } = await import("../../explorer/ui/static/start/remember.js");
const { chartPlaces, rungKey } = await import("../../explorer/ui/static/start/beta.js");
const { stepIn, STORY_STEPS } = await import("../../explorer/ui/static/start/tab.js");
const { storyName } = await import("../../explorer/ui/static/start/yours.js");
const { Visit } = await import("../../explorer/ui/static/start/visit.js");

const close = (/** @type {number} */ a, /** @type {number} */ b) => assert.ok(Math.abs(a - b) < 1e-5, `${a} is not ${b}`);

/** What keeps text for a visit. */
function keeper() {
  const kept = new Map();
  return { getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ text) => void kept.set(key, text) };
}

test("a guess lasts for the visit, and the first one counts", () => {
  const browser = keeper();
  new Visit(() => browser).note("a raw", { guess: 3, found: 5 });
  const later = new Visit(() => browser);
  assert.deepEqual(later.of("a raw"), { guess: 3, found: 5 });
  later.note("a raw", { guess: 5, found: 5 });
  assert.deepEqual(later.of("a raw"), { guess: 3, found: 5 });
  assert.equal(later.of("b raw"), null);
});

test("guesses are summed up, and nothing is said where nobody guessed", () => {
  const visit = new Visit(keeper);
  assert.equal(visit.words, "");
  visit.note("a raw", { guess: 3, found: 5 });
  assert.equal(visit.words, "You expected 3 holes, and 5 came.");
  visit.note("b raw", { guess: 2, found: 1 });
  assert.equal(visit.words, "You expected 5 holes, and 6 came; 1 of your 2 guesses were right within one.");
});

test("a browser that keeps nothing, and text that somebody else put there, cost no guess", () => {
  const refusing = () => {
    throw new Error("SecurityError");
  };
  const visit = new Visit(refusing);
  visit.note("a raw", { guess: 1, found: 1 });
  assert.equal(visit.of("a raw")?.guess, 1);
  for (const text of ["{", "7", "[[1,2]]", '[["a",{"guess":11,"found":0}]]', '[["a",null]]', "null"]) {
    assert.equal(new Visit(() => ({ getItem: () => text, setItem: () => {} })).words, "", text);
  }
});

test("a p-value at the level is empty, also as a number of 32 bits", () => {
  assert.ok(isEmpty(Math.fround(0.05)));
  assert.ok(isEmpty(0.05));
  assert.ok(!isEmpty(Math.fround(0.0501)));
});

test("holes are counted over all rounds of one side", () => {
  const round = (/** @type {boolean[][]} */ ...sides) => /** @type {any} */ ({ sides: sides.map((empty) => ({ empty })) });
  const rounds = [round([true, false], [false, false]), round([true, true], [true, false])];
  assert.deepEqual([emptyIn(rounds, 0), emptyIn(rounds, 1), emptyIn([], 0)], [3, 1, 0]);
});

test("an address says how often was drawn from each law, and nonsense is none", () => {
  assert.equal(new Set(Object.values(ROUND_NAMES)).size, 3);
  assert.equal(roundsIn({ prior: "2", one: "3" }, "raw"), 2);
  assert.equal(roundsIn({ prior: "2", one: "3" }, "white"), 3);
  for (const odd of ["-1", "1.5", "x", "1e9", "21", ""]) assert.equal(roundsIn({ prior: odd }, "raw"), 0, odd);
  assert.notEqual(guessKey("a", "raw"), guessKey("a", "white"));
});

test("a step of an address that is none is the first", () => {
  assert.equal(stepIn({ step: "4" }), 4);
  for (const step of ["0", "7", "2.5", "x", ""]) assert.equal(stepIn({ step }), 1, step);
  assert.equal(stepIn({}), 1);
  assert.equal(STORY_STEPS.length, 6);
  assert.equal(new Set(STORY_STEPS.map(({ name }) => name)).size, 6);
});

const info = { mean: [1, 2, 3], directions: { pca: [{ vector: [1, 0, 0] }, { vector: [0, 0.6, 0.8] }] } };

test("a place of the flat look decodes to a latent that falls on that place, and the mean is its middle", () => {
  const flat = new Flat(/** @type {any} */ (info));
  assert.ok(flat.exists);
  const places = flat.places([...flat.latent(0.5, -2), 1, 2, 3]);
  [0.5, -2, 0, 0].forEach((value, k) => close(places[k], value));
  assert.ok(!new Flat(/** @type {any} */ ({ mean: [1], directions: { pca: [{ vector: [1] }] } })).exists);
});

test("what a latent has beyond the plane does not move its place", () => {
  const flat = new Flat(/** @type {any} */ (info));
  const [x, y] = flat.places([1, 2 - 0.8 * 5, 3 + 0.6 * 5]);
  close(x, 0);
  close(y, 0);
});

test("the spread of standard normal numbers is one, and doubles with them", () => {
  assert.equal(spreadOf([1, -1, 1, -1]), 1);
  assert.equal(spreadOf([2, -2]), 2);
});

for (const [name, matrix] of /** @type {[string, [number, number, number, number]][]} */ ([
  ["a turn", [Math.cos(2), -Math.sin(2), Math.sin(2), Math.cos(2)]],
  ["a turn and a mirror", [Math.cos(0.7), Math.sin(0.7), Math.sin(0.7), -Math.cos(0.7)]],
])) {
  test(`places are turned back to where they were by ${name}, at a spread of one`, () => {
    const places = Float32Array.of(1, 0, -2, 0.5, 0.3, 1.5, 0.7, -2);
    const unit = turned(places, aligning(places, places));
    close(spreadOf(unit), 1);
    const back = turned(turned(places, matrix), aligning(turned(places, matrix), unit));
    back.forEach((value, k) => close(value, unit[k]));
  });
}

test("a spread that is said becomes the unit, so that a clump stays a clump", () => {
  const clump = Float32Array.of(0.01, 0, -0.01, 0.01, 0, -0.01);
  close(spreadOf(turned(clump, aligning(clump, clump, 1))), spreadOf(clump));
});

test("places that are all one are left where they are", () => {
  const nowhere = new Float32Array(6);
  assert.deepEqual([...turned(nowhere, aligning(nowhere, nowhere))], [0, 0, 0, 0, 0, 0]);
});

test("a strip of bars is filled by nearly the largest code, and by one where all are zero", () => {
  assert.equal(mostOf(Float32Array.from({ length: 200 }, (_, k) => (k % 2 ? -k : k))), 197);
  assert.equal(mostOf(new Float32Array(10)), 1);
});

const score = (/** @type {number} */ value) => ({ value, low: value - 0.01, high: value + 0.01 });
const rung = (/** @type {number | null} */ beta, /** @type {number} */ empty, /** @type {number} */ error) => /** @type {any} */ ({ name: `b${beta}`, beta, vacancy: score(empty), distortion: score(error) });

test("on the chart more holes stand to the right and more error above, and what is not measured nowhere", () => {
  const { there, across, up } = chartPlaces([rung(null, 0.3, 80), rung(1, 0.1, 90), /** @type {any} */ ({ name: "x", beta: 2, vacancy: null, distortion: score(3) })]);
  assert.deepEqual(there.map(({ name }) => name), ["bnull", "b1"]);
  assert.ok(across(0.3) > across(0.1));
  assert.ok(up(90) < up(80), "upwards on a screen is less");
});

test("a rung has a name of its own in an address", () => {
  assert.deepEqual([rung(null, 0, 0), rung(0, 0, 0), rung(0.3, 0, 0)].map(rungKey), ["ae", "0", "0.3"]);
});

test("the story of another data set is called by its images, and by its name where that says more", () => {
  assert.equal(storyName("flowers", "flowers102"), "Flowers");
  assert.equal(storyName("digits", "digits"), "Digits");
  assert.equal(storyName("digits", "mnist"), "Digits (mnist)");
});
