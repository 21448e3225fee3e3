import assert from "node:assert/strict";
import { test } from "node:test";

import { keyWish, wheelFactor } from "../../explorer/ui/static/kit/planehand.js";
import { bytesOf, classPaints, HIDDEN, paintOf, partsOf, rampCodes, rampPaints, RAMP_STEPS } from "../../explorer/ui/static/plane/colours.js";
import { contourPath, densityOf, levelHolding } from "../../explorer/ui/static/plane/contours.js";
import { Crowd } from "../../explorer/ui/static/plane/crowd.js";
import { boxBetween, boxOf, evened, Pane, shifted, zoomed } from "../../explorer/ui/static/plane/pane.js";
import { cellWidth, tilesOf } from "../../explorer/ui/static/plane/pictures.js";
import { drawDots, layered, Sheet, stampOf } from "../../explorer/ui/static/plane/raster.js";
import { apart, ellipseOf, isInside, middleOf, nearestRow } from "../../explorer/ui/static/plane/shapes.js";
import { tickStep, ticksOf } from "../../explorer/ui/static/plane/ticks.js";

const BOX = { left: -4, right: 4, bottom: -4, top: 4 };

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

/** @param {number} one @param {number} other */
const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-6 * Math.max(1, Math.abs(other)), `${one} for ${other}`);

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

test("a place has one pixel and that pixel its place, whatever the window", () => {
  const pane = new Pane({ left: -3, right: 5, bottom: 1, top: 2 }, 640, 480);
  for (const [x, y] of [[-3, 2], [5, 1], [0.25, 1.5]]) {
    const [a, b] = pane.place(pane.px(x), pane.py(y));
    near(a, x);
    near(b, y);
  }
  assert.deepEqual([pane.px(-3), pane.py(2), pane.px(5), pane.py(1)], [0, 0, 640, 480]);
  assert.ok(pane.holds(0, 0) && !pane.holds(641, 3));
});

test("a window that is zoomed about a place keeps the place where it is", () => {
  const box = { left: 0, right: 10, bottom: 0, top: 4 };
  const [before, after] = [new Pane(box, 500, 200), new Pane(zoomed(box, 0.3, [7, 1]), 500, 200)];
  near(after.px(7), before.px(7));
  near(after.py(1), before.py(1));
  near(after.across / before.across, 1 / 0.3);
  assert.deepEqual(zoomed(box, 0.5), { left: 2.5, right: 7.5, bottom: 1, top: 3 });
  assert.deepEqual(shifted(box, 0.1, -0.5), { left: 1, right: 11, bottom: -2, top: 2 });
});

test("equal scales widen a window and never cut it", () => {
  for (const [width, height] of [[400, 400], [800, 300], [100, 700]]) {
    const even = evened({ left: -1, right: 3, bottom: 0, top: 1 }, width, height);
    near((even.right - even.left) / width, (even.top - even.bottom) / height);
    assert.ok(even.left <= -1 && even.right >= 3 && even.bottom <= 0 && even.top >= 1);
    assert.deepEqual(evened(even, width, height), even);
  }
});

test("a movement begins at one window and ends at the other", () => {
  const to = { left: 1, right: 2, bottom: 1, top: 2 };
  for (const [share, box] of /** @type {[number, typeof BOX][]} */ ([[0, BOX], [1, to]])) {
    const found = boxBetween(BOX, to, share);
    for (const side of /** @type {const} */ (["left", "right", "bottom", "top"])) near(found[side], box[side]);
  }
  const halfway = boxBetween(BOX, to, 0.5);
  near(halfway.right - halfway.left, Math.sqrt(8));
});

