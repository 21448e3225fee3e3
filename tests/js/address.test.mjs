import assert from "node:assert/strict";
import { test } from "node:test";

import { fromFragment, namesLatent, toFragment } from "../../explorer/ui/static/address.js";

test("a view survives the way through the address", () => {
  const latent = Float32Array.of(0.12345, -1.5, 0, 1e-7, 300);
  const back = fromFragment(toFragment({ run: "mnist-vae-2", tab: "holes", latent }));
  assert.equal(back.run, "mnist-vae-2");
  assert.equal(back.tab, "holes");
  back.latent.forEach((v, i) => assert.ok(Math.abs(v - latent[i]) <= 1e-4 * Math.max(1, Math.abs(latent[i]))));
});

test("an address says its version and stays short", () => {
  const fragment = toFragment({ run: "mnist-vae-16", tab: "explore", latent: new Float32Array(16).fill(-1.23456789) });
  assert.ok(fragment.startsWith("#v=1&"));
  assert.ok(fragment.length < 200, `${fragment.length} characters`);
});

test("the run to compare with survives, also when it is none", () => {
  for (const other of ["mnist-ae-2", ""]) assert.equal(fromFragment(toFragment({ run: "a", other })).other, other);
  assert.equal("other" in fromFragment(toFragment({ run: "a" })), false);
  for (const odd of ["../etc", "<img>", ".hidden", "a/b", "x".repeat(101)]) {
    assert.equal(fromFragment(`#v=1&run=a&with=${encodeURIComponent(odd)}`).other, undefined, odd);
  }
});

test("what is missing is left out", () => {
  assert.deepEqual(fromFragment(toFragment({ run: "a" })), { run: "a" });
  assert.deepEqual(fromFragment(""), {});
  assert.deepEqual(fromFragment("#"), {});
});

test("another version is not guessed at", () => {
  assert.deepEqual(fromFragment("#v=2&run=a&z=1"), {});
  assert.deepEqual(fromFragment("#run=a&z=1"), {});
});

for (const [what, fragment] of Object.entries({
  "a path as run": "#v=1&run=../../etc",
  "an encoded path as run": "#v=1&run=..%2F..%2Fetc",
  "markup as run": "#v=1&run=%3Cimg%20onerror%3D1%3E",
  "a template as run": "#v=1&run=${alert(1)}",
  "an unknown tab": "#v=1&tab=settings",
  "words as latent": "#v=1&z=a,b",
  "NaN as latent": "#v=1&z=NaN,1",
  "infinity as latent": "#v=1&z=1,Infinity",
  "a huge number as latent": "#v=1&z=1e99",
  "too large a number as latent": "#v=1&z=1e5",
  "an empty number as latent": "#v=1&z=1,,2",
  "code as latent": "#v=1&z=1,alert(1)",
  "a hexadecimal number as latent": "#v=1&z=0x10",
  "a hundred thousand numbers": `#v=1&z=${"1,".repeat(1e5)}1`,
  "two thousand numbers": `#v=1&z=${"1,".repeat(2000)}1`,
})) {
  test(`${what} is left out`, () => assert.deepEqual(fromFragment(fragment), {}));
}

test("a link that names a latent is known as one, even where the latent is not understood", () => {
  for (const fragment of ["#v=1&z=NaN,1", "#z=1", "z=", "#v=9&z=3,3", `#v=1&z=${"1,".repeat(1e5)}`]) assert.ok(namesLatent(fragment), fragment.slice(0, 20));
  for (const fragment of ["", "#", "#v=1&run=z=1", "#v=1&run=a&tab=map", "#v=1&yz=1"]) assert.ok(!namesLatent(fragment), fragment);
});

test("what is no text is nothing", () => {
  for (const odd of [null, undefined, 3, {}, []]) assert.deepEqual(fromFragment(/** @type {any} */ (odd)), {});
});
