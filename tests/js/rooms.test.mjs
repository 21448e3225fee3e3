/** The rooms of the page's modules: who sees whom, which of them touch the document, and one name for one thing. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const STATIC = fileURLToPath(new URL("../../explorer/ui/static", import.meta.url));
const TABS = readdirSync(STATIC).filter((room) => existsSync(join(STATIC, room, "tab.js"))); // a tab is a folder with one
const BELOW = ["page", "kit", "plane", "latent", "source"];

/** Rooms that the modules of a room may import from, beside their own. @type {Record<string, string[]>} */
const SEES = {
  plane: [],
  latent: [],
  kit: ["plane", "latent"],
  source: ["latent", "kit"],
  page: ["source", "latent", "kit", "plane"],
  ...Object.fromEntries(TABS.map((tab) => [tab, BELOW])),
};

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)"(\.[^"]+)"/g; // those of JSDoc types as well
const DOCUMENT = /\b(?:document|window|navigator|matchMedia|HTMLElement|createElement)\b[.(]/;

/** Lines of a module or a style sheet that need no reason. */
const LONGEST = 400;

/** Longer files, and why each may be. @type {Record<string, string>} */
const LONG = {
  "explore/lattice.js": "one grid of decodes: its axes, its cells as they come, its keys",
  "holes/holes.css": "all looks of the tab with most views",
  "holes/path.js": "one path between two places: its ends, its frames, its curve",
  "holes/plane.js": "one slice with its layers, cursor and keys",
  "holes/samples.js": "one sheet of draws: asked for, judged, drawn, walked through by keys",
  "interpolate/tab.js": "wiring of a tab, and the walk that all its parts show",
  "kit/kit.css": "looks that every tab shares; a look stands in one place",
  "map/map.css": "all looks of a tab",
  "map/tab.js": "wiring of a tab, and the selection that all its parts show",
  "page/view.js": "the one owner of the page's state and of its address",
  "reconstruct/portrait.js": "an image and all that a model says of it, each part behind one switch",
  "reconstruct/tab.js": "wiring of a tab: where an image may come from",
  "source/machine.js": "the interpreter of programs: a layer is one entry",
  "source/programs.js": "one queue before the workers: who is served when, and what is given up",
  "start/start.css": "all looks of six steps",
};

/** @typedef {Record<string, string>} Files Texts of modules, by their paths below static/. */

/** @returns {Files} */
function modules() {
  const names = readdirSync(STATIC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  return Object.fromEntries(names.map((name) => [name.split(sep).join("/"), readFileSync(join(STATIC, name), "utf8")]));
}

/** Imports that go where their room does not see. @param {Files} files */
function trespasses(files) {
  return Object.entries(files).flatMap(([name, text]) => {
    const room = name.split("/")[0];
    return [...text.matchAll(IMPORT)].flatMap(([, target]) => {
      const path = normalize(join(dirname(name), target)).split(sep).join("/");
      const other = path.split("/")[0];
      if (!(path in files)) return [`${name} imports ${path}, which is not there`];
      return other === room || SEES[room]?.includes(other) ? [] : [`${name} must not see ${path}`];
    });
  });
}

/** The text of a module without its comments. @param {string} text */
const code = (text) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/[^\n]*/g, "$1");

test("a module sees its own room and the rooms below, and no tab sees another", () => {
  assert.deepEqual(trespasses(modules()), []);
});

test("every module stands in a room", () => {
  const astray = Object.keys(modules()).filter((name) => !(name.split("/")[0] in SEES) || name.split("/").length !== 2);
  assert.deepEqual(astray, []);
});

test("the rule sees an import of another tab, of a type, and of a file that is not there", () => {
  const sound = { "kit/dom.js": "", "page/view.js": 'import { h } from "../kit/dom.js";', "map/tab.js": 'import "../page/view.js";' };
  assert.deepEqual(trespasses(sound), []);
  const cases = {
    "kit/chart.js": 'import { view } from "../page/view.js";',
    "holes/tab.js": 'import { Card } from "../map/tab.js";',
    "latent/walk.js": '/** @param {import("../kit/dom.js").Child} child */',
  };
  for (const [name, text] of Object.entries(cases)) assert.equal(trespasses({ ...sound, [name]: text }).length, 1, name);
});

test("what is maths, or asks a server, touches no document", () => {
  const pure = Object.entries(modules()).filter(([name]) => ["latent", "plane", "source"].includes(name.split("/")[0]));
  assert.ok(pure.length > 5);
  assert.deepEqual(pure.filter(([, text]) => DOCUMENT.test(code(text))).map(([name]) => relative(".", name)), []);
});

/** Where each exported name, class and type is declared. @param {Files} files */
function declared(files) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  const add = (/** @type {string} */ word, /** @type {string} */ name) => found.set(word, [...(found.get(word) ?? []), name]);
  for (const [name, text] of Object.entries(files)) {
    const values = [...text.matchAll(/^(?:export (?:async )?(?:const|let|function)|(?:export )?class) (\w+)/gm)];
    const types = [...text.matchAll(/@typedef (\{(?!import)[^\n]*\}) (\w+)/g)].map(([, , type]) => `type ${type}`);
    for (const word of [...values.map(([, value]) => value), ...types]) add(word, name);
  }
  return found;
}

const EVERYWHERE = ["mount", "STYLE"]; // of each part that a host fills

test("a name means one thing on the whole page", () => {
  const twice = [...declared(modules())].filter(([word, places]) => places.length > 1 && !EVERYWHERE.includes(word));
  assert.deepEqual(twice, []);
});

const ADDRESSES = [/\bapi\//, /explorer\/static/, /\bfetch\(/, /XMLHttpRequest|EventSource|WebSocket|sendBeacon/, /\.src = /];

test("nothing but the source knows an address of the server or fetches", () => {
  const others = Object.entries(modules()).filter(([name]) => name !== "source/server.js" && name !== "source/folder.js");
  const found = others.flatMap(([name, text]) => ADDRESSES.filter((each) => each.test(code(text))).map((each) => `${name}: ${each}`));
  assert.deepEqual(found, ["reconstruct/own.js: /\\.src = /"], "a picture of one's own comes with the answer that shows it");
  assert.ok(ADDRESSES.some((each) => each.test(code(modules()["source/server.js"]))));
});

test("a file that is long says why, and no reason outlives its file", () => {
  const names = readdirSync(STATIC, { recursive: true, encoding: "utf8" }).filter((name) => /\.(js|css|ts)$/.test(name));
  const lines = (/** @type {string} */ name) => readFileSync(join(STATIC, name), "utf8").trimEnd().split("\n").length;
  const long = names.filter((name) => lines(name) > LONGEST).map((name) => name.split(sep).join("/"));
  assert.deepEqual(long.sort(), Object.keys(LONG).sort());
});
