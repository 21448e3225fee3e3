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
  const steps = []; // what Back would lead to, in order, and the entry on show
  const write = (text, isStep) => {
    written.push(fromFragment(text));
    if (!isStep && steps.length) steps.pop();
    steps.push(text);
  };
  const view = new View({ fragment, write, from });
  return { view, written, steps, last: () => written.at(-1) };
}

/** A view in a page that goes where it is asked to, at once. */
function walked(fragment) {
  const all = made(fragment);
  const { view } = all;
  view.askPage = ({ run, tab }) => {
    if (tab) view.setTab(tab);
    if (run) view.setRun(run);
  };
  view.setRun("a");
  return all;
}

const places = (steps) => steps.map((text) => fromFragment(text)).map(({ run, tab }) => `${run} ${tab}`);

test("Back leads through the runs and tabs that somebody went to, and through nothing else", () => {
  const { view, steps } = walked("");
  view.setLatent("a", Float32Array.of(1, 2));
  view.goTo({ tab: "map" });
  view.setState("a", "map", { colour: "label" });
  view.setState("a", "map", { colour: "rate" });
  view.goTo({ run: "b" });
  view.setLatent("b", Float32Array.of(3, 4));
  view.goTo({ run: "a", tab: "explore" }); // a latent of another run: both change, in one step
  assert.deepEqual(places(steps), ["a explore", "a map", "b map", "a explore"]);
});

test("going where one is makes no step, nor does what comes after", () => {
  const { view, steps } = walked("");
  view.goTo({ run: "a", tab: "explore" });
  view.setLatent("a", Float32Array.of(1, 2));
  view.setWalk("a", { direction: "pca.1" });
  assert.deepEqual(places(steps), ["a explore"]);
});

test("what Back brings is no step, so that Forward still leads on", async () => {
  const { view, steps } = walked("");
  view.goTo({ tab: "map" });
  view.goTo({ run: "b", tab: "holes" });
  const before = steps.length;
  steps.pop();
  await view.follow(steps.at(-1));
  assert.deepEqual([view.run, view.tab], ["a", "map"]);
  view.setLatent("a", Float32Array.of(1, 2));
  assert.deepEqual(places(steps), ["a explore", "a map"]);
  assert.equal(steps.length, before - 1);
});

test("Back asks for what differs alone: a wish for what is there would stand in the way of the next", async () => {
  const { view } = walked("");
  const asked = [];
  view.askPage = (wish) => asked.push(wish);
  for (const link of ["#v=1&run=a&tab=map", "#v=1&run=b&tab=explore", "#v=1&run=a&tab=explore", "#v=1&run=b&tab=map"]) await view.follow(link);
  assert.deepEqual(asked, [{ tab: "map" }, { run: "b" }, { run: "b", tab: "map" }]);
});

test("Back brings what the tab showed, and forgets what it showed later", async () => {
  const { view, steps } = walked("");
  view.setState("a", "map", { colour: "label" });
  view.goTo({ tab: "map" });
  view.setState("a", "map", { colour: "rate", layers: "bells" });
  steps.pop();
  let heard = 0;
  view.addEventListener("link", () => heard++);
  await view.follow(steps.at(-1));
  assert.deepEqual(view.state("map"), { colour: "label" });
  assert.equal(heard, 1);
});

test("a link's state is its run's, and its tab finds it there when the run comes", () => {
  const { view, last } = made("#v=1&run=b&map.colour=label&holes.law=raw");
  view.setRun("a");
  assert.deepEqual(view.state("map"), {});
  view.setRun("b");
  assert.deepEqual([view.state("map"), view.state("holes"), view.state("explore")], [{ colour: "label" }, { law: "raw" }, {}]);
  view.setState("b", "holes", { law: "" });
  assert.deepEqual(last().states, { map: { colour: "label" } });
});

test("a link without a run speaks of the run that the page opens on", () => {
  const { view } = made("#v=1&map.colour=label");
  view.setRun("a");
  assert.deepEqual(view.state("map"), { colour: "label" });
  assert.deepEqual(view.state("constructor"), {});
});

test("what a tab tells of a run that is not on show is not taken, and what cannot stand in an address is refused", () => {
  const { view } = made();
  view.setRun("a");
  view.setState("b", "map", { colour: "label" });
  assert.deepEqual(view.state("map"), {});
  assert.throws(() => view.setState("a", "map", { Colour: "label" }), /cannot stand in an address/);
  assert.throws(() => view.setState("a", "map", { colour: "x".repeat(201) }), /201 characters/);
  assert.deepEqual(view.state("map"), {});
});

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

test("a link whose run is gone leaves the address to what is on show, however late that is known", async () => {
  const gone = async (run) => (run === "gone" ? Promise.reject(new Error("There is no such run.")) : { ...CARD, name: run });
  const { view, last } = made("#v=1&run=gone&tab=explore&dir=pca.1&z=3,3", { card: gone });
  view.setRun("a");
  view.setLatent("a", Float32Array.of(1, 2));
  assert.equal(last(), undefined, "the link's run may still come");
  assert.equal(await view.checkWish(), false);
  assert.deepEqual([last().run, last().direction, [...last().latent]], ["a", undefined, [1, 2]]);
});

test("a late answer about a link that is gone leaves a newer link alone", async () => {
  let refuse = (/** @type {Error} */ _error) => {};
  const slow = (run) => (run === "gone" ? new Promise((_, no) => (refuse = no)) : Promise.resolve({ ...CARD, name: run }));
  const { view, last } = made("#v=1&run=gone&z=3,3", { card: slow });
  view.setRun("a");
  const checked = view.checkWish();
  await settled();
  await view.follow("#v=1&run=b&tab=map&z=1,2");
  refuse(new Error("There is no such run."));
  assert.equal(await checked, false);
  view.setRun("b");
  assert.deepEqual([last().run, [...last().latent]], ["b", [1, 2]]);
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
  const known = view.info("a"); // Report or Holes asks about it
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
