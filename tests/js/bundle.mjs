/**
 * The page's modules in few files: `node tests/js/bundle.mjs` writes explorer/ui/bundle/, which is what `make bundle` does.
 *
 * A *unit* is an entry and what comes with it: a tab, or what is imported later (`import("./chooser.js")`).
 * It lies in the bundle where its entry lies among the modules, so that it takes its entry's place under the entry's own
 * address, and imports of other units read as they do there. What several units stand on is part of the first one, the
 * page itself. Each module is in one unit alone, which exports all that its modules export: nothing is there twice.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const STATIC = join(ROOT, "explorer", "ui", "static");

/** Where the bundle lies. */
export const BUILT = join(ROOT, "explorer", "ui", "bundle");

/** What every page loads first. */
const FIRST = "page/bare.js";

/**
 * A page without a server has another first unit: `source/kind.js` takes its source from `module` there, and what that
 * stands on is in no other unit.
 */
const ALONE = /** @type {const} */ ({ file: "page/alone.js", kind: "source/kind.js", served: 'ServerSource as Kind } from "./server.js"', stored: 'FolderSource as Kind } from "./folder.js"', module: "source/folder.js" });

const SETTINGS = /** @type {const} */ ({
  absWorkingDir: STATIC,
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  target: "es2022",
  write: false,
});

/** @typedef {{now: string[], later: string[]}} Imports Modules that a module imports, at once and later. */

/** @param {string} name */
const read = (name) => readFileSync(join(STATIC, name), "utf8").replaceAll("\r\n", "\n");

/** How a module names another. @param {string} from @param {string} to */
function naming(from, to) {
  const way = posix.relative(posix.dirname(from), to);
  return way.startsWith(".") ? way : `./${way}`;
}

/** What the entries stand on, with what each imports. @param {string[]} entries @returns {Promise<Map<string, Imports>>} */
async function graph(entries) {
  const { metafile } = await build({ ...SETTINGS, entryPoints: entries, splitting: true, outdir: BUILT, metafile: true });
  const found = Object.entries(metafile.inputs).map(([name, { imports }]) => {
    const of = (/** @type {string} */ kind) => imports.filter((each) => each.kind === kind).map(({ path }) => path);
    return /** @type {const} */ ([name, { now: of("import-statement"), later: of("dynamic-import") }]);
  });
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Modules that are there once another is, itself among them. @param {Map<string, Imports>} modules @param {string} name @param {Set<string>} found */
function reach(modules, name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    for (const other of modules.get(name)?.now ?? []) reach(modules, other, found);
  }
  return found;
}

/**
 * The modules of each unit, by the unit's entry.
 * @param {Map<string, Imports>} modules
 * @param {string[]} tabs Entries that the page asks for by name.
 */
export function divided(modules, tabs) {
  const later = new Set([...modules.values()].flatMap((each) => each.later));
  const entries = [...new Set([...tabs, ...later])].sort();
  const reached = new Map(entries.map((entry) => [entry, reach(modules, entry)]));
  const first = reach(modules, FIRST);
  /** Entries that are surely there once one is: those that it stands on, and the only one that asks for it later. @type {(entry: string) => Set<string>} */
  const sure = (entry) => {
    const found = new Set(entries.filter((each) => reached.get(entry)?.has(each)));
    const askers = [...modules].filter(([, each]) => each.later.includes(entry)).map(([name]) => name);
    const asking = askers.length === 1 && !tabs.includes(entry) && entries.includes(askers[0]) ? askers[0] : null;
    if (asking) for (const each of sure(asking)) found.add(each);
    return found;
  };
  const surely = new Map(entries.map((entry) => [entry, sure(entry)]));
  /** @type {Map<string, string[]>} */
  const units = new Map([[FIRST, []], ...entries.map((entry) => /** @type {const} */ ([entry, /** @type {string[]} */ ([])]))]);
  for (const name of modules.keys()) {
    const by = entries.filter((entry) => reached.get(entry)?.has(name));
    const fits = (/** @type {string} */ entry) => by.every((each) => surely.get(each)?.has(entry));
    const unit = first.has(name) ? FIRST : units.has(name) ? name : (by.find(fits) ?? entries.find(fits) ?? FIRST);
    units.get(unit)?.push(name);
  }
  return units;
}

