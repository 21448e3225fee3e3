import assert from "node:assert/strict";
import { test } from "node:test";

import { USUAL_PATH, fromFragment, isState, namesLatent, tabIn, toFragment } from "../../explorer/ui/static/latent/address.js";

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

test("a walk survives, its images by their numbers and its latents by theirs", () => {
  const path = { from: 7, to: Float32Array.of(0.5, -2), kind: /** @type {const} */ ("spherical"), steps: 12, overshoot: 0.25, at: -0.125 };
  const fragment = toFragment({ run: "a", tab: "interpolate", path });
  assert.equal(fragment, "#v=1&run=a&tab=interpolate&from=image.7&to=latent.0.5,-2&way=spherical&steps=12&over=0.25&at=-0.125");
  assert.deepEqual(fromFragment(fragment).path, path);
  assert.deepEqual(fromFragment("#v=1&from=latent.7&to=image.7").path, { from: Float32Array.of(7), to: 7 }, "of one dimension");
});

test("what is usual of a walk is not written", () => {
  const fragment = toFragment({ run: "a", path: { from: 0, to: 1, ...USUAL_PATH } });
  assert.equal(fragment, "#v=1&run=a&from=image.0&to=image.1");
});

test("the longest view that is written is read again", () => {
  const long = new Float32Array(1024).fill(-1234.56789e-2);
  const back = fromFragment(toFragment({ run: "x".repeat(100), tab: "interpolate", latent: long, path: { from: long, to: long } }));
  assert.equal(back.latent?.length, 1024);
  assert.deepEqual(back.path?.from, back.latent);
});

for (const odd of [
  "from=7", "from=image.-1", "from=image.1e3", "from=image.12345678", "from=image.", "from=latent.", "from=latent.NaN", "from=latent.1,,2",
  "from=latent.1e9", "from=latent.0x10", "to=latent.<img>", `to=latent.${"1,".repeat(1024)}1`, "way=arc", "way=constructor", "steps=1", "steps=65",
  "steps=2.5", "steps=", "over=-0.1", "over=2.01", "over=Infinity", "at=3.1", "at=-2.1", "at=NaN", "at=x", "at=0.5%20",
]) {
  test(`${odd.slice(0, 40)} is no walk`, () => assert.deepEqual(fromFragment(`#v=1&${odd}`), {}));
}

test("what tabs show survives, each under its own name, and what is usual is not written", () => {
  const states = { map: { colour: "label", layers: "" }, holes: { law: "raw", path: "7,12 & <3>" } };
  const fragment = toFragment({ run: "a", tab: "map", states });
  assert.equal(fragment, "#v=1&run=a&tab=map&map.colour=label&holes.law=raw&holes.path=7%2C12%20%26%20%3C3%3E");
  assert.deepEqual(fromFragment(fragment), { run: "a", tab: "map", states: { map: { colour: "label" }, holes: { law: "raw", path: "7,12 & <3>" } } });
});

test("a link to a tab of the first edition leads to what has taken its place", () => {
  assert.deepEqual(fromFragment("#v=1&tab=training&training.axis=3"), { tab: "report", states: { report: { axis: "3" } } });
  assert.deepEqual([tabIn("training"), tabIn("map"), tabIn("constructor"), tabIn(null), tabIn("../map")], ["report", "map", "constructor", null, null]);
});

test("of a key that stands twice the first counts, as everywhere", () => {
  assert.deepEqual(fromFragment("#v=1&map.colour=a&map.colour=b").states, { map: { colour: "a" } });
});

test("names that objects bring along are keys like others", () => {
  const { states } = fromFragment("#v=1&constructor.constructor=1&map.constructor=2");
  assert.deepEqual(Object.keys(states), ["constructor", "map"]);
  assert.equal(states.map.constructor, "2");
  assert.equal({}.constructor, Object);
});

for (const odd of ["map.=1", ".colour=1", "map.Colour=1", "map.co-lour=1", "map.a.b=1", `map.${"a".repeat(17)}=1`, `${"a".repeat(21)}.b=1`, "map.colour=", `map.colour=${"x".repeat(201)}`, "__proto__.polluted=1", "map.__proto__=1", "map[colour]=1"]) {
  test(`${odd.slice(0, 30)} is no state of a tab`, () => {
    assert.deepEqual(fromFragment(`#v=1&${odd}`), {});
    assert.equal(/** @type {any} */ ({}).polluted, undefined);
  });
}

test("a link with a thousand values keeps a bounded number of them", () => {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const many = Array.from({ length: 600 }, (_, i) => `map.${letters[i % 26]}${letters[Math.floor(i / 26)]}=1`);
  assert.equal(Object.keys(fromFragment(`#v=1&${many.join("&")}`).states.map).length, 60);
});

test("what cannot be read again is known before it is written", () => {
  assert.ok(isState("map", "colour", "x".repeat(200)));
  for (const [tab, key, value] of [["map", "colour", "x".repeat(201)], ["map", "Colour", "x"], ["Map", "colour", "x"], ["map", "", "x"]]) assert.ok(!isState(tab, key, value), `${tab}.${key}`);
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
  "a tab that is no word": "#v=1&tab=..%2Fmap",
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
