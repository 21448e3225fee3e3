import assert from "node:assert/strict";
import { test } from "node:test";

import { refusal } from "../../explorer/ui/static/explore/finder.js";
import { nearestPlace } from "../../explorer/ui/static/explore/lattice.js";
import { wanted } from "../../explorer/ui/static/explore/saving.js";
import { endLatents } from "../../explorer/ui/static/explore/ends.js";
import { twinLatent } from "../../explorer/ui/static/explore/twin.js";
import { posteriorOf } from "../../explorer/ui/static/explore/variations.js";
import { fromFragment, toFragment } from "../../explorer/ui/static/latent/address.js";
import { directionAt, directionName, directionsOf, inOrder, keyOf, namedLike, setsOf, unitOf, usualSet } from "../../explorer/ui/static/latent/directions.js";
import { around, coordinate, moved, sheet } from "../../explorer/ui/static/latent/latent.js";
import { isPoint } from "../../explorer/ui/static/latent/run.js";
import { dataSpacing, normalQuantile, normalShare, priorOffsets } from "../../explorer/ui/static/latent/spacing.js";
import { shellPlace } from "../../explorer/ui/static/latent/vacancy.js";
import { NUMBERS } from "../../explorer/ui/static/page/export.js";


/** @returns {any} */
const direction = (vector, rest = {}) => ({ name: "axis 0", vector, offset: 0, scale: 1, low: -3, high: 3, note: "", ...rest });

/** @type {any} */
const RUN = {
  name: "a",
  family: "vae",
  latent_dim: 2,
  image_shape: [1, 8, 8],
  count: 10,
  has_images: true,
  mean: [5, 6],
  first: { index: 0, latent: [0, 1] },
  laws: ["raw", "white"].map((name) => ({ name })),
  stored: { rate: "somewhere" },
  directions: {
    axes: [direction([1, 0]), direction([0, 1], { name: "axis 1" })],
    pca: [direction([0.6, 0.8], { name: "component 1" })],
    classes: [],
  },
};
const NONE = new Map();

// --- addresses ---

test("the active direction and the lattice survive the way through the address", () => {
  const view = { run: "a", tab: "explore", direction: "pca.12", grid: "axes.0,classes.3,21" };
  assert.deepEqual(fromFragment(toFragment(view)), view);
});

for (const odd of ["dir=pca", "dir=pca.-1", "dir=found.0", "dir=pca.99999", "dir=%3Cimg%3E.1", "dir=axes.1e2", "grid=axes.0,axes.1", "grid=axes.0,axes.1,8",
  "grid=axes.0,axes.1,22", "grid=axes.0,axes.1,15,9", "grid=axes.0,found.1,15", "grid=,,15"]) {
  test(`${odd} is left out`, () => assert.deepEqual(fromFragment(`#v=1&${odd}`), {}));
}

// --- directions ---

test("a run offers the sets that it has, and what was found", () => {
  assert.deepEqual(setsOf(RUN, NONE).map(({ value }) => value), ["axes", "pca"]);
  const found = new Map([["a", [direction([1, 0])]], ["b", []]]);
  assert.deepEqual(setsOf(RUN, found).map(({ value }) => value), ["axes", "pca", "found"]);
  assert.deepEqual(directionsOf(null, "axes", NONE), []);
});

test("a key finds its direction again, and one that names nothing finds none", () => {
  assert.equal(directionAt(RUN, keyOf("axes", 1), NONE)?.direction, RUN.directions.axes[1]);
  for (const key of ["axes.2", "classes.0", "nothing.0", "axes", "", "__proto__.0", "found.0"]) assert.equal(directionAt(RUN, key, NONE), null, key);
});

