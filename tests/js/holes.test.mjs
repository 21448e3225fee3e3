import assert from "node:assert/strict";
import { test } from "node:test";

import { alongPath, cellLatents, endsText, levelShares, pathLatents, pathSummary, placeFacts, sliceDirections, keptOn } from "../../explorer/ui/static/holes/grid.js";

const PLANE = { origin: [1, 0, -1], first: [2, 0, 0], second: [0, 1, 1] };

test("a path's latents run from end to end in even steps", () => {
  const latents = pathLatents(PLANE, { from: [0, 0], to: [1, -2] }, 3);
  assert.deepEqual([...latents], [1, 0, -1, 2, -1, -2, 3, -2, -3]);
  assert.deepEqual(alongPath({ from: [-1, 2], to: [1, 0] }, 0.25), [-0.5, 1.5]);
});

test("the cells of a lattice are read from the upper left, each at its middle", () => {
  const latents = cellLatents({ origin: [0, 0], first: [1, 0], second: [0, 1] }, 2, 4);
  assert.deepEqual([...latents], [-2, 2, 2, 2, -2, -2, 2, -2]);
});

test("an end that is dragged off the plane stays on its edge, also as the server reads it", () => {
  const extent = 3.45678951;
  const kept = keptOn([99, -99], extent);
  assert.deepEqual(kept, [extent, -extent]);
  const told = endsText({ from: kept, to: [0, 0.1 + 0.2] }).split(",").map(Number);
  assert.ok(told.every((v) => Math.abs(v) <= extent + 1e-6));
  assert.deepEqual(told.slice(2), [0, 0.3]);
});

test("the levels share what a slice moves", () => {
  assert.deepEqual(levelShares(PLANE, [1, 2]), [4 / 6, 2 / 6]);
  assert.deepEqual(levelShares({ origin: [0, 0], first: [0, 0], second: [0, 0] }, [1, 1]), [0, 0]);
});

test("classes and attributes are named by their number, not by their place among a run's directions", () => {
  const direction = (/** @type {string} */ name) => ({ name });
  const info = /** @type {any} */ ({
    classes: ["zero", "one", "two"],
    attributes: ["Bald", "Wavy_Hair"],
    directions: {
      axes: [direction("axis 5")],
      pca: [direction("component 1")],
      classes: [direction("zero"), direction("two")], // of "one" there are too few
      attributes: [direction("Wavy_Hair"), direction("Bald")], // clearest first
    },
  });
  assert.deepEqual(sliceDirections(info), [
    { value: "classes:0", text: "class zero" },
    { value: "classes:2", text: "class two" },
    { value: "attributes:0", text: "Bald" },
    { value: "attributes:1", text: "Wavy Hair" },
    { value: "pca:0", text: "component 1 of its codes" },
    { value: "axes:0", text: "its axis 1 by strength" },
  ]);
});

test("an axis of a run with several levels says which one it moves", () => {
  const axes = [{ name: "axis 1", vector: [0, 1, 0] }, { name: "axis 0", vector: [1, 0, 0] }];
  const info = /** @type {any} */ ({ level_sizes: [1, 2], directions: { axes, pca: [] } });
  assert.deepEqual(sliceDirections(info).map(({ text }) => text), ["its axis 1 by strength · level 2", "its axis 2 by strength · level 1"]);
});

test("each p-value of a place has words and a sign of its own", () => {
  const answer = { miss: 0.5, round_trip: 0.01, layer: 0.5 };
  const [back, ratio] = placeFacts(answer, "density", null);
  assert.deepEqual([back.state, back.sign], ["hole", "▨"]);
  assert.equal(back.text, "p = 0.010, comes back 0.50 sd away per active axis, further than 99 % of the codes of new images");
  assert.deepEqual([ratio.state, ratio.sign], ["near", "●"]);
  assert.equal(placeFacts(answer, "vacancy", null).length, 1);
  assert.equal(placeFacts({ ...answer, round_trip: null }, "vacancy", null)[0].text, "not known here");
  assert.equal(placeFacts({ ...answer, class: "7", chance: 0.876 }, "class", null)[1].text, "taken for 7, sure to 87 %");
  assert.match(placeFacts({ ...answer, class: "7", chance: 0.876 }, "entropy", null)[1].text, /^0\.50 nats; taken for 7/);
  assert.match(placeFacts(answer, "cliff", -1.5)[1].text, /^−1\.5, log change/);
});

test("what a path leads through is said with a sign", () => {
  assert.equal(pathSummary([0.5, 0.05, 0.01, 0.2], 0.05), "▨ 50 % of the way lies in holes");
  assert.equal(pathSummary([0.5, 0.06], 0.05), "● no part of the way lies in a hole");
});
