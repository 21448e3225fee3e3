import assert from "node:assert/strict";
import { test } from "node:test";

import { shadow, onPlane } from "../../explorer/ui/static/latent/latent.js";
import { byAttribute, byClass, byGroup, byNumber, choices, paintedOf } from "../../explorer/ui/static/map/colours.js";
import { cellsOf } from "../../explorer/ui/static/map/backdrop.js";
import { axisText } from "../../explorer/ui/static/map/bar.js";
import { csvCell, classCounts, csvOf } from "../../explorer/ui/static/map/selection.js";
import { valueWords } from "../../explorer/ui/static/map/legend.js";
import { HIDDEN } from "../../explorer/ui/static/plane/colours.js";
import { stateOf, USUAL_LAYERS, usualPlane, wished } from "../../explorer/ui/static/map/state.js";
import { boxOfAll, partWay, placesOf, someOf } from "../../explorer/ui/static/map/unfold.js";
import { progressWords } from "../../explorer/ui/static/map/tsne.js";

const PALETTE = { classes: Array.from({ length: 10 }, (_, k) => `#00000${k}`), ramp: ["#000000", "#ffffff"], other: "#888888" };

test("every class has its own colour and count while they are few", () => {
  const { entries, codes } = byClass([0, 2, 2, 1], ["a", "b", "c", "never"]);
  assert.deepEqual(entries?.map(({ name, count, colour }) => [name, count, colour]), [["a", 1, 0], ["b", 1, 1], ["c", 2, 2]]);
  assert.deepEqual(Array.from(codes), [0, 2, 2, 1]);
});

test("of many classes the ten largest are coloured, or one, and the rest is grey", () => {
  const names = Array.from({ length: 30 }, (_, k) => `class ${k}`);
  const labels = names.flatMap((_, c) => Array.from({ length: c + 1 }, () => c));
  const largest = byClass(labels, names);
  assert.equal(largest.entries?.length, 11);
  assert.deepEqual(largest.entries?.slice(0, 10).map(({ name }) => name), names.slice(20).reverse());
  assert.equal(largest.entries?.[10].colour, -1);
  assert.equal(largest.entries?.reduce((sum, { count }) => sum + count, 0), labels.length);
  assert.equal(new Set(largest.entries?.map(({ colour }) => colour)).size, 11, "no colour twice");
  const one = byClass(labels, names, "7");
  assert.deepEqual(one.entries?.map(({ name, count }) => [name, count]), [["class 7", 8], ["29 other classes", labels.length - 8]]);
  const two = byClass(labels, names, "7,3");
  assert.deepEqual(two.entries?.map(({ name }) => name), ["class 3", "class 7", "28 other classes"]);
  const { behind } = paintedOf(two, { hidden: new Set(), kept: [0, 1] });
  assert.deepEqual([...(behind ?? [])], [2], "grey is drawn first, so that it hides none of them");
});

test("an attribute is had, not had, or not known", () => {
  const { entries, codes } = byAttribute(Uint8Array.of(1, 0, 0, 255, 1, 1), 1, ["Hat", "Smiling"]);
  assert.deepEqual(entries?.map(({ name, count }) => [name, count]), [["Smiling", 1], ["not Smiling", 1], ["not known", 1]]);
  assert.deepEqual(Array.from(codes), [1, 2, 0]);
  assert.equal(byAttribute(Uint8Array.of(1, 0), 0, ["Hat"]).entries?.length, 2);
});

test("groups that were found have names and colours, and what is in none is grey below them", () => {
  const groups = { names: ["mostly 1", "mostly 4 and 9"], rest: "in no cluster", said: "2 clusters." };
  const found = byGroup(Float32Array.of(1, NaN, 0, 1, NaN, NaN), groups, "cluster");
  assert.deepEqual(found.entries?.map(({ name, colour, count, named }) => [name, colour, count, named]), [
    ["mostly 1", 0, 1, true],
    ["mostly 4 and 9", 1, 2, true],
    ["in no cluster", -1, 3, false],
  ]);
  assert.deepEqual(Array.from(found.codes), [1, 2, 0, 1, 2, 2]);
  assert.equal(found.said, "2 clusters.");
  assert.deepEqual([...(paintedOf(found, { hidden: new Set(), kept: [0, 1] }).behind ?? [])], [2]);
  const whole = byGroup(Float32Array.of(0, 0), { ...groups, names: ["cluster 1"] }, "cluster");
  assert.equal(whole.entries?.length, 1, "no entry for nothing");
  const none = byGroup(Float32Array.of(NaN, NaN), { ...groups, names: [] }, "cluster");
  assert.deepEqual(none.entries?.map(({ name, count }) => [name, count]), [["in no cluster", 2]]);
});

test("one outlier does not swallow the scale, and equal numbers still have one", () => {
  const values = Float32Array.from({ length: 1000 }, (_, k) => k / 1000);
  values[7] = 1e9;
  const { codes, ticks } = byNumber(values, "x", false);
  assert.ok(codes[500] > 0.45 && codes[500] < 0.55);
  assert.equal(codes[7], 1);
  assert.ok(Number(ticks[4].text) < 2);
  assert.ok(Array.from(byNumber(new Float32Array(5), "x", false).codes).every((code) => code >= 0 && code <= 1));
});

