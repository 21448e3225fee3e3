/**
 * Runs programs as the page does: `node tests/js/run_programs.mjs FOLDER`, for tests in Python. Of every NAME.program
 * there, NAME.input (float32, one row per input; images channels last) becomes NAME.OUTPUT.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { PLAIN } from "../../explorer/ui/static/source/kernel.js";
import { machine } from "../../explorer/ui/static/source/machine.js";

const { Program } = machine();
const kernel = await WebAssembly.compile(Buffer.from(PLAIN, "base64"));
const folder = process.argv[2];

/** @param {string} name */
const bytesOf = (name) => {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, name));
  return buffer.slice(byteOffset, byteOffset + byteLength);
};

for (const file of readdirSync(folder).filter((name) => name.endsWith(".program"))) {
  const name = file.slice(0, -".program".length);
  const program = await Program.open(kernel, bytesOf(file));
  const input = new Float32Array(bytesOf(`${name}.input`));
  const count = input.length / program.head.input.reduce((size, side) => size * side, 1);
  const trouble = program.trouble(bytesOf(file));
  if (trouble) throw new Error(`${name}: ${trouble}`);
  if (program.head.part === "decoder") writeFileSync(join(folder, `${name}.pixels`), program.decode(input, count));
  else {
    const { mean, logVariance } = program.encode(input, count);
    writeFileSync(join(folder, `${name}.mean`), mean);
    if (logVariance) writeFileSync(join(folder, `${name}.log_variance`), logVariance);
  }
}