test("ticks are multiples of 1, 2 or 5, inside the window, and no more than there is room for", () => {
  for (const [low, high, most] of [[-3.3, 3.1, 8], [0, 1e-4, 5], [-2000, 123456, 6], [0.999, 1.001, 4], [5, 5.5, 2]]) {
    const ticks = ticksOf(low, high, most);
    const step = tickStep(high - low, most);
    assert.ok([1, 2, 5].includes(Number((step / 10 ** Math.floor(Math.log10(step) + 1e-9)).toFixed(6))), String(step));
    assert.ok(ticks.length >= 1 && ticks.length <= most + 1);
    for (const { value, text } of ticks) {
      assert.ok(value >= low - 1e-9 * Math.abs(low) - 1e-12 && value <= high + 1e-9 * Math.abs(high) + 1e-12);
      near(Number(text.replace("−", "-")), Number(value.toPrecision(6)));
    }
  }
  assert.deepEqual(ticksOf(-1, 1, 4).map(({ text }) => text), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
  assert.deepEqual(ticksOf(1, 1, 4), []);
});

test("the grid finds the dot nearest to the pointer, as looking at every dot does", () => {
  const places = crowd(3000);
  const dots = new Crowd(places);
  const pane = new Pane(BOX, 600, 600);
  const draw = numbers(3);
  let found = 0;
  for (let k = 0; k < 300; k++) {
    const [px, py] = [600 * /** @type {number} */ (draw.next().value), 600 * /** @type {number} */ (draw.next().value)];
    let best = -1;
    let least = 8;
    for (let row = 0; row < 3000; row++) {
      const gap = Math.hypot(pane.px(places[2 * row]) - px, pane.py(places[2 * row + 1]) - py);
      if (gap < least) [best, least] = [row, gap];
    }
    const dot = dots.nearest(pane, px, py, 8);
    assert.equal(dot < 0 ? -1 : dots.rows[dot], best);
    if (dot >= 0) found++;
  }
  assert.ok(found > 60 && found < 290);
  assert.equal(dots.nearest(pane, 300, 300, 8, () => false), -1, "nothing that is hidden is found");
});

test("a box and a lasso hold what lies inside them", () => {
  const places = crowd(2000);
  const dots = new Crowd(places);
  const box = { left: -0.5, right: 1.5, bottom: -1, top: 0.25 };
  const isIn = (/** @type {number} */ row) => places[2 * row] >= -0.5 && places[2 * row] <= 1.5 && places[2 * row + 1] >= -1 && places[2 * row + 1] <= 0.25;
  assert.deepEqual(dots.inside(box), [...all(2000)].filter(isIn));
  const kite = /** @type {[number, number][]} */ ([[0, 1], [1, 0], [0, -2], [-1, 0]]);
  assert.deepEqual(dots.within(kite), [...all(2000)].filter((row) => isInside(places[2 * row], places[2 * row + 1], kite)));
  assert.deepEqual(dots.inside({ left: 90, right: 91, bottom: 0, top: 1 }), []);
});

test("rows without a place are in no crowd, and a crowd may be empty or stand at one place", () => {
  const dots = new Crowd(Float32Array.of(NaN, 0, 1, 2, Infinity, 1, 1, 2));
  assert.deepEqual([...dots.rows], [1, 3]);
  assert.deepEqual(dots.inside({ left: 0, right: 1, bottom: 2, top: 3 }), [1, 3]);
  assert.equal(dots.rows[dots.nearest(new Pane({ left: 0, right: 2, bottom: 1, top: 3 }, 100, 100), 50, 50, 8)], 3, "of two at one place the one above");
  const none = new Crowd(new Float32Array(0));
  assert.equal(none.nearest(new Pane(BOX, 10, 10), 5, 5, 8), -1);
  assert.deepEqual(none.runs(BOX), []);
});

test("colours are read as style sheets write them, and anything else is refused", () => {
  assert.deepEqual(bytesOf("#0080ff"), [0, 128, 255]);
  assert.deepEqual(bytesOf(" rgb(1, 2, 3)"), [1, 2, 3]);
  assert.deepEqual(bytesOf("rgba(10 20 30 / 50%)"), [10, 20, 30]);
  assert.throws(() => bytesOf("red"), /"red"/);
  assert.deepEqual(partsOf(paintOf([1, 2, 3])), [1, 2, 3]);
});

test("a scale runs evenly through its stops, hides what is filtered out, and keeps a paint for what has no number", () => {
  const paints = rampPaints(["#000000", "#80ff00", "#ffffff"], "#777777");
  assert.equal(paints.length, RAMP_STEPS + 1);
  assert.deepEqual([0, RAMP_STEPS - 1, RAMP_STEPS].map((code) => partsOf(paints[code])), [[0, 0, 0], [255, 255, 255], [119, 119, 119]]);
  assert.deepEqual(partsOf(paints[Math.round((RAMP_STEPS - 1) / 4)]).map((byte) => Math.round(byte / 10)), [6, 13, 0]);
  const middle = rampPaints(["#000000", "#ffffff"], "#777777", [0.25, 0.75]);
  assert.deepEqual([0, 60, 128, 195, 255, 256].map((code) => middle[code] === HIDDEN), [true, true, false, true, true, true]);
  assert.deepEqual([...rampCodes([0, 1, 0.5, -3, 9, NaN])], [0, 255, 128, 0, 255, 256]);
});

test("classes have their colours, grey the other one, and the hidden none", () => {
  const palette = { classes: ["#000001", "#000002"], other: "#000009" };
  const entries = [{ colour: 0 }, { colour: 1 }, { colour: -1 }, { colour: 3 }];
  assert.deepEqual([...classPaints(entries, palette)].map((paint) => partsOf(paint)[2]), [1, 2, 9, 2]);
  assert.equal(classPaints(entries, palette, new Set([1]))[1], HIDDEN);
});

/** The dots of some places as pixels, and how to read one. @param {number[]} places @param {Partial<import("../../explorer/ui/static/plane/raster.js").DotLook>} look */
function drawn(places, look = {}) {
  const sheet = new Sheet(80, 80, 12);
  const dots = new Crowd(Float32Array.from(places));
  const usual = { codes: Uint16Array.from(dots.rows), paints: Uint32Array.from({ length: 9 }, (_, k) => paintOf([k + 1, 0, 0])), size: 3, opacity: 0.75 };
  const count = drawDots(sheet, dots, new Pane(BOX, 80, 80), { ...usual, ...look });
  const at = (/** @type {number} */ x, /** @type {number} */ y) => sheet.pixels[(Math.floor(40 - 10 * y) + 12) * sheet.stride + Math.floor(40 + 10 * x) + 12];
  return { sheet, count, red: (/** @type {number} */ x, /** @type {number} */ y) => at(x, y) & 255, alpha: (/** @type {number} */ x, /** @type {number} */ y) => at(x, y) >>> 24 };
}

for (const size of [1, 2, 3, 4, 7]) {
  test(`a dot of ${size} pixels lies where its place is, with its colour, and nowhere else`, () => {
    const { sheet, count, red, alpha } = drawn([1.05, 2.05, -3.05, -1.05], { size });
    assert.equal(count, 2);
    assert.deepEqual([red(1.05, 2.05), red(-3.05, -1.05)], [1, 2]);
    assert.equal(alpha(1.05, 2.05), Math.round(255 * 0.75));
    const inked = sheet.pixels.filter(Boolean).length;
    assert.equal(inked, 2 * stampOf(size).length);
    const [x, y] = [1.05, 2.05].map((value) => 40 + 10 * value);
    for (const part of stampOf(size)) assert.ok(Math.hypot(part.x + 0.5 - size / 2, part.y + 0.5 - size / 2) <= size / 2 + 0.5, `${x},${y}`);
  });
}

test("dots that cover one another look denser than one, and never more than full", () => {
  const alphas = [1, 2, 5].map((count) => drawn(Array.from({ length: count }, () => [0.05, 0.05]).flat()).alpha(0.05, 0.05));
  assert.ok(alphas[0] < alphas[1] && alphas[1] < alphas[2] && alphas[2] <= 255);
  assert.equal(layered(0.5)[255] >>> 24, 255);
});

test("what is not picked fades, and what is picked lies above it", () => {
  const places = [0.05, 0.05, 0.05, 0.05, 2.05, 0.05];
  const { red, alpha } = drawn(places, { picked: Uint8Array.of(1, 0, 0) });
  assert.equal(red(0.05, 0.05), 1);
  assert.ok(alpha(2.05, 0.05) < 40 && alpha(0.05, 0.05) > 200);
});

test("a dot's own strength makes it fainter, in small stamps and in large ones", () => {
  for (const size of [1, 2, 3, 6]) {
    const { alpha } = drawn([0.05, 0.05, 2.05, 0.05, -2.05, 0.05], { size, strengths: Uint8Array.of(15, 7, 0) });
    const found = [0.05, 2.05, -2.05].map((x) => alpha(x, 0.05));
    assert.ok(found[0] > 1.7 * found[1] && found[1] > 5 * found[2] && found[2] > 0, `${size}: ${found}`);
  }
});

test("grey is drawn first, and hidden dots not at all", () => {
  const places = [0.05, 0.05, 0.05, 0.05];
  assert.equal(drawn(places).red(0.05, 0.05), 2);
  assert.equal(drawn(places, { behind: Uint8Array.of(0, 1) }).red(0.05, 0.05), 1);
  const hidden = drawn(places, { paints: Uint32Array.of(HIDDEN, HIDDEN) });
  assert.equal(hidden.count, 0);
  assert.ok(hidden.sheet.pixels.every((pixel) => pixel === 0));
});

test("dots at the edge are cut and not moved, and those beyond it are not drawn", () => {
  const { sheet, count } = drawn([-4, 4, 3.99, -3.99, 40, 0, 0, -5.9], { size: 5 });
  assert.equal(count, 2);
  assert.equal(sheet.pixels.filter(Boolean).length, 2 * stampOf(5).length);
});

test("pictures stand for their cells, at most one in each, and stay when the plane is moved", () => {
  const places = crowd(4000);
  const dots = new Crowd(places);
  const pane = new Pane(BOX, 600, 600);
  const { side, tiles } = tilesOf(dots, pane, 22);
  assert.ok(side >= 22 && side < 44);
  assert.ok(tiles.length > 100 && tiles.length < (600 / side + 2) ** 2);
  const cell = cellWidth(1 / pane.across, 22);
  const cells = new Set(tiles.map(({ row }) => `${Math.floor(places[2 * row] / cell)},${Math.floor(places[2 * row + 1] / cell)}`));
  assert.equal(cells.size, tiles.length);
  const moved = tilesOf(dots, new Pane(shifted(BOX, 0.013, -0.027), 600, 600), 22).tiles.map(({ row }) => row);
  const inner = tiles.filter(({ px, py }) => px > 60 && px < 540 && py > 60 && py < 540).map(({ row }) => row);
  assert.ok(inner.length > 80);
  assert.deepEqual(inner.filter((row) => !moved.includes(row)), []);
  assert.deepEqual(tilesOf(dots, pane, 22, () => false).tiles, []);
  const mosaic = tilesOf(dots, pane, 22, undefined, true);
  assert.deepEqual(mosaic.tiles.map(({ row }) => row), tiles.map(({ row }) => row));
  for (const { x, y, px, py } of mosaic.tiles) assert.ok(Math.max(Math.abs(pane.px(x) - px), Math.abs(pane.py(y) - py)) <= side / 2 + 1e-3);
  const corners = mosaic.tiles.map(({ px, py }) => [px, py]).sort(([a, b], [c, d]) => a - c || b - d);
  for (let k = 1; k < corners.length; k++) assert.ok(Math.hypot(corners[k][0] - corners[k - 1][0], corners[k][1] - corners[k - 1][1]) >= side - 1e-6, "none covers another");
});

test("keys move, zoom, go home and choose; others are the page's", () => {
  assert.deepEqual(keyWish("Enter"), { choose: true });
  assert.deepEqual(keyWish("0"), { home: true });
  assert.ok("pan" in (keyWish("ArrowLeft") ?? {}));
  assert.equal(keyWish("x"), null);
});

test("the wheel zooms in upwards, out downwards, and back by the same turn", () => {
  const turn = (/** @type {number} */ deltaY) => wheelFactor({ deltaY, deltaMode: 0 });
  assert.ok(turn(-120) < 1 && turn(120) > 1 && turn(-4) < 1);
  near(turn(120) * turn(-120), 1);
  assert.ok(turn(1e9) < 3, "one turn does not lose the plane");
});
