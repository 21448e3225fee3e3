import assert from "node:assert/strict";
import { test } from "node:test";

import { shadow, onPlane } from "../../explorer/ui/static/latent/latent.js";
import { byAttribute, byClass, byNumber, choices, markerOf, rowsShown } from "../../explorer/ui/static/map/colours.js";
import { cellsOf } from "../../explorer/ui/static/map/backdrop.js";
import { axisText } from "../../explorer/ui/static/map/bar.js";
import { csvCell, classCounts, csvOf } from "../../explorer/ui/static/map/selection.js";
import { windowOf } from "../../explorer/ui/static/map/tools.js";
import { progressWords } from "../../explorer/ui/static/map/tsne.js";

const META = { palette: Array.from({ length: 10 }, (_, k) => `#00000${k}`), scale: ["#000000", "#ffffff"], other: "grey" };

const all = (/** @type {number} */ count) => Int32Array.from({ length: count }, (_, k) => k);

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
  const rows = rowsShown(one, new Float32Array(2 * labels.length), all(labels.length), new Set());
  assert.ok([...rows.slice(-8)].every((row) => labels[row] === 7), "drawn last, so that grey hides none of them");
});

test("an attribute is had, not had, or not known", () => {
  const { entries, codes } = byAttribute(Uint8Array.of(1, 0, 0, 255, 1, 1), 1, ["Hat", "Smiling"]);
  assert.deepEqual(entries?.map(({ name, count }) => [name, count]), [["Smiling", 1], ["not Smiling", 1], ["not known", 1]]);
  assert.deepEqual(Array.from(codes), [1, 2, 0]);
  assert.equal(byAttribute(Uint8Array.of(1, 0), 0, ["Hat"]).entries?.length, 2);
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

test("dots take the colours of their rows, in steps for classes", () => {
  const colouring = byClass([0, 1, 1], ["a", "b"]);
  const { color, colorscale, cmin, cmax } = markerOf(colouring, [2, 0], META);
  assert.deepEqual([...color], [1, 0]);
  assert.deepEqual(colorscale, [[0, META.palette[0]], [0.5, META.palette[0]], [0.5, META.palette[1]], [1, META.palette[1]]]);
  assert.deepEqual([cmin, cmax], [-0.5, 1.5]);
  const smooth = markerOf(byNumber(Float32Array.of(0, 1), "x", false), [0, 1], META);
  assert.deepEqual(smooth.colorscale, [[0, "#000000"], [1, "#ffffff"]]);
});

test("hidden classes and images without a place are not drawn", () => {
  const colouring = byClass([0, 1, 0, 1], ["a", "b"]);
  const places = Float32Array.of(0, 0, 1, 1, NaN, NaN, 3, 3);
  assert.deepEqual([...rowsShown(colouring, places, all(4), new Set([1]))], [0]);
  assert.deepEqual([...rowsShown(colouring, places, Int32Array.of(1, 2, 3), new Set())], [1, 3]);
});

test("only what a run has is offered as a colour", () => {
  const run = /** @type {any} */ ({ stored: { points: "x", vacancy: "x" }, count: 50 });
  assert.deepEqual(choices(run).map(({ value }) => value), ["vacancy", "loneliness"]);
  const rich = { ...run, count: 60000, attributes: ["Hat"], stored: { labels: "x", rate: "x", attributes: "x" } };
  assert.deepEqual(choices(rich).map(({ value }) => value), ["label", "rate", "attribute:0"]);
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

test("windows are moved and scaled about their middle", () => {
  const box = { left: 0, right: 10, bottom: 0, top: 4 };
  assert.deepEqual(windowOf(box, 0.5), { left: 2.5, right: 7.5, bottom: 1, top: 3 });
  assert.deepEqual(windowOf(box, 1, [0.1, -0.5]), { left: 1, right: 11, bottom: -2, top: 2 });
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
