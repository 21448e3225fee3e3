import assert from "node:assert/strict";
import { test } from "node:test";

import { fitSentence, isOn } from "../../explorer/ui/static/report/fitline.js";
import { farWords, stackPaths } from "../../explorer/ui/static/report/growing.js";
import { markdownOf } from "../../explorer/ui/static/report/markdown.js";
import { decoderWords } from "../../explorer/ui/static/report/decoder.js";
import { activeWords, differingWords, gradientWords, mergedRows, scaleWords, scrubberStops, sheetAt } from "../../explorer/ui/static/report/story.js";


const sheets = (...epochs) => epochs.map((epoch) => ({ epoch, url: `sheets/${epoch}` }));
const fit = (name, epochs, ...kept) => ({ name, epochs, sheets: sheets(...kept) });

test("the scrubber stops wherever any run kept a sheet, in order", () => {
  const { linked, stops } = scrubberStops([fit("a", 100, 5, 10, 100), fit("b", 100, 10, 20)]);
  assert.equal(linked, false);
  assert.deepEqual(
    stops.map(({ text, epochs }) => [text, ...epochs]),
    [
      ["5", 5, 10],
      ["10", 10, 10],
      ["20", 10, 20],
      ["100", 100, 20],
    ],
  );
  assert.equal(stops[0].spoken, "epoch 5");
  assert.deepEqual(scrubberStops([fit("a", null)]).stops, []);
});

test("fits of different lengths are linked by their share, and end together", () => {
  const { linked, stops } = scrubberStops([fit("short", 50, 25, 50), fit("long", 300, 75, 150, 300)]);
  assert.equal(linked, true);
  assert.deepEqual(
    stops.map(({ text, epochs }) => [text, ...epochs]),
    [
      ["25 %", 25, 75],
      ["50 %", 25, 150],
      ["100 %", 50, 300],
    ],
  );
  assert.equal(stops[1].spoken, "50 % of the fit: short after epoch 25, long after epoch 150");
});

test("a share finds its own sheet whatever the number of epochs", () => {
  for (let total = 1; total <= 400; total++) {
    const every = Array.from({ length: total }, (_, i) => i + 1);
    const { stops } = scrubberStops([fit("a", total, ...every), fit("b", 1000, 1000)]);
    assert.deepEqual([...new Set(stops.map(({ epochs }) => epochs[0]))], every);
  }
});