test("a filter finds names by all of its words, however they are joined", () => {
  const names = ["5_o_Clock_Shadow", "Mouth_Slightly_Open", "Smiling"].map((name) => ({ name }));
  assert.deepEqual(namedLike(names, "open mouth").map(({ name }) => name), ["Mouth_Slightly_Open"]);
  assert.equal(namedLike(names, " ").length, 3);
  assert.equal(namedLike(names, "mouth smiling").length, 0);
  assert.equal(directionName({ ...names[1], vector: [1] }), "Mouth Slightly Open");
});

test("every set says what its sliders count in, and an autoencoder of any family has no prior", () => {
  const denoising = { ...RUN, family: "denoising", stored: {} };
  assert.ok(isPoint(denoising));
  assert.equal(unitOf("axes", denoising), "latent units");
  assert.match(unitOf("axes", RUN), /prior/);
  assert.equal(new Set(["axes", "pca", "classes", "attributes", "found"].map((set) => unitOf(set, RUN))).size, 5);
});

test("what has too few images is named with how many it has", () => {
  const groups = [{ name: "a_b", members: 3, others: 50 }, { name: "c", members: 60, others: 9 }, { name: "d", members: 10, others: 10 }];
  assert.match(refusal(groups, 10), /a b \(3\), c \(9\)\.$/);
  assert.equal(refusal(groups.slice(2), 10), "");
  assert.match(refusal(Array.from({ length: 30 }, () => groups[0]), 10), /and 18 more\.$/);
});

// --- walks and lattices ---

test("a walk is as wide as its slider and centred where it is told", () => {
  const values = around(direction([1, 0], { low: -2, high: 4 }), 10, 5);
  assert.deepEqual(values, [7, 8.5, 10, 11.5, 13]);
});

test("every cell of a sheet has the coordinates of its row and column, whatever angle the directions make", () => {
  const first = direction([1, 0, 0], { scale: 2, offset: 0.5 });
  const second = direction([0.6, 0.8, 0], { scale: 0.5, offset: -1 });
  const [columns, rows] = [[-1, 0, 2], [3, -3]];
  const z = Float32Array.of(0.3, -0.7, 4);
  const latents = sheet(first, second, z, columns, rows);
  for (let j = 0; j < 2; j++) {
    for (let i = 0; i < 3; i++) {
      const cell = latents.subarray(3 * (3 * j + i), 3 * (3 * j + i) + 3);
      assert.ok(Math.abs(coordinate(first, cell) - columns[i]) < 1e-5);
      assert.ok(Math.abs(coordinate(second, cell) - rows[j]) < 1e-5);
      assert.equal(cell[2], 4);
    }
  }
  const elsewhere = sheet(first, second, moved(second, moved(first, z, 7), -2), columns, rows);
  latents.forEach((v, i) => assert.ok(Math.abs(v - elsewhere[i]) < 1e-4, "walking within the sheet must not move it"));
});

test("the normal distribution and its inverse belong together", () => {
  for (const x of [-3, -1, -0.2, 0, 0.7, 2]) assert.ok(Math.abs(normalQuantile(normalShare(x)) - x) < 1e-5);
  assert.ok(Math.abs(normalShare(1.959964) - 0.975) < 1e-6);
});

test("offsets of the prior are symmetric, reach the range, and are closer together in the middle", () => {
  for (const count of [9, 10, 15, 21]) {
    const offsets = priorOffsets(count, 2.5);
    assert.equal(offsets.length, count);
    assert.equal(offsets[0], -2.5);
    offsets.forEach((v, i) => assert.ok(Math.abs(v + offsets[count - 1 - i]) < 1e-9));
    const gaps = offsets.slice(1).map((v, i) => v - offsets[i]);
    assert.ok(gaps.every((gap) => gap > 0));
    assert.ok(gaps[0] > gaps[Math.floor(count / 2)]);
  }
});

test("offsets of data follow the data, from its own median", () => {
  const values = Array.from({ length: 1001 }, (_, i) => (i < 500 ? i / 500 : 1 + 10 * (i - 500)));
  const { median, offsets } = dataSpacing(values, 9, 1);
  assert.equal(median, 1);
  assert.equal(offsets[4], 0);
  assert.ok(offsets[8] > 1000 && offsets[0] > -1, "the dense side is narrow, the sparse side wide");
  assert.deepEqual(dataSpacing([7], 9, 2), { median: 7, offsets: new Array(9).fill(0) });
});

