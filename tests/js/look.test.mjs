import assert from "node:assert/strict";
import { test } from "node:test";

import { rounded } from "../../explorer/ui/static/latent/numbers.js";
import { evenly, placesBy } from "../../explorer/ui/static/reconstruct/gallery.js";
import { costVerdict, majority, shareBelow, topLevels, typicalVerdict, unpacked } from "../../explorer/ui/static/reconstruct/look.js";
import { pictureIn, shrunkTo } from "../../explorer/ui/static/reconstruct/own.js";
import { widthOf } from "../../explorer/ui/static/kit/pad.js";


test("an image as JSON has it is unpacked byte by byte", () => {
  const { pixels, shape } = unpacked({ shape: [1, 2, 3], bytes: Buffer.from([0, 128, 255, 7, 8, 9]).toString("base64") });
  assert.deepEqual(Array.from(pixels), [0, 128, 255, 7, 8, 9]);
  assert.deepEqual(shape, [1, 1, 2, 3]);
});

test("a share is of the scores that are smaller, and of none there is none", () => {
  assert.equal(shareBelow([1, 2, 3, 4], 2), 0.25);
  assert.equal(shareBelow([1, 2, 3, 4], 9), 1);
  assert.equal(shareBelow([], 1), null);
  assert.equal(shareBelow(null, 1), null);
  assert.equal(shareBelow([1], null), null);
});

test("a share is never rounded up, and near the top it keeps a decimal", () => {
  assert.equal(rounded(0.4999), "49 %");
  assert.equal(rounded(0.98999), "98 %");
  assert.equal(rounded(0.9989), "99.8 %");
  assert.equal(rounded(0.99999), "99.9 %");
  assert.equal(rounded(1), "100 %");
  assert.equal(rounded(0), "0 %");
});

test("a cost is told with its rank among test images, and judges nothing else", () => {
  const cost = (/** @type {number} */ share) => costVerdict({ nats: 312.4, share, count: 10000 });
  assert.equal(cost(0.9981).text, "It costs 312.4 nats, more than 99.8 % of the 10,000 test images");
  assert.match(cost(1).text, /more than any of the 10,000 test images/);
  assert.match(cost(0.4).text, /more than 40 %/);
  assert.match(cost(0).text, /fewer than any/);
  assert.equal(new Set([cost(1), cost(0), cost(0.4)].map(({ state }) => state)).size, 3);
});

test("a verdict on an image says what was measured, and never that nothing is unusual", () => {
  const noun = { one: "flower", many: "flowers" };
  const face = typicalVerdict({ cost: 0.874, code: 0.001, features: 0.3, together: 0.002 }, noun);
  assert.equal(face.state, "hole");
  assert.equal(
    face.text,
    "Odder than 99 % of real flowers: it costs no more than 87 % of them and its features are no further off than those of 30 %, but its code lies where no flower's does",
  );
  const usual = typicalVerdict({ cost: 0.87, code: 0.4, features: null, together: 0.41 }, noun);
  assert.equal(usual.state, "near");
  assert.equal(usual.text, "No odder than real flowers: 41 % of them are at least as odd; it costs no more than 87 % of them and its code lies no further out than those of 40 %");
  const features = typicalVerdict({ cost: 0.01, code: 0.4, features: 0.02, together: 0.03 }, noun);
  assert.match(features.text, /but it costs more than 99 % of them and its features lie where no flower's do$/);
  const blank = typicalVerdict({ cost: 0.999, code: 0.4, features: null, together: 0.002 }, noun);
  assert.equal(blank.text, "Odder than 99 % of real flowers: its code lies no further out than those of 40 %, but it costs less than 99 % of them");
  for (const said of [face, usual, features, blank]) assert.doesNotMatch(said.text, /nothing unusual/i);
});

test("the majority's label is the most frequent one, the nearest at a tie", () => {
  const labels = [5, 3, 3, 5, 3];
  assert.deepEqual(majority([0, 1, 2], labels), { label: 3, count: 2 });
  assert.deepEqual(majority([0, 1], labels), { label: 5, count: 1 });
});

test("below the levels that are kept every coordinate is 0", () => {
  assert.deepEqual(Array.from(topLevels([1, 2, 3, 4], [1, 2, 1])), [1, 0, 0, 0, 1, 2, 3, 0, 1, 2, 3, 4]);
});

test("a large picture keeps its proportions and a small one its size", () => {
  assert.deepEqual(shrunkTo(4000, 3000, 1280), { width: 1280, height: 960 });
  assert.deepEqual(shrunkTo(30, 20, 1280), { width: 30, height: 20 });
  assert.deepEqual(shrunkTo(100000, 1, 1280), { width: 1280, height: 1 });
});

test("of several files the first picture is taken, and without one the first file", () => {
  const file = (/** @type {string} */ name, /** @type {string} */ type) => /** @type {any} */ ({ name, type });
  const of = (/** @type {any[]} */ ...files) => pictureIn(/** @type {any} */ ({ files }));
  assert.equal(of(file("a.txt", "text/plain"), file("b.png", "image/png"))?.name, "b.png");
  assert.equal(of(file("a.txt", "text/plain"))?.name, "a.txt");
  assert.equal(of(), null);
  assert.equal(pictureIn(null), null);
});

test("a pen that is pressed draws thicker, a mouse always the same", () => {
  const pen = (/** @type {number} */ pressure) => widthOf(20, { pointerType: "pen", pressure });
  assert.ok(pen(0.9) > pen(0.3));
  assert.equal(widthOf(20, { pointerType: "mouse", pressure: 0.5 }), 20);
  assert.equal(widthOf(20, { pointerType: "pen", pressure: 0 }), 20, "a pen that tells no pressure");
});

test("images are spread evenly over those there are, first and last included", () => {
  const all = Array.from({ length: 1000 }, (_, i) => i);
  const some = evenly(all, 100);
  assert.equal(some.length, 100);
  assert.equal(new Set(some).size, 100);
  assert.deepEqual([some[0], some[99]], [0, 999]);
  assert.deepEqual(evenly([4, 5], 100), [4, 5]);
});

test("the gallery is sorted by the error of either model or by their difference", () => {
  const [run, twin] = [[0.3, 0.1, 0.2], [0.1, 0.2, 0.25]];
  assert.deepEqual(placesBy("number", run, twin), [0, 1, 2]);
  assert.deepEqual(placesBy("run", run, twin), [0, 2, 1]);
  assert.deepEqual(placesBy("run-best", run, twin), [1, 2, 0]);
  assert.deepEqual(placesBy("twin", run, twin), [2, 1, 0]);
  assert.deepEqual(placesBy("difference", run, twin), [0, 2, 1], "where the run does worst beside its twin comes first");
  assert.deepEqual(placesBy("twin", run, null), [0, 1, 2]);
});
