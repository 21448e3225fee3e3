/** The kernel that is shipped is the one whose source is shipped. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { PLAIN, RELAXED } from "../../explorer/ui/static/source/kernel.js";
import { built, BUILT } from "./kernel.mjs";

test("a rebuild gives the same bytes", () => {
  assert.equal(built(), readFileSync(BUILT, "utf8"), "loops.ts and kernel.js differ: make kernel");
});

test("the kernel is small, and every browser with SIMD takes the plain one", () => {
  assert.ok(WebAssembly.validate(Buffer.from(PLAIN, "base64")));
  for (const text of [PLAIN, RELAXED]) assert.ok(Buffer.from(text, "base64").length < 16_000);
});