/**
 * The text of a unit.
 * @param {string} unit
 * @param {Map<string, string[]>} units
 * @param {(text: string, name: string) => string} [as] A module as it is in this unit.
 */
async function made(unit, units, as = (text) => text) {
  const home = new Map([...units].flatMap(([each, names]) => names.map((name) => /** @type {const} */ ([name, each]))));
  const names = units.get(unit) ?? [];
  const last = [...names.filter((name) => name !== unit), unit]; // what starts the page comes after what it starts
  /** @type {import("esbuild").Plugin} */
  const plugin = {
    name: "unit",
    setup(building) {
      building.onResolve({ filter: /^\./ }, ({ path, importer, resolveDir }) => {
        const name = relative(STATIC, join(resolveDir, path)).split(sep).join("/");
        const other = home.get(name);
        if (!other) throw new Error(`${importer} imports ${name}, which is in no unit`);
        return other === unit ? { path: join(STATIC, name) } : { path: naming(unit, other), external: true };
      });
      building.onLoad({ filter: /\.js$/ }, ({ path }) => {
        const name = relative(STATIC, path).split(sep).join("/");
        const here = name === unit ? "import.meta.url" : `new URL("${naming(unit, name)}", import.meta.url)`;
        return { contents: as(read(name), name).replaceAll("import.meta.url", here) };
      });
    },
  };
  const contents = last.map((name) => `export * from "./${name}";`).join("\n");
  const { outputFiles, metafile } = await build({ ...SETTINGS, stdin: { contents, resolveDir: STATIC }, plugins: [plugin], metafile: true });
  const [{ imports }] = Object.values(metafile.outputs);
  const now = imports.filter((each) => each.kind === "import-statement").map(({ path }) => posix.join(posix.dirname(unit), path));
  return { text: outputFiles[0].text, imports: [...new Set(now)].sort() };
}

/**
 * Every file of the bundle by its path. `bundle.json` says what each unit holds and which units it imports at once, and
 * of which modules the bundle was made, so that the server notices one that is older than they are.
 * @returns {Promise<Map<string, string>>}
 */
export async function built() {
  const rooms = readdirSync(STATIC).sort();
  const tabs = rooms.map((room) => `${room}/tab.js`).filter((name) => readdirSync(join(STATIC, dirname(name))).includes("tab.js"));
  const modules = await graph([FIRST, ...tabs]);
  const units = divided(modules, tabs);
  const more = [...(await graph([ALONE.module])).keys()].filter((name) => !modules.has(name));
  const digest = createHash("sha256");
  for (const name of [...modules.keys(), ...more].sort()) digest.update(`${name}\0${read(name)}\0`);
  /** @type {Record<string, {holds: string[], imports: string[]}>} */
  const told = {};
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const [unit, holds] of units) {
    const { text, imports } = await made(unit, units);
    files.set(unit, text);
    told[unit] = { holds, imports };
  }
  const withMore = new Map([...units, [FIRST, [...(units.get(FIRST) ?? []), ...more]]]);
  if (!read(ALONE.kind).includes(ALONE.served)) throw new Error(`${ALONE.kind} chooses its source in other words`);
  const alone = await made(FIRST, withMore, (text, name) => (name === ALONE.kind ? text.replace(ALONE.served, ALONE.stored) : text));
  files.set(ALONE.file, alone.text);
  const without = { file: ALONE.file, in_place_of: FIRST, holds: more };
  files.set("bundle.json", `${JSON.stringify({ made_of: digest.digest("hex"), units: told, alone: without }, null, 1)}\n`);
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await built();
  rmSync(BUILT, { recursive: true, force: true });
  for (const [name, text] of files) {
    mkdirSync(dirname(join(BUILT, name)), { recursive: true });
    writeFileSync(join(BUILT, name), text);
  }
}
