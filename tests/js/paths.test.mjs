import assert from "node:assert/strict";
import { test } from "node:test";

import { exportQuery, fileName, latentsText, printable } from "../../explorer/ui/static/page/export.js";
import { curveWords, emptinessOf } from "../../explorer/ui/static/interpolate/curve.js";
import { firstTwo, mostTelling, triedPairs } from "../../explorer/ui/static/interpolate/opening.js";
import { holesOf, rowsOf, strip } from "../../explorer/ui/static/interpolate/pairs.js";
import { amongAt, between, meansOf, norm, pathCode, pathWords, placeWords, sourceWords } from "../../explorer/ui/static/latent/walk.js";

const close = (one, other, within = 1e-5) => assert.ok(Math.abs(one - other) <= within, `${one} is not ${other}`);
const A = [1, 2, -1, 0.5];
const B = [-2, 0.5, 1, 3];

test("both walks meet their ends exactly", () => {
  for (const kind of /** @type {const} */ (["linear", "spherical"])) {
    [A, B].forEach((end, t) => between(kind, A, B, t).forEach((value, i) => close(value, end[i])));
  }
});

test("an arc's norm changes evenly, a straight line's sags", () => {
  for (const t of [0.1, 0.25, 0.5, 0.9]) {
    const even = (1 - t) * norm(A) + t * norm(B);
    close(norm(between("spherical", A, B, t)), even);
    assert.ok(norm(between("linear", A, B, t)) < even);
  }
  close(norm(between("linear", [3, 0], [0, 3], 0.5)) / 3, Math.SQRT1_2);
});

test("an arc is straight where it is not defined", () => {
  for (const [a, b] of [[A, A.map((v) => 2 * v)], [A, A.map((v) => -v)], [[0, 0, 0, 0], B]]) {
    const arc = between("spherical", a, b, 0.3);
    between("linear", a, b, 0.3).forEach((value, i) => close(arc[i], value));
  }
});

test("a straight line overshoots by as much as it is told", () => {
  between("linear", A, B, 1.5).forEach((value, i) => close(value, B[i] + 0.5 * (B[i] - A[i])));
});

test("far past the shorter end an arc does not turn inside out", () => {
  close(norm(between("spherical", [0.1, 0], [0, 10], -1)), 0);
});

test("a position is said in words", () => {
  assert.equal(placeWords(0), "at A");
  assert.equal(placeWords(1), "at B");
  assert.equal(placeWords(0.5), "half way from A to B");
  assert.equal(placeWords(0.29), "29 % of the way from A to B");
  assert.equal(placeWords(-0.25), "25 % beyond A");
  assert.equal(placeWords(1.2), "20 % beyond B");
});

test("an end is said in words", () => {
  assert.equal(sourceWords({ kind: "image", index: 12 }, "7"), "test image 12, labelled 7");
  assert.equal(sourceWords({ kind: "random", seed: 3, text: "the prior N(0, I)" }), "draw 3 from the prior N(0, I)");
  assert.equal(sourceWords({ kind: "origin" }), "the origin");
});

test("the words of the curves say 0.71, the numbers of this walk, and why there is no arc", () => {
  const meta = { angle: 90, norms: [2, 2], middle: { linear: Math.SQRT2, spherical: 2 }, in_holes: 0.25, shell: [3, 4, 5], note: "The walk is straight: so." };
  const said = pathWords(meta).join(" ");
  for (const part of ["90°", "1.41", "0.71", "25 %", "from 3.00 to 5.00", "The walk is straight: so."]) assert.ok(said.includes(part), `${part} is missing in: ${said}`);
  assert.match(said, /25 % of the arc lies in holes\. The straight line is not counted/);
  assert.doesNotMatch(pathWords({ ...meta, in_holes: null }).join(" "), /holes/);
  assert.deepEqual(pathWords(undefined), []);
});

test("between two posterior means all is judged among means, else only an end that is one", () => {
  const image = { kind: /** @type {const} */ ("image"), index: 3 };
  const draw = { kind: /** @type {const} */ ("random"), seed: 1 };
  assert.deepEqual([meansOf(image, image), meansOf(image, draw), meansOf(draw, image), meansOf(draw, draw)], ["ab", "a", "b", ""]);
  assert.equal(meansOf({ kind: "own" }, draw), "a");
  assert.deepEqual([0, 0.5, 1].map((t) => amongAt("ab", t)), ["means", "means", "means"]);
  assert.deepEqual([0, 0.5, 1].map((t) => amongAt("a", t)), ["means", "draws", "draws"]);
  assert.deepEqual([0, 0.5, 1].map((t) => amongAt("b", t)), ["draws", "draws", "means"]);
  assert.deepEqual([0, 0.5, 1].map((t) => amongAt("", t)), ["draws", "draws", "draws"]);
});

