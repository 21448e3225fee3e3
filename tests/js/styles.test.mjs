/** The style sheets: one scope, and a scale of six for type, space and corners. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const STATIC = fileURLToPath(new URL("../../explorer/ui/static", import.meta.url));
const FRAMES = ["frame.css", "bare.css", "early.css"]; // of the pages around the live parts, which come before the tokens

/** Style sheets of the live parts, by name, without comments. */
const sheets = Object.fromEntries(
  readdirSync(STATIC, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".css") && !FRAMES.includes(basename(name)))
    .map((name) => [basename(name), readFileSync(join(STATIC, name), "utf8").replace(/\/\*[\s\S]*?\*\//g, "")]),
);

const TOKEN = /^\s*--xp-([\w-]+):\s*([^;]+);$/gm;

/** Values of a property in all sheets. @param {string} property */
const valuesOf = (property) =>
  Object.entries(sheets).flatMap(([name, text]) => [...text.matchAll(new RegExp(`(?<![\\w-])${property}:\\s*([^;]+);`, "g"))].map(([, value]) => ({ name, value })));

test("type, space and corners are scales of six", () => {
  const tokens = [...sheets["kit.css"].matchAll(TOKEN)].map(([, name]) => name);
  const scale = (/** @type {RegExp} */ names) => new Set(tokens.filter((name) => names.test(name))).size;
  assert.deepEqual([scale(/^type-/), scale(/^space-/), scale(/^(radius-|round$|pill$)/)], [6, 6, 6]);
});

test("every size of type, gap and corner is of its scale", () => {
  const relative = /^(?:0?\.\d+)em$/; // small print beside larger
  const symbols = ["1.7rem", "200%"]; // the star of one's own image on the map, and the whole page for a projector
  const type = valuesOf("font-size").filter(({ value }) => !/^var\(--xp-type-\w+\)$/.test(value) && !relative.test(value) && !symbols.includes(value));
  const gaps = valuesOf("gap").filter(({ value }) => !value.split(" ").every((each) => each === "0" || /^var\(--xp-space-\d\)$/.test(each)));
  const corners = valuesOf("border-radius").filter(({ value }) => !/^var\(--xp-(?:radius-\d|round|pill)\)$/.test(value));
  assert.deepEqual({ type, gaps, corners }, { type: [], gaps: [], corners: [] });
  assert.ok(valuesOf("gap").length > 50);
});

test("colours are named once", () => {
  const named = (/** @type {string} */ text) => text.replace(TOKEN, "");
  const found = Object.entries(sheets).flatMap(([name, text]) => [...named(text).matchAll(/#[0-9a-f]{3,8}\b/gi)].map(([colour]) => `${name}: ${colour}`));
  assert.deepEqual(found, []);
});

test("every token that is used is there", () => {
  const tokens = new Set([...sheets["kit.css"].matchAll(TOKEN)].map(([, name]) => name));
  const used = Object.values(sheets).flatMap((text) => [...text.matchAll(/var\(--xp-([\w-]+)/g)].map(([, name]) => name));
  assert.deepEqual([...new Set(used)].filter((name) => !tokens.has(name)), []);
});

test("a tab's rules stand in one scope, and name it once", () => {
  for (const [name, text] of Object.entries(sheets)) {
    const scoped = [...text.matchAll(/\.xp-host\b/g)].length;
    if (name === "kit.css") continue; // where the scope itself gets its tokens
    assert.equal(scoped, 1, name);
    assert.match(text.trim(), /^\.xp-host \{[\s\S]*\}$/, name);
  }
});

/** Rules of nested sheets, each with its selectors and its own declarations. @param {Record<string, string>} texts */
function rulesOf(texts) {
  return Object.entries(texts).flatMap(([sheet, text]) => {
    const rules = [];
    const open = [];
    for (const [, words, end] of text.matchAll(/([^{};]*)([{};])/g)) {
      const said = words.trim().replace(/\s+/g, " ");
      if (end === "{") open.push({ name: `${sheet}: ${said}`, own: [] });
      else if (end === ";") open.at(-1)?.own.push(said);
      else rules.push(open.pop());
    }
    return rules;
  });
}

/** Names of rules that say the same in `least` declarations or more. @param {Record<string, string>} texts */
function repeated(texts, least) {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const { name, own } of rulesOf(texts)) {
    const said = [...own].sort().join("; ");
    if (own.length >= least) names.set(said, [...(names.get(said) ?? []), name]);
  }
  return [...names.values()].filter((each) => each.length > 1);
}

test("what two rules share has one name", () => {
  assert.deepEqual(repeated(sheets, 3), []);
});

test("the rule sees the same declarations in another order, under another name and in another sheet", () => {
  const one = ".xp-host { .a { top: 0; left: 0; color: red; } }";
  assert.deepEqual(repeated({ one, two: ".xp-host { .b { color: red; left: 0; top: 0; } }" }, 3), [["one: .a", "two: .b"]]);
  assert.deepEqual(repeated({ one, two: ".xp-host { .b { color: red; left: 0; } }" }, 3), []);
});
