/** The bundle that is shipped is made of the modules that are shipped, and holds each of them once. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import test from "node:test";

import { built, BUILT, divided } from "./bundle.mjs";

const files = await built();

/** @type {Record<string, {holds: string[], imports: string[]}>} */
const units = JSON.parse(files.get("bundle.json") ?? "").units;

test("a rebuild gives the same bytes", () => {
  const names = existsSync(BUILT) ? readdirSync(BUILT, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(BUILT, name)).isFile()) : [];
  const shipped = names.map((name) => [name.split(sep).join("/"), readFileSync(join(BUILT, name), "utf8")]);
  const stale = [...files].filter(([name, text]) => !shipped.some(([other, there]) => other === name && there === text)).map(([name]) => name);
  assert.deepEqual(stale, [], "the modules and their bundle differ: make bundle");
  assert.equal(shipped.length, files.size, "there are files of an older bundle: make bundle");
});

test("every module is in one unit, and a unit begins with the module whose place it takes", () => {
  const held = Object.values(units).flatMap(({ holds }) => holds);
  assert.equal(new Set(held).size, held.length);
  assert.ok(Object.entries(units).every(([unit, { holds }]) => holds.includes(unit)));
});

test("a unit exports whatever its modules export, under their own names", () => {
  for (const [unit, { holds }] of Object.entries(units)) {
    const text = files.get(unit) ?? "";
    const exported = [...text.matchAll(/export\{([^}]*)\}/g)].flatMap(([, list]) => list.split(",").map((each) => each.split(" as ").pop()));
    const wanted = holds.flatMap((name) => {
      const source = readFileSync(join(BUILT, "..", "static", name), "utf8");
      return [...source.matchAll(/^export (?:async )?(?:const|let|function\*?|class) (\w+)/gm)].map(([, word]) => word);
    });
    assert.deepEqual(wanted.filter((word) => !exported.includes(word)), [], unit);
  }
});

test("the first picture waits for no program, no plane and no tab but its own", () => {
  /** @param {string} unit @returns {string[]} */
  const reach = (unit) => [unit, ...units[unit].imports.flatMap(reach)];
  assert.deepEqual(reach("explore/tab.js"), ["explore/tab.js", "page/bare.js"]);
  assert.ok(units["page/bare.js"].holds.includes("page/header.js"));
  const later = ["source/machine.js", "source/kernel.js", "source/computed.js", "latent/support.js", "kit/plane.js"];
  assert.deepEqual(later.filter((name) => units["page/bare.js"].holds.includes(name)), []);
});

test("what two tabs share is on the first unit, what one has is with it, and what is asked for later is apart", () => {
  const modules = new Map(
    Object.entries({
      "page/bare.js": { now: ["kit/dom.js"], later: [] },
      "kit/dom.js": { now: [], later: [] },
      "kit/shared.js": { now: [], later: [] },
      "map/tab.js": { now: ["kit/shared.js", "map/own.js", "kit/plane.js", "kit/tools.js"], later: [] },
      "map/own.js": { now: [], later: [] },
      "start/tab.js": { now: ["kit/shared.js", "start/pieces.js"], later: ["start/dream.js", "kit/plane.js"] },
      "start/pieces.js": { now: [], later: [] },
      "start/dream.js": { now: ["start/pieces.js"], later: [] },
      "holes/tab.js": { now: ["kit/plane.js", "kit/tools.js"], later: ["kit/plane.js"] },
      "kit/plane.js": { now: ["kit/dots.js"], later: [] },
      "kit/dots.js": { now: [], later: [] },
      "kit/tools.js": { now: [], later: [] },
    }),
  );
  assert.deepEqual(Object.fromEntries(divided(modules, ["map/tab.js", "start/tab.js", "holes/tab.js"])), {
    "page/bare.js": ["page/bare.js", "kit/dom.js", "kit/shared.js"],
    "holes/tab.js": ["holes/tab.js"],
    "kit/plane.js": ["kit/plane.js", "kit/dots.js", "kit/tools.js"],
    "map/tab.js": ["map/tab.js", "map/own.js"],
    "start/dream.js": ["start/dream.js"],
    "start/tab.js": ["start/tab.js", "start/pieces.js"],
  });
});
