import assert from "node:assert/strict";
import { test } from "node:test";

import { resampleChoices } from "../../explorer/ui/static/explore/levels.js";
import { cellBox, gridValue, hatching, numbersOf, threeOf } from "../../explorer/ui/static/holes/grid.js";
import { groundPixels } from "../../explorer/ui/static/holes/ground.js";
import { compact, keepWheel, pointed } from "../../explorer/ui/static/kit/charts.js";
import { defaultWords } from "../../explorer/ui/static/latent/laws.js";
import { directionName, niceStep } from "../../explorer/ui/static/latent/directions.js";
import { percent, shown } from "../../explorer/ui/static/latent/numbers.js";
import { details, normPlace, trustVerdict, verdict } from "../../explorer/ui/static/latent/vacancy.js";
import { ranked } from "../../explorer/ui/static/reconstruct/picker.js";


test("a p-value at the level is a hole, one above is not", () => {
  assert.equal(verdict(0.05).state, "hole");
  assert.equal(verdict(0.0501).state, "edge");
  assert.equal(verdict(0.2).state, "edge");
  assert.equal(verdict(0.2001).state, "near");
});

test("the verdict differs in words and in sign, not only in colour", () => {
  const said = [verdict(0.04), verdict(0.12), verdict(0.93)];
  assert.equal(new Set(said.map(({ sign }) => sign)).size, 3);
  assert.deepEqual(said.map(({ text }) => text), [
    "No image is encoded here: farther from codes than 96 % of real images",
    "Few images are encoded here: farther from codes than 88 % of real images",
    "Codes are common here: no farther from codes than 93 % of real images",
  ]);
});

test("a share is rounded down, so that what is said of it stays true", () => {
  assert.equal(percent(0.9998), "99 %");
  assert.equal(percent(0.0099), "0 %");
  assert.equal(percent(0.29), "29 %");
  assert.equal(percent(1), "100 %");
  assert.equal(verdict(0.0002).text, "No image is encoded here: farther from codes than 99 % of real images");
});

test("a latent off the span of the codes is in a hole whatever its p-value, and it is said why", () => {
  const said = trustVerdict({ vacancy: 0.9, off: true, rank: 6 });
  assert.equal(said?.state, "hole");
  assert.match(said?.text ?? "", /keep to 6 dimensions, and this latent leaves them/);
  assert.equal(trustVerdict({ vacancy: 0.9, off: false, rank: 6 })?.state, "near");
  assert.equal(trustVerdict({ vacancy: null }), null);
  assert.equal(trustVerdict({ vacancy: 0.9, ignored: true })?.state, "edge", "where codes lie tells nothing of a model that ignores them");
});

test("a p-value says what it is among", () => {
  assert.match(details({ vacancy: 0.5 }, "means"), /p = 0\.50 among codes of images/);
  assert.match(details({ vacancy: 0.5 }), /p = 0\.50 among drawn codes/);
});

test("a norm is told from the side on which it is unusual", () => {
  assert.equal(normPlace(0.1), "closer in than 90 % of training codes");
  assert.equal(normPlace(0.5), "further out than 50 % of training codes");
  assert.equal(normPlace(0.97), "further out than 97 % of training codes");
});

test("the wheel reaches a plot only while Ctrl or Meta is held", () => {
  const passes = (keys) => {
    let stopped = false;
    keepWheel({ ctrlKey: false, metaKey: false, stopPropagation: () => (stopped = true), ...keys });
    return !stopped;
  };
  assert.deepEqual([{}, { ctrlKey: true }, { metaKey: true }].map(passes), [false, true, true]);
});

test("details leave out what the server could not say", () => {
  assert.equal(details({ vacancy: null, norm: 2, norm_percentile: null, round_trip: null }), "norm 2.00 latent units");
  assert.match(details({ vacancy: 0.5, norm: 2, norm_percentile: 0.25, round_trip: 0.1 }), /closer in than 75 %/);
});

test("numbers keep about three digits and a real minus sign", () => {
  assert.equal(shown(-1234.5), "−1235");
  assert.equal(shown(0.012345), "0.0123");
  assert.equal(shown(12.345), "12.3");
  assert.deepEqual([0.9951, 1].map((p) => shown(p, 2)), ["1.0", "1.0"]);
  assert.equal(shown(0), "0");
  assert.equal(shown(-1e-7), "0");
  assert.equal(shown(0.00123), "0.0012");
  assert.equal(shown(null), "–");
  assert.equal(shown(NaN), "–");
});

test("a slider's step is 1, 2 or 5 times a power of ten and gives about a hundred places", () => {
  for (const [low, high] of [[-3, 3], [-21.7, 34.2], [0, 0.01], [-1e4, 1e4]]) {
    const step = niceStep(low, high);
    const digit = Number(step.toExponential().split("e")[0]);
    assert.ok([1, 2, 5].includes(digit), `${step}`);
    const places = (high - low) / step;
    assert.ok(places > 40 && places <= 121, `${places} places`);
  }
  assert.ok(niceStep(1, 1) > 0);
});

test("a click on a point names its image, one on empty space only the pointed", () => {
  const event = {};
  assert.deepEqual(pointed({ points: [{ customdata: 7, x: 1, y: 2 }], event }), { index: 7, x: 1, y: 2, event });
  assert.deepEqual(pointed({ points: [], xvals: [3], yvals: [4], event }), { index: null, x: 3, y: 4, event });
  assert.equal(pointed({ points: [], event }), null);
  assert.equal(pointed({ points: [], xvals: [NaN], yvals: [0], event }), null);
});

test("points that are no images are not taken for one", () => {
  assert.equal(pointed({ points: [{ x: 1, y: 1 }], xvals: [1], yvals: [1] }).index, null);
});

