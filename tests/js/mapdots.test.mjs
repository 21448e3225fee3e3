import assert from "node:assert/strict";
import { test } from "node:test";

import { coloursOf } from "../../explorer/ui/static/map/dots.js";
import { bytesOf } from "../../explorer/ui/static/plane/colours.js";

const SCALE = [
  [0, "#000000"],
  [0.5, "#80ff00"],
  [1, "#ffffff"],
];

test("a dot between two stops of a scale lies between their colours", () => {
  const marker = { color: Float32Array.of(0, 0.25, 0.5, 1), colorscale: SCALE, cmin: 0, cmax: 1 };
  const found = (coloursOf(marker, 0.75) ?? []).map((colour) => [...colour]);
  assert.deepEqual(found, [
    [0, 0, 0, 191],
    [64, 128, 0, 191],
    [128, 255, 0, 191],
    [255, 255, 255, 191],
  ]);
});

test("every entry of a legend has one colour, whatever their number", () => {
  for (const count of [1, 2, 3, 7, 10, 102]) {
    const paints = Array.from({ length: count }, (_, k) => `#${(k * 2459 + 17).toString(16).padStart(6, "0")}`);
    const colorscale = paints.flatMap((paint, k) => [
      [k / count, paint],
      [(k + 1) / count, paint],
    ]);
    const marker = { color: Float32Array.from(paints.keys()), colorscale, cmin: -0.5, cmax: count - 0.5 };
    const found = coloursOf(marker, 1) ?? [];
    paints.forEach((paint, k) => assert.deepEqual([...found[k].slice(0, 3)], bytesOf(paint), `${k} of ${count}`));
  }
});

test("what is no number or no colour of a palette is left to plotly", () => {
  assert.equal(coloursOf({ color: Float32Array.of(NaN), colorscale: SCALE, cmin: 0, cmax: 1 }, 1), null);
});
