/** The page's one state: what is taken from whom, and what stands in the address. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromFragment } from "../../explorer/ui/static/latent/address.js";
import { View } from "../../explorer/ui/static/page/view.js";
import { settled } from "./fake_dom.mjs";

const CARD = { name: "a", latent_dim: 2, count: 3, preparing: null, stored: { points: "points" } };

/** A view whose address and answers the test sees. */
function made(fragment = "", answers = {}) {
  const written = [];
  const from = /** @type {any} */ ({
    ask: async (question, run) => answers[question]?.(run) ?? { ...CARD, name: run },
    array: async () => Float32Array.of(1, 2),
  });
  const view = new View({ fragment, write: (text) => written.push(fromFragment(text)), from });
  return { view, written, last: () => written.at(-1) };
}

test("the address follows run, tab and latent", () => {
  const { view, last } = made();
  view.setRun("a");
  view.setLatent("a", Float32Array.of(1, -2));
  view.setTab("map");
  assert.deepEqual([last().run, last().tab, [...last().latent]], ["a", "map", [1, -2]]);
});

test("a latent of a run that is no longer on show is not written under the new run", () => {
  const { view, last } = made();
  view.setRun("a");
  view.setRun("b");
  view.setLatent("a", Float32Array.of(1, -2)); // a slider that was still held
  view.setWalk("a", { direction: "pca.1" });
  view.setPath("a", { from: 1, to: 2 });
  view.setTab("interpolate");
  assert.deepEqual([last().run, last().latent, last().direction, last().path], ["b", undefined, undefined, undefined]);
  assert.equal(view.latent, null);
});

test("what belongs to a run on show ends with it, and does not come back with a second visit", () => {
  const { view } = made();
  view.setRun("a");
  const first = view.signal;
  view.setRun("b");
  assert.ok(first.aborted);
  view.setRun("a");
  assert.ok(first.aborted, "the first visit's answers are not the second's");
  assert.ok(!view.signal.aborted);
  const second = view.signal;
  view.refresh();
  assert.ok(second.aborted);
});

test("a link's latent stays in the address until its run has taken it up", () => {
  const { view, last } = made("#v=1&run=b&tab=map&z=1,2");
  view.setRun("a");
  assert.equal(last(), undefined, "the page starts on a run of its own, which must not wipe out the link");
  view.setRun("b");
  assert.deepEqual([...last().latent], [1, 2]);
  view.dropWish();
  view.setLatent("b", Float32Array.of(0, 0));
  assert.deepEqual([...last().latent], [0, 0]);
});

test("another choice than the link's run drops the link", () => {
  const { view, last } = made("#v=1&run=b&z=1,2");
  view.setRun("a");
  view.setRun("c");
  assert.deepEqual([last().run, last().latent], ["c", undefined]);
});

test("the end of another run's preparation does not begin the run on show anew", async () => {
  let runs = 0;
  const { view } = made("", { card: (run) => ({ ...CARD, name: run, preparing: run === "a" ? 0.5 : null }), preparation: () => ({ preparing: null }) });
  view.setRun("b");
  view.addEventListener("run", () => runs++);
  view.setLatent("b", Float32Array.of(1, 2));
  const before = view.signal;
  const known = view.info("a"); // Training or Holes asks about it
  await known;
  await settled();
  assert.equal(runs, 0);
  assert.equal(view.pending, null, "nothing is opened anew");
  assert.ok(!before.aborted);
  assert.notEqual(view.info("a"), known, "its pictures are another's now");
});

test("the end of the preparation of the run on show brings its pictures", async () => {
  let runs = 0;
  const { view } = made("", { card: (run) => ({ ...CARD, name: run, preparing: 0.5 }), preparation: () => ({ preparing: null }) });
  view.setRun("a");
  view.addEventListener("run", () => runs++);
  await view.info("a");
  await settled();
  assert.equal(runs, 1);
});

test("a run's card is asked for once, and again after a failure", async () => {
  let asked = 0;
  const { view } = made("", {
    card: () => {
      asked++;
      if (asked === 1) throw new Error("away");
      return CARD;
    },
  });
  await assert.rejects(view.info("a"), /away/);
  await view.info("a");
  await view.info("a");
  assert.equal(asked, 2);
});