test("a run without sheets does not change where the other's stand", () => {
  const { linked, stops } = scrubberStops([fit("a", 80, 40, 80), fit("b", 300)]);
  assert.equal(linked, false);
  assert.deepEqual(
    stops.map(({ text, epochs }) => [text, ...epochs]),
    [
      ["40", 40, null],
      ["80", 80, null],
    ],
  );
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

test("settings that differ are marked, scores never", () => {
  const one = [row("Settings", "Seed", "0"), row("Settings", "Beta", "1"), row("Scores", "Rate", "3")];
  const two = [row("Settings", "Seed", "1"), row("Settings", "Beta", "1"), row("Further settings", "Clip", "2"), row("Scores", "Rate", "4")];
  const rows = mergedRows([one, two]);
  assert.deepEqual(
    rows.filter(({ differs }) => differs).map(({ name }) => name),
    ["Seed", "Clip"],
  );
  assert.equal(differingWords(rows), "2 settings differ: Seed, Clip.");
  assert.equal(differingWords(mergedRows([one, one])), "No setting differs between these two runs.");
  assert.ok(mergedRows([one]).every(({ differs }) => !differs));
});

test("nats compare only where data, likelihood and target are the same as far as is known", () => {
  const scale = { "data set": "mnist", "copy of the data set": "aa", "image size": "1", likelihood: "bernoulli", target: null };
  const words = (changes) => scaleWords([{ name: "a", scale }, { name: "b", scale: { ...scale, ...changes } }]);
  assert.equal(words({}), "");
  assert.equal(words({ target: "grey images", likelihood: null }), "");
  assert.equal(scaleWords([{ name: "a", scale }]), "");
  assert.equal(words({ likelihood: "gaussian" }), "The nats of a and b do not compare: the runs differ in likelihood (bernoulli and gaussian).");
  assert.match(words({ "copy of the data set": "bb" }), /copy of the data set \(aa and bb\)\.$/);
  assert.match(
    words({ "data set": "digits", "copy of the data set": "bb", "image size": "2", likelihood: "gaussian" }),
    /differ in data set \(mnist and digits\) and likelihood \(bernoulli and gaussian\)\.$/,
  );
});

test("the variances of the gradient are told as a ratio", () => {
  assert.match(gradientWords({ reparameterised: 0.01, score: 34.1 }), /varies 3,410 times as much.* 3,410 times as many draws\./);
  assert.match(gradientWords({ reparameterised: 2, score: 5 }), /varies 2\.5 times/);
});

test("of very many collapsed dimensions only some are named", () => {
  const axes = Array.from({ length: 128 }, (_, axis) => ({ axis, rate: 0, variance: 0, active: axis < 4 }));
  const words = activeWords({ axes, point: false });
  assert.match(words, /axes 4, 5, .*, 27 and 100 more\.$/);
});

test("collapsed dimensions are named, in order", () => {
  const axis = (number, active) => ({ axis: number, rate: 1, variance: 1, active });
  assert.match(activeWords({ axes: [axis(3, true), axis(0, true)], point: false }), /^2 of 2 .* more than 0\.01 over .*images\.$/);
  assert.match(activeWords({ axes: [axis(3, true), axis(4, false), axis(0, false)], point: false }), /^1 of 3 .* axes 0, 4\.$/);
  assert.match(activeWords({ axes: [axis(3, false), axis(0, true)], point: true }), /widest axis's .* axis 3\.$/);
});

test("where pictures are computed is said with the reason", () => {
  assert.equal(decoderWords("a", null), "");
  assert.equal(decoderWords("a", { here: true, ms: 0.2134, trouble: null }), "Pictures of a are computed in this browser, 0.21 ms each.");
  assert.equal(decoderWords("a", { here: false, ms: null, trouble: "no SIMD" }), "Pictures of a are computed by the server: no SIMD.");
  assert.equal(decoderWords("a", { here: false, ms: null, trouble: null }), "Pictures of a are computed by the server, as you chose.");
});

test("a report is handed out with every verdict, its next step and the card", () => {
  const verdict = { key: "holes", title: "Holes", level: "red", word: "trouble", short: "37 % in holes", evidence: "37 of 100 | draws.", step: "Draw from ten bells.", source: "Bates 2023" };
  const line = { group: "Settings", name: "Seed", meaning: "", text: "1|2", detail: "" };
  const stories = /** @type {any} */ ([{ name: "a", note: null, verdicts: [verdict], card: [line] }, { name: "b", note: "No curves.", verdicts: [], card: [] }]);
  const text = markdownOf(stories);
  assert.match(text, /^# a and b\n/);
  assert.ok(text.includes("* **Holes: trouble.** 37 of 100 | draws. Next: Draw from ten bells. (Bates 2023)"));
  assert.ok(text.includes("| Seed | 1\\|2 | – |"), "a bar in a cell is no border");
  assert.ok(text.includes("No curves."));
});

test("the areas of a fit stand one upon the other, and the first epochs do not flatten them", () => {
  const [below, above] = stackPaths([4, 2], [0, 2]);
  assert.equal(below, "M0,150L0.0,0.0L400.0,75.0L400,150Z");
  assert.equal(above, "M0.0,0.0L400.0,0.0L400.0,75.0L0.0,0.0Z");
  assert.deepEqual(stackPaths([1], [1]), ["", ""]);
  const long = Array.from({ length: 20 }, (_, k) => (k ? 1 : 1000));
  assert.ok(stackPaths(long, long.map(() => 0))[0].includes("L400.0,0.0"), "the frame is that of the settled epochs");
});

test("a fit says how far it is, and one that was stopped how it goes on", () => {
  const one = /** @type {any} */ ({ epoch: 3, epochs: 25, is_still: false });
  assert.equal(farWords(one), "being fitted: epoch 3 of 25");
  assert.match(farWords({ ...one, is_still: true }), /stopped after epoch 3; .*--resume/);
});

test("a fit of the page says what it does, and how far it is once that is known", () => {
  const one = { state: /** @type {"running"} */ ("running"), names: ["digits-vae-8"], sentence: "reading digits", command: "", seconds: 4 };
  assert.equal(fitSentence(one, undefined), "digits-vae-8: reading digits, 4 s");
  assert.equal(fitSentence(one, { epoch: 0, epochs: 25 }), "digits-vae-8: reading digits, 4 s");
  assert.equal(fitSentence(one, { epoch: 3, epochs: 25 }), "digits-vae-8: epoch 3 of 25, 4 s");
  assert.equal(fitSentence({ ...one, sentence: "measuring" }, { epoch: 25, epochs: 25 }), "digits-vae-8: measuring, 4 s");
  assert.equal(fitSentence({ ...one, state: /** @type {"failed"} */ ("failed"), sentence: "The disk is full." }, undefined), "The disk is full.");
  assert.deepEqual(["starting", "running", "done", "stopped", "failed"].map((state) => isOn({ state })), [true, true, false, false, false]);
  assert.equal(isOn(null), false);
});
