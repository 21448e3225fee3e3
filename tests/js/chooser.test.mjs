/** The chooser of the run: what stands together, what stands for it, and that no two models are called the same. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeDocument } from "./fake_dom.mjs";

fakeDocument();
const { collections, faceOf, told } = await import("../../explorer/ui/static/page/chooser.js");

/** @returns {any} */
const run = (name, fields = {}) => ({ name, title: "Digits", side: "vae", latent_dim: 8, beta: 1, short: "beta 1", error: null, ...fields });
const names = (runs) => runs.map(({ name }) => name);

test("runs stand by data set in the order they come in, and damaged ones in none", () => {
  const all = [run("a"), run("b", { title: "MNIST" }), run("c"), run("d", { error: "damaged", title: null })];
  assert.deepEqual(collections(all).map(({ title, runs }) => [title, names(runs)]), [["Digits", ["a", "c"]], ["MNIST", ["b"]]]);
  assert.deepEqual(collections([]), []);
});

test("a VAE of beta 1 and the most dimensions stands for its data set, else what there is", () => {
  const runs = [run("small", { latent_dim: 2 }), run("ae", { side: "ae", latent_dim: 64, beta: null }), run("large", { latent_dim: 16 })];
  const collapsed = run("collapsed", { latent_dim: 32, beta: 4 });
  assert.equal(faceOf({ title: "Digits", runs }).name, "large");
  assert.equal(faceOf({ title: "Digits", runs: [collapsed, ...runs] }).name, "large");
  assert.equal(faceOf({ title: "Digits", runs: [runs[1]] }).name, "ae");
});

test("models stand by rising beta, and no two are called the same", () => {
  const runs = [run("v4", { beta: 4, short: "beta 4" }), run("v0", { beta: 0, short: "beta 0" }), run("one"), run("other"), run("held", { beta: null, short: "held" })];
  const found = told(runs);
  assert.deepEqual(found.map(({ run: each }) => each.name), ["held", "v0", "one", "other", "v4"]);
  assert.deepEqual(found.map(({ words }) => words), ["held", "beta 0", "one", "other", "beta 4"]);
});
