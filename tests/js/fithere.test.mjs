/** Fit here: what the form asks for, and what is shown of a fit that grows, stops, fails and becomes a run. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeDocument, settled } from "./fake_dom.mjs";

fakeDocument();
const { FitForm, canFit } = await import("../../explorer/ui/static/page/fithere.js");
const { Growing } = await import("../../explorer/ui/static/report/growing.js");
const { source } = await import("../../explorer/ui/static/source/source.js");

/** @returns {any} */
const offer = () => ({
  datasets: [
    { name: "digits", title: "Digits", place: "comes with the program", folder: false, latent_dim: 8, epochs: 300 },
    { name: "folder", title: "A folder of pictures", place: null, folder: true, latent_dim: 32, epochs: 100 },
  ],
  families: [
    { name: "ae", title: "autoencoder", beta: false },
    { name: "vae", title: "VAE", beta: true },
  ],
  ranges: { latent_dim: [1, 4096], beta: [0, 1e6], epochs: [1, 9], minutes: [0.01, 1e6] },
  recipes: [{ title: "beta = 4", hint: "", wish: { dataset: "digits", beta: 4 } }],
});

test("the form asks for what it shows and for nothing else", () => {
  const form = new FitForm(offer(), async () => {});
  assert.deepEqual(form.wish(), { dataset: "digits", family: "vae", latent_dim: 8, beta: 1, minutes: 2, twin: false, quick: true });
  form.suit("ae");
  form.limit("epochs");
  form.choose("folder");
  form.input(form.folder).value = "/pictures";
  form.whole.checked = form.twin.checked = true;
  assert.deepEqual(form.wish(), { dataset: "folder", family: "ae", folder: "/pictures", latent_dim: 32, epochs: 100, twin: true, quick: false });
  form.choose("digits");
  form.suit("vae");
  assert.equal("folder" in form.wish(), false);
  assert.equal(/** @type {any} */ (form.wish()).beta, 1);
});

test("a press of a recipe begins it, and what the server refuses is said", async () => {
  /** @type {object[]} */
  const begun = [];
  const form = new FitForm(offer(), async (wish) => {
    begun.push(wish);
    if (begun.length > 1) throw new Error("a fit is under way.");
  });
  form.recipes[0].dispatchEvent(new Event("click"));
  await settled();
  assert.deepEqual(begun, [{ dataset: "digits", beta: 4 }]);
  assert.equal(form.said.textContent, "");
  await form.send(form.wish());
  assert.equal(form.said.textContent, "a fit is under way.");
  assert.equal(form.submit.disabled, false);
});

test("a fit of the page is shown from its start to its run, which is offered once", async () => {
  /** @type {any} */
  let fit = { state: "running", names: ["digits-vae-8"], sentence: "reading digits", command: "python train.py", seconds: 1 };
  const grown = { name: "digits-vae-8", title: "Digits", label: "VAE", epoch: 2, epochs: 10, is_still: false, distortion: [3, 2], rate: [1, 1], sheet: null };
  /** @type {any[]} */
  let [fits, runs] = [[], []];
  /** @type {string[]} */
  const asked = [];
  source.fits = async () => fits;
  source.runs = async () => runs;
  source.fitHere = async (what) => (asked.push(what), { offered: true, fit });
  const growing = new Growing();
  const { line } = growing;
  const look = async () => {
    await growing.look();
    await settled();
  };
  await look();
  assert.equal(growing.element.hidden, false);
  assert.equal(line.words.textContent, "digits-vae-8: reading digits, 1 s");
  assert.deepEqual([line.stop.hidden, line.go.hidden, line.bar.hidden], [false, true, false]);
  fits = [grown];
  await look();
  assert.equal(line.bar.value, 0.2);
  line.stop.dispatchEvent(new Event("click"));
  await settled();
  assert.ok(asked.includes("stop"));
  fit = { ...fit, state: "stopped", sentence: "Stopped: the state is saved." };
  await look();
  assert.deepEqual([line.stop.hidden, line.go.hidden, line.bar.hidden], [true, false, true]);
  assert.match(growing.cards.get("digits-vae-8")?.far.textContent, /stopped after epoch 2/);
  fit = { ...fit, state: "done", sentence: "digits-vae-8 is fitted." };
  [fits, runs] = [[], [{ name: "digits-vae-8", error: null }]];
  await look();
  await look();
  assert.equal(line.element.hidden, true);
  assert.equal(growing.done.children.length, 1);
  assert.match(growing.done.textContent, /digits-vae-8 is fitted\. Open it/);
});

test("where nobody may begin a fit it is not asked for again", async () => {
  let asked = 0;
  source.fits = async () => [];
  source.fitHere = async () => (asked++, { offered: false, why: "…", fit: null });
  assert.equal(await canFit(), false);
  const growing = new Growing();
  await growing.look();
  await growing.look();
  assert.equal(asked, 2);
  assert.equal(growing.element.hidden, true);
  source.fitHere = undefined; // as on a page without a server
  assert.equal(await canFit(), false);
});
