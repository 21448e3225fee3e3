/**
 * The kernel of programs, built from its source: `node tests/js/kernel.mjs` writes it, which is what `make kernel` does.
 * Two builds, one with fixed-width SIMD and one that multiplies and adds in one rounding; a browser takes what it knows.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const SOURCE = join(ROOT, "explorer", "ui", "static", "source", "loops.ts");
const COMPILER = join(ROOT, "node_modules", "assemblyscript", "bin", "asc.js");

/** The module that the page loads. */
export const BUILT = join(ROOT, "explorer", "ui", "static", "source", "kernel.js");

/** @param {string[]} features */
function compiled(features) {
  const folder = mkdtempSync(join(tmpdir(), "kernel-"));
  try {
    const out = join(folder, "kernel.wasm");
    const settings = ["--runtime", "stub", "--importMemory", "--noExportMemory", "--noAssert", "-O3"];
    execFileSync(process.execPath, [COMPILER, SOURCE, ...settings, ...features.flatMap((each) => ["--enable", each]), "--outFile", out], { stdio: ["ignore", "ignore", "inherit"] });
    return readFileSync(out).toString("base64");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The module's text. */
export const built = () =>
  [
    '/** WebAssembly made of loops.ts by "make kernel", in base64: nothing is fetched for it, so it works in a file too. */',
    "",
    "/** For every browser that knows SIMD. */",
    `export const PLAIN = "${compiled(["simd"])}";`,
    "",
    "/** For those that know relaxed SIMD as well. */",
    `export const RELAXED = "${compiled(["simd", "relaxed-simd"])}";`,
    "",
  ].join("\n");

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(BUILT, built());