test("a phone's figure gets smaller words and keeps its data", () => {
  const data = [{ x: [1], marker: { colorbar: { thickness: 12, title: { text: "nats" } } } }];
  const layout = { font: { size: 13, color: "red" }, xaxis: { title: { text: "a" } }, yaxis: {} };
  compact(data, layout);
  assert.equal(layout.font.color, "red");
  assert.ok(layout.font.size < 13);
  assert.equal(layout.xaxis.title.text, "a");
  assert.equal(data[0].marker.colorbar.title.text, "nats");
  assert.deepEqual(data[0].x, [1]);
});

test("a grid is read at the cell nearest to the pointed, from below", () => {
  const grid = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.equal(gridValue(grid, 3, 3, -3, -3), 0);
  assert.equal(gridValue(grid, 3, 3, 3, -3), 2);
  assert.equal(gridValue(grid, 3, 3, -3, 3), 6);
  assert.equal(gridValue(grid, 3, 3, 0.4, 0.4), 4);
  assert.equal(gridValue(grid, 3, 3, 99, 99), 8);
});

test("a slice goes through three different images, whatever the dice say", () => {
  for (const dice of [0, 0.34, 0.5, 0.999]) {
    const chosen = threeOf(3, () => dice);
    assert.deepEqual([...chosen].sort(), [0, 1, 2]);
  }
  assert.deepEqual(threeOf(10, () => 0), [0, 1, 2]);
  assert.deepEqual(threeOf(10, () => 0.999), [9, 8, 7]);
});

test("packed arrays are read as numbers", () => {
  const bytes = Buffer.from(new Float32Array([1.5, 2, 3, 4]).buffer).toString("base64");
  const { values, shape } = numbersOf({ kind: "f4", shape: [2, 2], bytes });
  assert.deepEqual([Array.from(values), shape], [[1.5, 2, 3, 4], [2, 2]]);
  assert.deepEqual(Array.from(numbersOf({ kind: "u1", shape: [2], bytes: Buffer.from([1, 0]).toString("base64") }).values), [1, 0]);
});

test("every hole is hatched from corner to corner, and nothing else", () => {
  const holes = [1, 0, 0, 1]; // below left, above right
  assert.equal(hatching(holes, 2, 3), "M-3,-3L0,0M0,0L3,3");
  assert.equal(hatching([0, 0, 0, 0], 2, 3), "");
});

test("the cells of a grid have their middles at its places", () => {
  const { left, right } = cellBox(7, 3);
  const edge = (right - left) / 7;
  for (let k = 0; k < 7; k++) assert.ok(Math.abs(left + (k + 0.5) * edge - (-3 + k)) < 1e-9);
});

test("vacancy is drawn from the colour of holes to that of the page, with its edge at 0.05, the first row on top", () => {
  const colours = { lonely: "#000000", supported: "#ffffff", "class-1": "#ff0000", ramp: "#000000, #ffffff" };
  const token = (/** @type {string} */ name) => colours[name];
  const sheet = { values: [-3, 0, Math.log10(0.05), -9], size: 2, scale: /** @type {const} */ ("p-values"), ends: /** @type {[number, number]} */ ([-3, 0]), bar: "p", classes: [] };
  const reds = [...groundPixels(sheet, token)].filter((_, k) => k % 4 === 0);
  assert.equal(reds[2], 0);
  assert.equal(reds[3], 255);
  assert.equal(reds[1], 0, "beyond the scale is its end");
  assert.ok(Math.abs(reds[0] - 158) <= 2);
  const classes = [...groundPixels({ ...sheet, values: [1, 1, 1, 1], scale: "classes" }, token)].slice(0, 4);
  assert.deepEqual(classes, [255, 115, 115, 255]);
});

test("images are ranked by a score among those asked for", () => {
  const scores = Float32Array.of(3, 1, 2, 9);
  assert.deepEqual(ranked(scores, [0, 1, 2], true), [0, 2, 1]);
  assert.deepEqual(ranked(scores, [0, 1, 2], false), [1, 2, 0]);
});

test("an axis is named with its level only where a run has several", () => {
  const axis = { name: "axis 3", vector: [0, 0, 0, 1] };
  assert.equal(directionName(axis, [2, 2]), "axis 3 · level 2");
  assert.equal(directionName(axis, [4]), "axis 3");
  assert.equal(directionName(axis), "axis 3");
  assert.equal(directionName({ name: "component 1", vector: [0.6, 0, 0, 0.8] }, [2, 2]), "component 1");
});

test("every level below the top can be drawn anew, and its button says what goes with it and what stays", () => {
  const words = resampleChoices([1, 2, 2]);
  assert.deepEqual(words.map(({ level, text }) => [level, text]), [
    [2, "Resample level 2 and below"],
    [3, "Resample level 3"],
  ]);
  assert.match(words[0].hint, /level 2 and all below .* level 1 stays$/);
  assert.match(words[1].hint, /level 3 from .* levels 1 to 2 stay$/);
  assert.deepEqual(resampleChoices([5]), []);
  assert.deepEqual(resampleChoices(), []);
});

test("where Random draws from is named, and that it is told apart least only where that was measured", () => {
  const laws = [{ name: "raw", short: "raw", title: "from the prior", plain: "the prior", hint: "", words: "" }];
  const info = { name: "a", laws, default_law: "raw", default_told: 0.592 };
  assert.match(defaultWords(info), /come from the prior, the law told apart least: a classifier tells 59 of 100 pairs/);
  assert.match(defaultWords({ ...info, default_told: null }), /come from the prior: which law is told apart least is not measured/);
});
