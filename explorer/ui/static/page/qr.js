/**
 * QR codes: a text as a square of dark and light modules, ISO/IEC 18004, bytes at error correction level L.
 *
 * Pure arithmetic, so that it works offline and in a page without a server.
 */

const ECC_PER_BLOCK = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, ...Array(14).fill(30)]; // by version, from 1 (table 9)
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25];
const LARGEST = 40; // version
const LEVEL_L = 1;
const BYTES = 4; // the mode

/** Which modules a mask turns over, by row and column (table 10). @type {((y: number, x: number) => boolean)[]} */
const MASKS = [
  (y, x) => (y + x) % 2 === 0,
  (y) => y % 2 === 0,
  (_, x) => x % 3 === 0,
  (y, x) => (y + x) % 3 === 0,
  (y, x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (y, x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0,
  (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

/** Modules for data and error correction in a version. @param {number} version */
function roomOf(version) {
  const side = Math.floor(version / 7) + 2; // alignment patterns along an edge
  const fixed = (version < 2 ? 0 : (25 * side - 10) * side - 55) + (version < 7 ? 0 : 36);
  return (16 * version + 128) * version + 64 - fixed;
}

/** Bytes of data in a version. @param {number} version */
const dataBytes = (version) => Math.floor(roomOf(version) / 8) - ECC_PER_BLOCK[version - 1] * BLOCKS[version - 1];

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. @param {number} a @param {number} b */
function product(a, b) {
  let found = 0;
  for (let bit = 7; bit >= 0; bit--) found = (found << 1) ^ ((found >> 7) * 0x11d) ^ (((b >> bit) & 1) * a);
  return found;
}

/** Generator polynomial of a degree, highest power first and without its leading 1. @param {number} degree */
function generator(degree) {
  const found = [...Array(degree - 1).fill(0), 1];
  for (let i = 0, root = 1; i < degree; i++, root = product(root, 2)) {
    for (let j = 0; j < degree; j++) found[j] = product(found[j], root) ^ (found[j + 1] ?? 0);
  }
  return found;
}

/** Reed-Solomon remainder of a block. @param {number[]} data @param {number[]} divisor */
function remainder(data, divisor) {
  const found = Array(divisor.length).fill(0);
  for (const byte of data) {
    const factor = byte ^ found.shift();
    found.push(0);
    divisor.forEach((each, i) => (found[i] ^= product(each, factor)));
  }
  return found;
}

/** A number followed by its BCH check bits. @param {number} value @param {number} bits @param {number} divisor */
function checked(value, bits, divisor) {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ ((rest >> (bits - 1)) * divisor);
  return (value << bits) | rest;
}

/** The bytes of a text in a version, with error correction, interleaved. @param {Uint8Array} text @param {number} version */
function codewords(text, version) {
  /** @type {number[]} */
  const bits = [];
  const put = (/** @type {number} */ value, /** @type {number} */ width) => {
    for (let i = width - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(BYTES, 4);
  put(text.length, version < 10 ? 8 : 16);
  for (const byte of text) put(byte, 8);
  const size = dataBytes(version);
  put(0, Math.min(4, 8 * size - bits.length));
  put(0, -bits.length & 7);
  const data = Array.from({ length: bits.length / 8 }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2));
  for (let pad = 0xec; data.length < size; pad ^= 0xec ^ 0x11) data.push(pad);
  const [count, divisor] = [BLOCKS[version - 1], generator(ECC_PER_BLOCK[version - 1])];
  const short = Math.floor(size / count); // the last blocks hold one byte more
  const starts = Array.from({ length: count + 1 }, (_, i) => i * short + Math.max(0, i - count + (size % count)));
  const blocks = starts.slice(1).map((end, i) => data.slice(starts[i], end));
  const checks = blocks.map((block) => remainder(block, divisor));
  const woven = (/** @type {number[][]} */ rows) => Array.from({ length: Math.max(...rows.map((row) => row.length)) }, (_, i) => rows.filter((row) => i < row.length).map((row) => row[i])).flat();
  return [...woven(blocks), ...woven(checks)];
}

/** Centres of the alignment patterns along an edge. @param {number} version */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((4 * version + 4) / (2 * count - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => 4 * version + 10 - step * (count - 2 - i))];
}

/** @typedef {boolean[][]} Modules Dark ones, by row and column. */

/** The fixed patterns of a version: dark modules, and which modules are taken. @param {number} version */
function patterns(version) {
  const size = 4 * version + 17;
  const [dark, taken] = [0, 1].map(() => Array.from({ length: size }, () => Array(size).fill(false)));
  const set = (/** @type {number} */ y, /** @type {number} */ x, /** @type {boolean} */ is) => {
    if (y < 0 || x < 0 || y >= size || x >= size) return;
    dark[y][x] = is;
    taken[y][x] = true;
  };
  for (let i = 0; i < size; i++) [[6, i], [i, 6]].forEach(([y, x]) => set(y, x, i % 2 === 0));
  const rings = (/** @type {number} */ cy, /** @type {number} */ cx, /** @type {number} */ reach, /** @type {number[]} */ light) => {
    for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) set(cy + y, cx + x, !light.includes(Math.max(Math.abs(y), Math.abs(x))));
  };
  for (const [y, x] of [[3, 3], [3, size - 4], [size - 4, 3]]) rings(y, x, 4, [2, 4]);
  const centres = alignments(version);
  const last = centres.length - 1;
  centres.forEach((y, i) => centres.forEach((x, j) => (i === 0 && (j === 0 || j === last)) || (i === last && j === 0) || rings(y, x, 2, [1])));
  if (version >= 7) {
    const told = checked(version, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const [along, across] = [Math.floor(i / 3), size - 11 + (i % 3)];
      for (const [y, x] of [[along, across], [across, along]]) set(y, x, ((told >> i) & 1) === 1);
    }
  }
  const mask = (/** @type {number} */ number) => {
    const told = checked((LEVEL_L << 3) | number, 10, 0x537) ^ 0x5412;
    const bit = (/** @type {number} */ i) => ((told >> i) & 1) === 1;
    for (let i = 0; i < 15; i++) {
      set(i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, 8, bit(i)); // down beside the left edge
      set(8, i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i, bit(i)); // along the top
    }
    set(size - 8, 8, true);
  };
  mask(0);
  return { size, dark, taken, mask };
}

/** How hard a code is to read; lower is better (section 7.8.3). @param {Modules} modules */
function penalty(modules) {
  const size = modules.length;
  const columns = modules.map((_, x) => modules.map((row) => row[x]));
  let found = 0;
  for (const line of [...modules, ...columns]) {
    const text = line.map(Number).join("");
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) found += run.length - 2;
    for (const finder of ["10111010000", "00001011101"]) for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) found += 40;
  }
  for (let y = 1; y < size; y++) for (let x = 1; x < size; x++) if ([modules[y - 1][x], modules[y][x - 1], modules[y - 1][x - 1]].every((each) => each === modules[y][x])) found += 3;
  const share = modules.flat().filter(Boolean).length / size ** 2;
  return found + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}

/**
 * The code of a text, without the four light modules that belong around it.
 * @param {string} text
 * @param {number} [chosen] A mask, 0 to 7; by itself the one that is easiest to read.
 * @returns {Modules | null} Null for more than 2,953 bytes, which no code holds.
 */
export function qrCode(text, chosen) {
  const bytes = new TextEncoder().encode(text);
  const versions = Array.from({ length: LARGEST }, (_, i) => i + 1);
  const version = versions.find((each) => bytes.length + (each < 10 ? 2 : 3) <= dataBytes(each));
  if (version === undefined) return null;
  const { size, dark, taken, mask } = patterns(version);
  const bits = codewords(bytes, version).flatMap((byte) => Array.from({ length: 8 }, (_, i) => ((byte >> (7 - i)) & 1) === 1));
  let next = 0;
  for (let right = size - 1; right > 0; right -= right === 8 ? 3 : 2) {
    const upwards = ((size - 1 - right - (right < 6 ? 1 : 0)) / 2) % 2 === 0; // column 6 is a pattern, and no pair has it
    for (let i = 0; i < 2 * size; i++) {
      const [row, x] = [Math.floor(i / 2), right - (i % 2)];
      const y = upwards ? size - 1 - row : row;
      if (!taken[y][x]) dark[y][x] = bits[next++] ?? false;
    }
  }
  const masked = (/** @type {number} */ number) => {
    mask(number);
    return dark.map((row, y) => row.map((is, x) => (taken[y][x] ? is : is !== MASKS[number](y, x))));
  };
  if (chosen !== undefined) return masked(chosen);
  const tried = MASKS.map((_, number) => masked(number)).map((modules) => ({ modules, cost: penalty(modules) }));
  return tried.reduce((best, each) => (each.cost < best.cost ? each : best)).modules;
}
