import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Trail,
  coordinate,
  levelOf,
  moved,
  onPlane,
  resampled,
  sameLatent,
  spaced,
  walk,
} from "../../explorer/ui/static/latent/latent.js";

/** Numbers that repeat: a failure can be run again. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  };
}

function randomDirection(next, d) {
  const raw = Array.from({ length: d }, next);
  const length = Math.hypot(...raw) || 1;
  const scale = 0.1 + 3 * Math.abs(next());
  return { name: "x", vector: raw.map((v) => v / length), offset: 5 * next(), scale, low: -3, high: 3, note: "" };
}

const CASES = Array.from({ length: 60 }, (_, k) => {
  const next = generator(k + 1);
  const d = 1 + (k % 17);
  return { direction: randomDirection(next, d), z: Float32Array.from({ length: d }, () => 4 * next()), value: 6 * next(), next };
});

test("moving along a direction lands on the coordinate that was asked for", () => {
  for (const { direction, z, value } of CASES) {
    const after = coordinate(direction, moved(direction, z, value));
    assert.ok(Math.abs(after - value) < 1e-4, `${after} is not ${value}`);
  }
});

test("moving along a direction changes nothing across it", () => {
  for (const { direction, z, value } of CASES) {
    const step = moved(direction, z, value).map((v, i) => v - z[i]);
    const along = step.reduce((sum, v, i) => sum + v * direction.vector[i], 0);
    step.forEach((v, i) => assert.ok(Math.abs(v - along * direction.vector[i]) < 1e-4));
  }
});

test("moving is adding (new - old) * scale * vector", () => {
  for (const { direction, z, value } of CASES) {
    const old = coordinate(direction, z);
    const expected = Array.from(z, (v, i) => v + (value - old) * direction.scale * direction.vector[i]);
    moved(direction, z, value).forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-5));
  }
});

test("moving there and back again ends where it began", () => {
  for (const { direction, z, value } of CASES) {
    const back = moved(direction, moved(direction, z, value), coordinate(direction, z));
    back.forEach((v, i) => assert.ok(Math.abs(v - z[i]) < 1e-4));
  }
});

test("moving never changes the latent it is given", () => {
  const { direction, z } = CASES[5];
  const before = z.slice();
  moved(direction, z, 2);
  assert.deepEqual(z, before);
});

test("a walk is one latent per value, in order", () => {
  const { direction, z } = CASES[7];
  const values = spaced(-3, 3, 9);
  const latents = walk(direction, z, values);
  assert.equal(latents.length, 9 * z.length);
  values.forEach((value, k) => {
    assert.deepEqual(latents.slice(k * z.length, (k + 1) * z.length), moved(direction, z, value));
  });
});

test("spaced numbers include both ends and are evenly apart", () => {
  assert.deepEqual(spaced(-3, 3, 7), [-3, -2, -1, 0, 1, 2, 3]);
});

test("a place on a plane is its origin plus its steps", () => {
  const plane = { origin: [1, 2, 3], first: [1, 0, 0], second: [0, 0, 2] };
  assert.deepEqual([...onPlane(plane, 2, -1)], [3, 2, 1]);
});

test("undo and redo walk the trail, and a new step forgets what was undone", () => {
  const trail = new Trail();
  const [a, b, c] = [1, 2, 3].map((v) => Float32Array.of(v));
  [a, b].forEach((z) => trail.visit(z, ""));
  assert.deepEqual(trail.undo().latent, a);
  assert.equal(trail.undo(), null);
  assert.deepEqual(trail.redo().latent, b);
  assert.equal(trail.redo(), null);
  trail.undo();
  trail.visit(c, "");
  assert.equal(trail.canRedo, false);
  assert.deepEqual(trail.undo().latent, a);
});

test("every step of the trail keeps where it was started from", () => {
  const trail = new Trail();
  trail.visit(Float32Array.of(1), "an image");
  trail.visit(Float32Array.of(2), "an image");
  trail.visit(Float32Array.of(3), "a draw");
  assert.equal(trail.undo().about, "an image");
  assert.equal(trail.redo().about, "a draw");
});

test("standing still adds no step to the trail, and keeps the newest start", () => {
  const trail = new Trail();
  trail.visit(Float32Array.of(1, 2), "first");
  trail.visit(Float32Array.of(1, 2), "second");
  assert.equal(trail.canUndo, false);
  trail.visit(Float32Array.of(3, 4), "third");
  assert.equal(trail.undo().about, "second");
});

test("the trail keeps its own copies", () => {
  const trail = new Trail();
  const z = Float32Array.of(1);
  trail.visit(z, "");
  z[0] = 9;
  trail.visit(z, "");
  const { latent } = trail.undo();
  assert.equal(latent[0], 1);
  latent[0] = 5;
  trail.redo();
  assert.equal(trail.undo().latent[0], 1);
});

test("the trail forgets the oldest steps beyond its limit", () => {
  const trail = new Trail(3);
  for (let k = 0; k < 10; k++) trail.visit(Float32Array.of(k), "");
  assert.equal(trail.undo().latent[0], 8);
  assert.equal(trail.undo().latent[0], 7);
  assert.equal(trail.undo(), null);
});

test("latents are the same only when every number is", () => {
  assert.ok(sameLatent([1, 2], Float32Array.of(1, 2)));
  assert.ok(!sameLatent([1, 2], [1, 2, 3]));
  assert.ok(!sameLatent([1, 2], [1, 2.5]));
  assert.ok(!sameLatent(null, [1]));
});

test("a direction moves one level where all of it lies in there, and none in particular otherwise", () => {
  const axes = [0, 1, 2, 3, 4, 5].map((j) => ({ vector: [0, 1, 2, 3, 4, 5].map((i) => Number(i === j)) }));
  assert.deepEqual(axes.map((axis) => levelOf(axis, [1, 2, 3])), [1, 2, 2, 3, 3, 3]);
  assert.deepEqual(axes.map((axis) => levelOf(axis, [6])), [1, 1, 1, 1, 1, 1]);
  assert.equal(levelOf({ vector: [0, 0.6, -0.8, 0, 0, 0] }, [1, 2, 3]), 2);
  assert.equal(levelOf({ vector: [0, 0, 0.6, 0.8, 0, 0] }, [1, 2, 3]), null);
  assert.equal(levelOf({ vector: [0, 0, 0, 0, 0, 0] }, [1, 2, 3]), null);
});

test("resampling a level takes it and all below from the draw, and every level above from the latent", () => {
  const sizes = [1, 2, 3];
  for (const { next } of CASES) {
    const [z, draw] = [0, 1].map(() => Float32Array.from({ length: 6 }, next));
    const before = z.slice();
    for (const [level, kept] of [[1, 0], [2, 1], [3, 3]]) {
      const after = resampled(z, draw, sizes, level);
      assert.deepEqual([...after], [...z.slice(0, kept), ...draw.slice(kept)]);
    }
    assert.deepEqual(z, before);
  }
});