test("the nearest place is told within the lattice and not far outside of it", () => {
  assert.equal(nearestPlace([-2, 0, 2], 0.9), 1);
  assert.equal(nearestPlace([2, 0, -2], -3.9), 2);
  assert.equal(nearestPlace([-2, 0, 2], 4.1), null);
});

// --- around one latent ---

test("draws are from a test image's own posterior only while the latent is its code", () => {
  const z = Float32Array.of(1, 2);
  /** @type {any} */
  const here = { z, start: z.slice(), whence: { kind: "image", index: 4 } };
  assert.equal(posteriorOf(RUN, here).of, 4);
  assert.match(posteriorOf(RUN, here).words, /test image 4/);
  assert.deepEqual(posteriorOf(RUN, { ...here, start: Float32Array.of(1, 3) }).of, z);
  assert.deepEqual(posteriorOf(RUN, { ...here, whence: { kind: "random", seed: 1 } }).of, z);
  const levels = { ...RUN, level_sizes: [1, 1] };
  assert.equal(posteriorOf(levels, here).of, 4);
  assert.match(posteriorOf({ ...levels, has_images: false }, here).words, /picture on show\. The data set.*not on this machine/);
});

test("what belongs to it of the twin is told in words: the same image, the same draw, its origin, or the picture on show", async () => {
  const twin = { ...RUN, name: "b", stored: {} };
  const runs = { info: async () => twin, points: async () => Float32Array.from({ length: 20 }, (_, i) => i) };
  /** @type {any} */
  const server = /** @type {any} */ ({ ask: async (question, run, { query }) => (question === "draws" ? Float32Array.of(query.n, query.seed) : Float32Array.of(8, 8)) });
  const z = Float32Array.of(1, 2);
  const ask = (/** @type {any} */ whence, start = z) => twinLatent({ info: RUN, twin: "b", z, start, whence }, runs, server);
  const image = await ask({ kind: "image", index: 3 });
  assert.deepEqual([...image.latent], [6, 7]);
  assert.match(image.words, /same test image 3, as b encodes it/);
  const drawn = await ask({ kind: "random", seed: 9, law: "white", text: "a Gaussian" });
  assert.deepEqual([...drawn.latent], [1, 9]);
  assert.match(drawn.words, /draw 9 of b from a Gaussian/);
  assert.deepEqual([...(await ask({ kind: "origin" })).latent], [5, 6]);
  for (const whence of [{ kind: "link" }, { kind: "place" }, { kind: "image", index: 99 }, { kind: "random", seed: 1, law: "odd" }]) {
    assert.match((await ask(whence)).words, /picture on show, as b encodes/);
  }
  assert.deepEqual([...(await ask({ kind: "image", index: 3 }, Float32Array.of(0, 0))).latent], [8, 8]);
});

test("a twin whose codes ask for ten bells draws from these with the same numbers, and says so", async () => {
  const laws = ["raw", "white", "gmm10", "gmm"].map((name) => ({ name, plain: `law ${name}` }));
  /** @type {any} */
  const info = { ...RUN, laws };
  /** @type {any} */
  const runs = { info: async () => ({ ...RUN, name: "b", laws: laws.slice(0, 3) }) };
  const asked = [];
  const server = /** @type {any} */ ({ ask: async (_, __, { query }) => (asked.push(query.law), Float32Array.of(1, query.seed)) });
  const z = Float32Array.of(1, 2);
  const found = await twinLatent({ info, twin: "b", z, start: z, whence: { kind: "random", seed: 9, law: "gmm", text: "law gmm" } }, runs, server);
  assert.deepEqual([[...found.latent], asked], [[1, 9], ["gmm10"]]);
  assert.match(found.words, /draw 9 of b from law gmm10: the same random numbers/);
});

