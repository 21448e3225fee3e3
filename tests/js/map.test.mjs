import assert from "node:assert/strict";
import { test } from "node:test";

import { shadow, onPlane } from "../../explorer/ui/static/latent/latent.js";
import { byAttribute, byClass, byNumber, choices, markerOf, rowsShown } from "../../explorer/ui/static/map/colours.js";
import { cellsOf } from "../../explorer/ui/static/map/backdrop.js";
import { axisText } from "../../explorer/ui/static/map/bar.js";
import { csvCell, classCounts, csvOf } from "../../explorer/ui/static/map/selection.js";
import { apart, boxOf, contourPath, densityOf, ellipseOf, isInside, levelHolding, middleOf, nearestRow, rowsInside, sampleOf } from "../../explorer/ui/static/map/shapes.js";
import { keyWish, windowOf } from "../../explorer/ui/static/map/tools.js";
import { progressWords } from "../../explorer/ui/static/map/tsne.js";

const META = { palette: Array.from({ length: 10 }, (_, k) => `#00000${k}`), scale: ["#000000", "#ffffff"], other: "grey" };

/** Numbers that look random and are the same at every run. */
function* numbers(seed = 1) {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** @param {number} count */
function crowd(count) {
  const draw = numbers(7);
  return Float32Array.from({ length: 2 * count }, () => {
    let sum = 0;
    for (let k = 0; k < 12; k++) sum += /** @type {number} */ (draw.next().value);
    return sum - 6; // nearly normal
  });
}

const all = (/** @type {number} */ count) => Int32Array.from({ length: count }, (_, k) => k);

test("the ellipse of a covariance has its variances along its own axes", () => {
  for (const [xx, xy, yy] of [[4, 0, 1], [1, 0, 4], [2, 1, 2], [3, -0.5, 0.2], [1, 0, 1]]) {
    const { rx, ry, angle } = ellipseOf(xx, xy, yy);
    const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    const back = [rx * rx * c * c + ry * ry * s * s, (rx * rx - ry * ry) * c * s, rx * rx * s * s + ry * ry * c * c];
    back.forEach((value, k) => assert.ok(Math.abs(value - [xx, xy, yy][k]) < 1e-9));
    assert.ok(rx >= ry);
  }
});

test("a lasso that crosses itself holds what its outline winds around once", () => {
  const square = /** @type {[number, number][]} */ ([[0, 0], [2, 0], [2, 2], [0, 2]]);
  assert.ok(isInside(1, 1, square));
  assert.ok(!isInside(3, 1, square));
  assert.ok(!isInside(-1, 1, square));
  const bow = /** @type {[number, number][]} */ ([[0, 0], [2, 2], [2, 0], [0, 2]]);
  assert.ok(isInside(1.9, 1, bow));
  assert.ok(!isInside(1, 1.9, bow));
  assert.deepEqual(rowsInside(Float32Array.of(1, 1, 3, 3, 0.5, 1.5), [0, 1, 2], square), [0, 2]);
});

test("density lines hold the shares of the images that they say", () => {
  const places = crowd(4000);
  const rows = all(4000);
  const box = boxOf(places, rows);
  const size = 72;
  const grid = densityOf(places, rows, box, size);
  const total = grid.reduce((sum, value) => sum + value, 0);
  assert.ok(total > 0.98 && total < 1.001);
  for (const share of [0.25, 0.5, 0.95]) {
    const level = levelHolding(grid, share);
    let held = 0;
    for (const row of rows) {
      const column = Math.min(size - 1, Math.floor(((places[2 * row] - box.left) / (box.right - box.left)) * size));
      const line = Math.min(size - 1, Math.floor(((places[2 * row + 1] - box.bottom) / (box.top - box.bottom)) * size));
      if (grid[line * size + column] >= level) held++;
    }
    assert.ok(Math.abs(held / 4000 - share) < 0.05, `${held} for ${share}`);
  }
});

test("the line of a level lies where the grid has that level", () => {
  const size = 40;
  const box = { left: -2, right: 2, bottom: -2, top: 2 };
  const at = (/** @type {number} */ k) => -2 + ((k + 0.5) / size) * 4;
  const cone = Float32Array.from({ length: size * size }, (_, k) => Math.hypot(at(k % size), at(Math.floor(k / size))));
  const path = contourPath(cone, size, box, 1.2);
  const places = [...path.matchAll(/[ML](-?[\d.e+-]+),(-?[\d.e+-]+)/g)];
  assert.ok(places.length > 60);
  for (const [, x, y] of places) assert.ok(Math.abs(Math.hypot(Number(x), Number(y)) - 1.2) < 0.01);
  assert.equal(contourPath(cone, size, box, 99), "");
});

test("a sample has so many different images, in order, always the same", () => {
  const sample = sampleOf(60000, 10000);
  assert.equal(sample.length, 10000);
  assert.deepEqual(sample, sampleOf(60000, 10000));
  for (let k = 1; k < sample.length; k++) assert.ok(sample[k] > sample[k - 1]);
  const late = sample.filter((row) => row >= 30000).length;
  assert.ok(late > 4700 && late < 5300, "from everywhere");
  assert.deepEqual([...sampleOf(3, 10)], [0, 1, 2]);
});

test("names that cover one another are pushed apart, and others stay", () => {
  const boxes = [
    { x: 50, y: 50, width: 30 },
    { x: 55, y: 52, width: 30 },
    { x: 300, y: 50, width: 30 },
  ];
  const placed = apart(boxes, 22);
  assert.deepEqual(placed[2], { x: 300, y: 50 });
  assert.ok(Math.abs(placed[0].x - placed[1].x) >= 30 || Math.abs(placed[0].y - placed[1].y) >= 22);
  assert.ok(Math.hypot(placed[0].x - 50, placed[0].y - 50) < 40);
});

test("a crowd's middle and the image nearest to it", () => {
  const places = Float32Array.of(0, 0, 1, 1, 2, 2, 100, 0);
  assert.deepEqual(middleOf(places, [0, 1, 2]), [1, 1]);
  assert.equal(nearestRow(places, [0, 2, 3], 1.6, 1.6), 2);
  assert.deepEqual(boxOf(places, []), { left: -1, right: 1, bottom: -1, top: 1 });
});

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
  const colours = ["vacancy", "luck"].map((name) => ({ name, text: `The ${name}`, hint: "h", title: `${name}, nats`, is_p_value: false }));
  const run = /** @type {any} */ ({ stored: { points: "x", vacancy: "x", luck: "x" }, colours });
  assert.deepEqual(choices(run), [{ value: "vacancy", text: "The vacancy", hint: "h" }, { value: "luck", text: "The luck", hint: "h" }]);
  const rich = { ...run, attributes: ["Hat"], stored: { labels: "x", attributes: "x" } };
  assert.deepEqual(choices(rich).map(({ value }) => value), ["label", "vacancy", "luck", "attribute:0"]);
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
  assert.deepEqual(keyWish("Enter"), { choose: true });
  assert.equal(keyWish("x"), null);
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
