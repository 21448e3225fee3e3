import assert from "node:assert/strict";
import { test } from "node:test";

import { ERROR_COLOURS, errorColour, errorMap, shownWidth, toRgba } from "../../explorer/ui/static/kit/pixels.js";
import { tilePlace } from "../../explorer/ui/static/page/sprites.js";


test("grey bytes become opaque grey", () => {
  assert.deepEqual([...toRgba([0, 200], 1)], [0, 0, 0, 255, 200, 200, 200, 255]);
});

test("colour bytes keep their channels", () => {
  assert.deepEqual([...toRgba([1, 2, 3, 4, 5, 6], 3)], [1, 2, 3, 255, 4, 5, 6, 255]);
});

test("one image of a batch is cut out at its place", () => {
  assert.deepEqual([...toRgba([9, 9, 7, 8], 1, 2, 2)], [7, 7, 7, 255, 8, 8, 8, 255]);
});

test("no error is the middle colour, full errors are the ends", () => {
  assert.deepEqual(errorColour(0), ERROR_COLOURS.light[1]);
  assert.deepEqual(errorColour(-1), ERROR_COLOURS.light[0]);
  assert.deepEqual(errorColour(1), ERROR_COLOURS.light[2]);
  assert.deepEqual(errorColour(5), ERROR_COLOURS.light[2]);
});

test("the error map is signed: too bright is the last colour, too dark the first", () => {
  const map = errorMap([0, 255, 100], [255, 0, 100], 1);
  assert.deepEqual([...map.slice(0, 3)], ERROR_COLOURS.light[2]);
  assert.deepEqual([...map.slice(4, 7)], ERROR_COLOURS.light[0]);
  assert.deepEqual([...map.slice(8, 11)], ERROR_COLOURS.light[1]);
});

test("on a dark page no error is dark, and both signs stand out from it", () => {
  const brightness = (/** @type {number[]} */ rgb) => rgb.reduce((sum, v) => sum + v, 0) / 3;
  const [none, low, high] = [0, -1, 1].map((error) => errorColour(error, "dark"));
  assert.deepEqual([...errorMap([7], [7], 1, "dark").slice(0, 3)], none);
  assert.ok(brightness(none) < 60);
  assert.ok(brightness(low) > brightness(none) + 80 && brightness(high) > brightness(none) + 80);
});

test("the error of a colour image is the mean over its channels", () => {
  const map = errorMap([0, 0, 0], [255, 0, 0], 3);
  assert.deepEqual([...map.slice(0, 3)], errorColour(1 / 3));
});

test("tiles lie row by row, and every sheet starts again", () => {
  const sheet = { size: 10000, columns: 100 };
  assert.deepEqual(tilePlace(0, sheet, 28, 28), { sheet: 0, x: 0, y: 0 });
  assert.deepEqual(tilePlace(101, sheet, 28, 20), { sheet: 0, x: 20, y: 28 });
  assert.deepEqual(tilePlace(10000, sheet, 28, 28), { sheet: 1, x: 0, y: 0 });
});

test("an image is shown in whole pixels where there is room, and shrunk where there is none", () => {
  assert.equal(shownWidth(28, 100), 84);
  assert.equal(shownWidth(96, 100), 96);
  assert.equal(shownWidth(256, 100), 100);
  assert.equal(shownWidth(48, 96, 96), 48); // twice as tall as wide: its height keeps to the room
  assert.equal(shownWidth(128, 64, 256), 32);
});