test("the Python of a walk names images by their numbers and latents by theirs", () => {
  const image = { whence: { kind: /** @type {const} */ ("image"), index: 7 }, latent: Float32Array.of(1, 2) };
  const place = { whence: { kind: /** @type {const} */ ("place") }, latent: Float32Array.of(0.1, -2) };
  const path = { a: image, b: place, kind: /** @type {const} */ ("linear"), steps: 5, overshoot: 0.25 };
  const stored = pathCode({ ...path, place: 'my "runs"/mnist-vae-2' }).split("\n");
  assert.equal(stored.length, 6);
  assert.ok(stored.includes("a, b = run.latents.mean[7], [0.100000001, -2]"));
  assert.ok(stored.includes('run = load_run("my \\"runs\\"/mnist-vae-2")'));
  assert.ok(pathCode({ ...path, place: null }).includes("coder.encode(images[7:][:1]).mean[0]"));
});

test("two images to begin with are of two classes where there are classes", () => {
  assert.deepEqual(firstTwo(9, Int32Array.of(3, 3, 5, 3)), [0, 2]);
  assert.deepEqual(firstTwo(9, Int32Array.of(3, 3, 3)), [0, 1]);
  assert.deepEqual(firstTwo(9, null), [0, 1]);
  assert.deepEqual(firstTwo(1, null), [0, 0]);
});

const CLASSES = ["0", "1", "2"].map((name, image) => ({ name, image }));

test("midpoints are a square with the images themselves on its diagonal", () => {
  const rows = rowsOf(CLASSES, "midpoints", 0);
  assert.deepEqual(rows.map((row) => row.cells.map((cell) => cell.t)), [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]);
});

test("strips lead from one class to each of the others", () => {
  const rows = rowsOf(CLASSES, "strips", 1);
  assert.deepEqual(rows.map((row) => row.head), ["1 → 0", "1 → 2"]);
  assert.deepEqual([rows[0].cells[0].t, rows[0].cells.at(-1).t], [0, 1]);
});

test("each pair's middle is counted once, whichever way it is walked", () => {
  const rows = rowsOf(CLASSES, "midpoints", 0);
  const p = [[1, 0.01, 1], [0.01, 1, 0.5], [1, 0.5, 0.01]];
  assert.deepEqual(holesOf(rows, p), { pairs: 3, holes: 1 });
  assert.deepEqual(holesOf([strip(CLASSES[0], CLASSES[1])], [Array(9).fill(0.01)]), { pairs: 1, holes: 1 });
});

test("an export's address says what the kind needs and nothing else", () => {
  const wanted = { run: "mnist-vae-16", latents: new Float32Array(2), count: 1, name: "axis 4", title: "t", captions: ["−1", "1"], seconds: 0.1 };
  const gif = exportQuery({ moves: true, captioned: false }, wanted);
  assert.deepEqual([gif.boomerang, gif.seconds, gif.name, gif.title], ["1", "0.100", "axis-4", undefined]);
  const sheet = exportQuery({ moves: false, captioned: true }, { ...wanted, columns: 2 });
  assert.deepEqual([sheet.caption, sheet.columns, sheet.boomerang], [["−1", "1"], 2, undefined]);
});

test("words that come from outside become names and texts that the server takes", () => {
  assert.equal(fileName("../A b/ü.."), "A-b-..");
  assert.equal(fileName("///"), "latents");
  assert.match(fileName("x".repeat(99)), /^x{60}$/);
  assert.equal(printable("a\u202eb\nc\u00a0d", 6), "a b c ");
});

test("exported latents are float32 to the last bit, in no more digits than needed", () => {
  const latents = Float32Array.from({ length: 200 }, (_, k) => Math.sin(k) * 10 ** ((k % 9) - 5));
  const read = JSON.parse(latentsText({ run: "r", latents, count: 50, facts: { seed: 3 } }));
  assert.deepEqual(Float32Array.from(read.latents.flat()), latents);
  assert.deepEqual([read.run, read.seed, read.latents.length], ["r", 3, 50]);
  assert.ok(latentsText({ run: "r", latents: Float32Array.of(0.1), count: 1 }).includes("[[0.1]]"));
});

test("the pairs that are tried are of different classes, always the same, and not too many", () => {
  const labels = Int32Array.from({ length: 500 }, (_, k) => k % 12);
  const pairs = triedPairs(500, labels);
  assert.deepEqual(pairs, triedPairs(500, labels));
  assert.equal(pairs.length, 200);
  assert.ok(pairs.every(([one, other]) => labels[one] !== labels[other]));
  assert.equal(new Set(pairs.map(String)).size, pairs.length);
  assert.ok(triedPairs(30, null).every(([one, other]) => one < other && other < 30));
  assert.deepEqual(triedPairs(1, null), []);
});

test("the pair to open on is empty half way in the autoencoder and not in the VAE", () => {
  const pairs = /** @type {[number, number][]} */ ([[0, 1], [0, 2], [1, 2]]);
  assert.deepEqual(mostTelling(pairs, [0.5, 0.01, 0.01], [0.9, 0.02, 0.8]), [1, 2]);
});

test("a hole stands in the upper half of the curve, and its words say how much of the way it is", () => {
  assert.equal(emptinessOf(1), 0);
  assert.equal(emptinessOf(0.0001), 1);
  assert.ok(emptinessOf(0.05) > 0.4 && emptinessOf(0.05) < 0.5);
  assert.equal(curveWords([1, 0.01, 0.02, 1], [1, 2, 3, 4]), "50 % of this walk lies where no image is encoded; its norm goes from 1.00 over 3.00 to 4.00");
});
