/** QR codes: the same modules as another program's (python-qrcode 8), in small and large versions. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { qrCode } from "../../explorer/ui/static/page/qr.js";

const rowsOf = (modules) => modules.map((row) => row.map(Number).join(""));

/** Version, text, and by mask the beginning of the SHA-256 of its rows. @type {[number, string, Record<number, string>][]} */
const KNOWN = [
  [1, "a", { 0: "bf35b1e154e92eb4", 3: "56bb324cb2e86a13", 5: "b4ac331dc3cb6fe5", 6: "f3ee94ce28143376" }],
  [4, "http://127.0.0.1:7860/#v=1&run=mnist-vae-16&tab=map&map.colour=label", { 0: "b5392356d8b4bf7c", 3: "1fee15fb38af9b42", 5: "12fbd97af7c3ccfe", 6: "ba2521a51d8a3cc1" }],
  [1, "grüße ✓", { 0: "f7b874b4bf0bc0db", 3: "47347aa0e1a6f0c1", 5: "49fe089c41988ecb", 6: "ed4ecfa930e46b65" }],
  [17, "x0.12345,".repeat(66), { 0: "d4def9525e1302f3", 3: "8c637fc7a4b7ab1d", 5: "94ff71fb7b12189c", 6: "aa102015bace49ec" }],
  [7, "y".repeat(150), { 0: "99df1327c0e3e61b", 3: "d3b314b427af44df", 5: "b0e720c082a41445", 6: "d68a17b2f724ff04" }],
  [40, "z".repeat(2953), { 0: "df6827190392eb67", 3: "65f68d60beeabca1", 5: "98456ba3c57e6f84", 6: "ab6e072ffdcad15c" }],
  [9, "w".repeat(230), { 0: "a26d7657e2ac0606", 3: "ea3c9367914f5b10", 5: "4eda601ac94904c1", 6: "2b92d760bf112adc" }],
  [10, "w".repeat(231), { 0: "18a12baf6e78003b", 3: "97ff790b90530dc4", 5: "b52e22b45c80146a", 6: "a3d7bf48fd16618c" }],
  [32, "q".repeat(1900), { 0: "95a0d4e94852e348", 3: "2e98f762ac36acd4", 5: "2a7dcf8429d91e22", 6: "a459e44355afbfb3" }],
];

/** "a" under mask 2. */
const SMALLEST = `
111111100011101111111
100000101110101000001
101110100011101011101
101110101100101011101
101110100100101011101
100000101001001000001
111111101010101111111
000000000100000000000
111110111001010101010
111010000011111001000
001100110000101100000
000100010111111001010
111101111110100100100
000000001100100100101
111111101111010011110
100000100110000110110
101110101101010011100
101110101011111001000
101110101010101100000
100000101101111001000
111111101010100100110
`;

test("the smallest code is drawn module by module as another program draws it", () => {
  assert.deepEqual(rowsOf(qrCode("a", 2)), SMALLEST.trim().split("\n"));
});

for (const [version, text, masks] of KNOWN) {
  test(`a text of ${text.length} letters is the known code of version ${version}`, () => {
    for (const [mask, expected] of Object.entries(masks)) {
      const modules = qrCode(text, Number(mask));
      assert.equal(modules.length, 4 * version + 17);
      assert.equal(createHash("sha256").update(rowsOf(modules).join("\n")).digest("hex").slice(0, 16), expected, `mask ${mask}`);
    }
  });
}

test("by itself a code takes one of the eight masks, and not the worst", () => {
  const [, text] = KNOWN[1];
  const chosen = rowsOf(qrCode(text)).join();
  assert.ok(Array.from({ length: 8 }, (_, mask) => rowsOf(qrCode(text, mask)).join()).includes(chosen));
});

test("what no code holds is refused", () => {
  assert.equal(qrCode("z".repeat(2954)), null);
  assert.equal(qrCode("é".repeat(1477)), null, "bytes count, not letters");
  assert.equal(qrCode("é".repeat(1476)).length, 177);
  assert.equal(qrCode("").length, 21);
});
