/** Programs small enough to be known on paper, and workers without a browser. */

import { runInThisContext } from "node:vm";

import { machine } from "../../explorer/ui/static/source/machine.js";
import { workerText } from "../../explorer/ui/static/source/programs.js";

const LINE = 64;

/**
 * The decoder of pixels = weight z, (1, height, width): a program as Python writes it.
 * @param {number[][]} weight One row per pixel.
 * @param {{format?: number, off?: number, op?: string, height?: number}} [wrong] What is to be wrong with it.
 */
export function linearProgram(weight, { format = 2, off = 0, op = "linear", height = 1 } = {}) {
  const [rows, d] = [weight.length, weight[0].length];
  const input = weight[0].map((_, k) => 0.1 * (k + 1));
  const pixels = weight.map((row) => row.reduce((sum, w, k) => sum + w * input[k], off));
  const parts = [weight.flat(), input, pixels].map((numbers) => Float32Array.from(numbers));
  let at = 0;
  const stored = parts.map((numbers, k) => {
    const told = { at, shape: [[rows, d], [d], [1, height, rows / height]][k], type: "f4" };
    at += Math.ceil(numbers.byteLength / LINE) * LINE;
    return told;
  });
  const head = {
    format,
    part: "decoder",
    latent_dim: d,
    image_shape: [1, height, rows / height],
    levels: 256,
    multiplies: rows * d,
    input: [d],
    steps: [
      { op, in: [0], shape: [rows], weight: stored[0] },
      { op: "reshape", in: [1], shape: [1, height, rows / height] },
    ],
    outputs: { pixels: 2 },
    test: { input: stored[1], pixels: stored[2] },
  };
  let text = JSON.stringify(head);
  text += " ".repeat((LINE - ((text.length + 8) % LINE)) % LINE);
  const file = new ArrayBuffer(8 + text.length + at);
  const bytes = new Uint8Array(file);
  bytes.set(new TextEncoder().encode("LSXP"));
  new DataView(file).setUint32(4, text.length, true);
  bytes.set(new TextEncoder().encode(text), 8);
  parts.forEach((numbers, k) => bytes.set(new Uint8Array(numbers.buffer), 8 + text.length + stored[k].at));
  return file;
}

/**
 * What stands in for a worker: the same text, in this thread, with messages that arrive a little later.
 * @param {any[]} [log] Gets every message.
 */
export function localWorker(log = []) {
  const outside = /** @type {any} */ ({ onmessage: null, onerror: null });
  const inside = /** @type {any} */ ({ onmessage: null, postMessage: (data) => setImmediate(() => outside.onmessage?.({ data })) });
  runInThisContext(`(self) => {${workerText(machine)}}`)(inside);
  outside.postMessage = (data) => {
    log.push(data);
    setImmediate(() => inside.onmessage({ data }));
  };
  return outside;
}
