import assert from "node:assert/strict";
import { test } from "node:test";

import { activeWords, mergedRows, sheetAt, sheetEpochs } from "../../explorer/ui/static/training.js";

const sheets = (...epochs) => epochs.map((epoch) => ({ epoch, url: `sheets/${epoch}` }));

test("the scrubber stops wherever any run kept a sheet, in order", () => {
  assert.deepEqual(sheetEpochs([{ sheets: sheets(5, 10, 100) }, { sheets: sheets(10, 20) }]), [5, 10, 20, 100]);
  assert.deepEqual(sheetEpochs([{ sheets: [] }]), []);
});

test("a run shows its last sheet up to an epoch, and its first before that", () => {
  const kept = sheets(5, 10, 20);
  assert.equal(sheetAt(kept, 10)?.epoch, 10);
  assert.equal(sheetAt(kept, 19)?.epoch, 10);
  assert.equal(sheetAt(kept, 500)?.epoch, 20);
  assert.equal(sheetAt(kept, 1)?.epoch, 5);
  assert.equal(sheetAt([], 5), null);
});

const row = (group, name, text) => ({ group, name, meaning: `what ${name} means`, text, detail: "" });

test("two cards become one table whose groups stay together and whose gaps are known", () => {
  const short = [row("Settings", "Seed", "0"), row("Scores", "Rate", "3")];
  const full = [row("Settings", "Family", "VAE"), row("Settings", "Seed", "1"), row("Scores", "Rate", "4")];
  const rows = mergedRows([short, full]);
  assert.deepEqual(
    rows.map(({ group, name, cells }) => [group, name, ...cells.map((cell) => cell?.text ?? null)]),
    [
      ["Settings", "Family", null, "VAE"],
      ["Settings", "Seed", "0", "1"],
      ["Scores", "Rate", "3", "4"],
    ],
  );
  assert.equal(rows[0].meaning, "what Family means");
});

test("collapsed dimensions are named, in order", () => {
  const axis = (number, active) => ({ axis: number, rate: 1, variance: 1, active });
  assert.match(activeWords({ axes: [axis(3, true), axis(0, true)], point: false }), /^2 of 2 .* more than 0\.01 over .*images\.$/);
  assert.match(activeWords({ axes: [axis(3, true), axis(4, false), axis(0, false)], point: false }), /^1 of 3 .* axes 0, 4\.$/);
  assert.match(activeWords({ axes: [axis(3, false), axis(0, true)], point: true }), /widest axis's .* axis 3\.$/);
});