test("p-values have the same logarithmic scale on every map", () => {
  const { codes, ticks } = byNumber(Float32Array.of(0.001, 1, 0.0001), "p", true);
  assert.ok(Math.abs(codes[0]) < 1e-6 && codes[1] === 1 && codes[2] === 0);
  assert.deepEqual(ticks.map(({ text }) => text), ["0.001", "0.01", "0.05", "0.2", "1"]);
});

test("dots have the paints of their classes, and none where the legend hides them", () => {
  const shown = { hidden: new Set(), kept: /** @type {[number, number]} */ ([0, 1]) };
  const { codes, paints } = paintedOf(byClass([0, 1, 1], ["a", "b"]), shown);
  assert.deepEqual([...codes], [0, 1, 1]);
  assert.deepEqual([...paints(PALETTE)], [0, 0x010000]);
  const hiding = paintedOf(byClass([0, 1, 1], ["a", "b"]), { ...shown, hidden: new Set([1]) });
  assert.deepEqual([...hiding.paints(PALETTE)].map((paint) => paint === HIDDEN), [false, true]);
});

test("numbers have the paints of a scale, and those beyond its handles none", () => {
  const colouring = byNumber(Float32Array.of(0, 0.25, 1, NaN), "x", false);
  const { codes, paints } = paintedOf(colouring, { hidden: new Set(), kept: [0.2, 0.9] });
  const found = [...codes].map((code) => paints(PALETTE)[code] === HIDDEN);
  assert.deepEqual(found, [true, false, true, true]);
});

test("the ends of a scale are told in its own unit, also where it is logarithmic", () => {
  assert.equal(valueWords(0.125, byNumber(Float32Array.from({ length: 101 }, (_, k) => k), "x", false).ticks), "13.3");
  assert.equal(valueWords(0, byNumber(Float32Array.of(1), "p", true).ticks), "0.001");
  assert.equal(valueWords(1, byNumber(Float32Array.of(1), "p", true).ticks), "1");
  assert.equal(valueWords(0.5, byNumber(Float32Array.of(1), "p", true).ticks), "0.0316");
});

test("only what a run has is offered as a colour", () => {
  const colours = ["vacancy", "luck"].map((name) => ({ name, text: `The ${name}`, hint: "h", title: `${name}, nats`, is_p_value: false }));
  const run = /** @type {any} */ ({ stored: { points: "x", vacancy: "x", luck: "x" }, colours });
  assert.deepEqual(choices(run), [{ value: "vacancy", text: "The vacancy", hint: "h" }, { value: "luck", text: "The luck", hint: "h" }]);
  const rich = { ...run, attributes: ["Hat"], stored: { labels: "x", attributes: "x" } };
  assert.deepEqual(choices(rich).map(({ value }) => value), ["label", "vacancy", "luck", "attribute:0"]);
  const many = choices({ ...rich, attributes: ["Tag_10", "Tag_9", "a"] }).map(({ text }) => text);
  assert.deepEqual(many.slice(-3), ["a", "Tag 9", "Tag 10"], "as people sort them");
});

test("a table is plain CSV that no spreadsheet takes for formulas", () => {
  assert.equal(csvCell("=1+1"), "'=1+1");
  assert.equal(csvCell('a "b", c'), '"a ""b"", c"');
  assert.equal(csvCell(Math.fround(0.1)), "0.100000001");
  const text = csvOf([1], [7, 9], () => "x", Float32Array.of(0, 1, 0.5, -2), 2);
  assert.equal(text, "image,dataset_row,label,z0,z1\r\n1,9,x,0.5,-2\r\n");
});

test("the classes of a selection are counted, the largest first", () => {
  assert.deepEqual(classCounts([5, 5, 3, 3, 3, 1], [0, 2, 3, 5]), [{ label: 3, count: 2 }, { label: 1, count: 1 }, { label: 5, count: 1 }]);
});

test("a latent's shadow on a plane is the place whose latent is nearest", () => {
  const plane = { origin: [1, 2, 3], first: [0.6, 0.8, 0], second: [0, 0, 1] };
  const [a, b] = shadow(plane, onPlane(plane, 0.7, -1.2));
  assert.ok(Math.abs(a - 0.7) < 1e-6 && Math.abs(b + 1.2) < 1e-6);
  assert.deepEqual(shadow(plane, [1 - 0.8, 2 + 0.6, 3]).map((v) => Math.round(1e6 * v) / 1e6), [0, 0]);
});

test("axes say their level where there are several", () => {
  const axis = /** @type {any} */ ({ name: "axis 3", note: "0.8 nats", vector: [0, 0, 0, 1] });
  assert.equal(axisText(axis, [2, 2]), "axis 3 · level 2 (0.8 nats)");
  assert.equal(axisText(axis), "axis 3 (0.8 nats)");
});