test("a norm is placed against the shell", () => {
  assert.match(shellPlace({ norm: 1, shell_low: 2, shell_high: 4 }), /^inside of the shell 2.00 to 4.00/);
  assert.match(shellPlace({ norm: 5, shell_low: 2, shell_high: 4 }), /^outside of/);
  assert.match(shellPlace({ norm: 3, shell_low: 2, shell_high: 4 }), /^within/);
  assert.equal(shellPlace({ norm: 3 }), "");
});

test("a twin follows by the browser's own programs where they are there, and no server is asked", async () => {
  const programs = { roundTrip: (/** @type {string} */ run, /** @type {Float32Array} */ z, /** @type {string} */ twin) => (run === "a" && twin === "b" ? z.map((value) => -value) : null) };
  /** @type {any} */
  const here = { programs, ask: () => assert.fail("the server is asked") };
  /** @type {any} */
  const runs = { info: async () => ({ ...RUN, name: "b" }) };
  /** @type {any} */
  const asked = { info: RUN, twin: "b", z: Float32Array.of(1, 2), start: Float32Array.of(0, 0), whence: { kind: "image", index: 3 } };
  assert.deepEqual([...(await twinLatent(asked, runs, here)).latent], [-1, -2]);
});

test("both ends of a slider are its lowest and highest place, all else as it is", () => {
  const [first, second] = RUN.directions.axes;
  assert.deepEqual([...endLatents([first, second], Float32Array.of(0.5, -0.5))], [-3, -0.5, 3, -0.5, 0.5, -3, 0.5, 3]);
});

test("attributes are offered first where there are any, those that everybody looks for before stronger ones", () => {
  const named = (/** @type {string[]} */ ...names) => names.map((name) => direction([1, 0], { name }));
  assert.deepEqual(inOrder(named("Bangs", "Male", "Hat", "Smiling")).map(({ name }) => name), ["Smiling", "Male", "Bangs", "Hat"]);
  assert.equal(usualSet(RUN), "axes");
  assert.equal(usualSet({ ...RUN, directions: { ...RUN.directions, attributes: named("Bangs") } }), "attributes");
});

// --- saving ---

test("what can be saved is bounded, and what cannot says why", () => {
  const z = Float32Array.of(1, 2);
  const [first, second] = RUN.directions.axes;
  const lattice = (n) => ({ open: true, sheet: { rows: new Array(n).fill(0), columns: new Array(n).fill(1.5), latents: new Float32Array(2 * n * n), first, second } });
  const strip = { walk: (moving) => ({ direction: first, values: moving ? [0, 1, 2] : [0, 1], latents: new Float32Array(4), count: moving ? 3 : 2 }) };
  /** @type {any} */
  const shown = { info: RUN, z, start: z, whence: "draw 3", strip, lattice: lattice(9) };
  const formats = {
    png: { kind: "png", moves: false, captioned: false },
    sheet: { kind: "sheet", moves: false, captioned: true },
    film: { kind: "film", moves: true, captioned: false },
    json: NUMBERS,
  };
  const ask = (/** @type {keyof typeof formats} */ kind, what, more = {}) => /** @type {any} */ (wanted(/** @type {any} */ (formats[kind]), what, { ...shown, ...more }));
  assert.deepEqual([ask("png", "picture").count, ask("film", "walk").count, ask("sheet", "walk").count], [1, 3, 2]);
  assert.equal(ask("sheet", "lattice").captions.length, 81);
  assert.equal(ask("json", "lattice").columns, 9);
  for (const said of [
    ask("film", "picture"),
    ask("film", "lattice"),
    ask("png", "lattice", { lattice: lattice(17) }),
    ask("png", "lattice", { lattice: { open: false, sheet: null } }),
  ]) {
    assert.equal(typeof said, "string");
  }
});
