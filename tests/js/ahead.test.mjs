import assert from "node:assert/strict";
import { test } from "node:test";

import { Ahead } from "../../explorer/ui/static/explore/ahead.js";
import { moved } from "../../explorer/ui/static/latent/latent.js";

const DIRECTION = { name: "slanted", vector: [0.6, 0.8, 0], offset: 0.3, scale: 2, low: -3, high: 3, note: "" };
const OTHER = { ...DIRECTION, name: "level", vector: [0, 0, 1], offset: 0, scale: 1 };
const INFO = { name: "run", image_shape: /** @type {[number, number, number]} */ ([1, 1, 1]) };
const Z = Float32Array.of(0.1, -0.2, 0.5);

/** A decoder whose pictures are the number of their place, and what it was asked for. */
function counting() {
  /** @type {{run: string, latents: Float32Array, count: number}[]} */
  const asked = [];
  const decode = async (/** @type {string} */ run, /** @type {Float32Array} */ latents, /** @type {number} */ count) => {
    asked.push({ run, latents, count });
    return { pixels: Uint8ClampedArray.from({ length: count }, (_, k) => k), shape: /** @type {[number, number, number, number]} */ ([count, 1, 1, 1]) };
  };
  return { asked, decode };
}

test("every place of the slider is there after one request, and no place between two", async () => {
  const decoder = counting();
  const ahead = new Ahead(decoder);
  await ahead.prepare(INFO, DIRECTION, Z);
  const [{ latents, count }] = decoder.asked;
  assert.equal(count, 121);
  /** @type {Float32Array} */
  let z = Z;
  for (const k of [0, 120, 60, 61, 3]) {
    z = moved(DIRECTION, z, -3 + 0.05 * k); // as a drag adds its steps up
    assert.equal(ahead.find("run", z)?.index, k);
    z.forEach((value, i) => assert.ok(Math.abs(value - latents[3 * k + i]) < 1e-4));
  }
  assert.equal(ahead.find("run", moved(DIRECTION, Z, 0.021)), null);
  assert.equal(ahead.find("run", moved(DIRECTION, Z, 9)), null);
});

test("a latent beside the line, or of another run, is not on it", async () => {
  const ahead = new Ahead(counting());
  await ahead.prepare(INFO, DIRECTION, Z);
  const there = moved(DIRECTION, Z, 1);
  assert.ok(ahead.find("run", there));
  assert.equal(ahead.find("twin", there), null);
  assert.equal(ahead.find("run", moved(OTHER, there, 0.6)), null);
  ahead.forget();
  assert.equal(ahead.find("run", there), null);
});

test("a line is asked for once, another one when the slider or what else is set changes", async () => {
  const decoder = counting();
  const ahead = new Ahead(decoder);
  const first = ahead.prepare(INFO, DIRECTION, Z);
  await ahead.prepare(INFO, DIRECTION, moved(DIRECTION, Z, 2.2));
  await first;
  assert.equal(decoder.asked.length, 1);
  await ahead.prepare(INFO, OTHER, Z);
  await ahead.prepare(INFO, OTHER, moved(DIRECTION, Z, 1));
  assert.equal(decoder.asked.length, 3);
});

test("large pictures are not fetched ahead, and a failure is nobody's news", async () => {
  const decoder = counting();
  await new Ahead(decoder).prepare({ name: "faces", image_shape: [3, 64, 64] }, DIRECTION, Z);
  assert.equal(decoder.asked.length, 0);
  const ahead = new Ahead({ decode: () => Promise.reject(new Error("away")) });
  await ahead.prepare(INFO, DIRECTION, Z);
  assert.equal(ahead.find("run", Z), null);
});

test("where the browser decodes by itself nothing is fetched ahead", async () => {
  const decoder = { ...counting(), programs: { of: (/** @type {string} */ run) => (run === "run" ? {} : null) } };
  const ahead = new Ahead(decoder);
  await ahead.prepare(INFO, DIRECTION, Z);
  assert.equal(decoder.asked.length, 0);
  await ahead.prepare({ ...INFO, name: "other" }, DIRECTION, Z);
  assert.equal(decoder.asked.length, 1);
});