test("of many epochs the first and the last are on the slider, and few are all there", () => {
  const many = Array.from({ length: 300 }, (_, k) => k + 1);
  const some = someOf(many, 24);
  assert.ok(some.length === 24 && some[0] === 1 && some[23] === 300 && some.every((epoch, k) => !k || epoch > some[k - 1]));
  assert.deepEqual(someOf([1, 2, 25], 24), [1, 2, 25]);
});

test("kept codes stand where the run's own map has them, and images without a code nowhere", () => {
  const plane = { origin: [1, 2, 3], first: [0.6, 0.8, 0], second: [0, 0, 1] };
  const kept = [3, 0].map((row) => ({ row, z: onPlane(plane, row + 0.5, 1 - row) }));
  const places = placesOf(Float32Array.from(kept.flatMap(({ z }) => [...z])), Int32Array.from(kept, ({ row }) => row), plane, 4);
  assert.deepEqual(Array.from(places, (v) => Math.round(1e4 * v) / 1e4), [0.5, 1, NaN, NaN, NaN, NaN, 3.5, -2]);
});

test("dots move in a line from one epoch to the next, and one box holds them all the way", () => {
  const [from, to] = [Float32Array.of(0, 0, NaN, NaN, 1, 1), Float32Array.of(4, -2, 3, 3, NaN, NaN)];
  assert.deepEqual([...partWay(from, to, 0.25)], [1, -0.5, 3, 3, NaN, NaN]);
  const { left, right, bottom, top } = boxOfAll([from, to]);
  assert.ok(left < 0 && right > 4 && bottom < -2 && top > 3 && right < 5);
});

test("a lattice has cells of the images' shape, and not too many", () => {
  for (const [width, height] of [[900, 560], [300, 280], [3000, 2000], [20, 20]]) {
    const { rows, columns } = cellsOf(width, height, 1);
    assert.ok(rows >= 1 && columns >= 1 && rows * columns <= 320);
  }
});

test("how far a layout is, in words", () => {
  const progress = /** @type {any} */ ({ state: "running", elapsed: 3.2, expected: 21.7, trouble: null });
  assert.equal(progressWords(progress), "3 s of about 22 s.");
  assert.match(progressWords({ ...progress, state: "failed", trouble: "It broke." }), /^It broke\. /);
});

const DEEP = /** @type {any} */ ({ latent_dim: 16, count: 600, classes: ["a", "b", "c"], epochs: [1, 2, 4, 8] });

/** @param {object} changed */
const shownMap = (changed = {}) => ({ info: DEEP, plane: "pca", colour: "label", usualColour: "label", highlight: "", on: { ...USUAL_LAYERS }, epoch: 0, image: null, rows: [], ...changed });

test("a map as it opens leaves nothing in the address, and what it leaves brings it back", () => {
  assert.deepEqual(new Set(Object.values(stateOf(shownMap()))), new Set([""]));
  const on = { ...USUAL_LAYERS, names: false, density: true };
  const state = stateOf(shownMap({ plane: "3,0", colour: "rate", highlight: "0,2", on, epoch: 8, image: 37, rows: [1, 2, 599] }));
  const wish = wished(state, DEEP, ["label", "rate"], true);
  assert.deepEqual(wish, { plane: "3,0", colour: "rate", highlight: "0,2", layers: on, epoch: 8, image: 37, rows: [1, 2, 599] });
  const bare = Object.fromEntries(Object.keys(USUAL_LAYERS).map((name) => [name, false]));
  assert.deepEqual(wished(stateOf(shownMap({ on: bare })), DEEP, [], true).layers, bare);
});

test("a selection that is too long for an address is left out whole", () => {
  assert.equal(stateOf(shownMap({ rows: Array.from({ length: 100 }, (_, k) => k) })).rows, "");
});

test("an address that makes no sense for a run changes nothing of its map", () => {
  const usual = { plane: "pca", colour: null, highlight: "", layers: null, epoch: 0, image: null, rows: [] };
  assert.deepEqual(wished({}, DEEP, ["label"], true), usual);
  for (const state of [{ plane: "16,0" }, { plane: "1,1" }, { plane: "<b>" }, { colour: "luck" }, { classes: "3" }, { layers: "names,x" }, { layers: "__proto__" }, { epoch: "-1" }, { epoch: "x" }, { image: "600" }, { image: "-1" }, { rows: "1,x" }]) {
    assert.deepEqual(wished(/** @type {any} */ (state), DEEP, ["label"], true), usual, JSON.stringify(state));
  }
  assert.equal(wished({ epoch: "8" }, { ...DEEP, epochs: [] }, [], true).epoch, 0, "where no codes were kept");
  assert.equal(wished({ plane: "tsne" }, DEEP, [], false).plane, "pca", "where no layout can be had");
  assert.equal(wished({ plane: "tsne" }, DEEP, [], true).plane, "tsne");
  assert.deepEqual([1, 2, 3].map((d) => usualPlane({ latent_dim: d })), ["0", "0,1", "pca"]);
});
