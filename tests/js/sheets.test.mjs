import assert from "node:assert/strict";
import test from "node:test";

import { blindWords, headline, ofHundred, perCent, sheetWords, toldWords, withInterval } from "../../explorer/ui/static/holes/samples.js";
import { barHeights, flagWord, rungWords } from "../../explorer/ui/static/holes/ladder.js";
import { dotWords, windowOf } from "../../explorer/ui/static/holes/tradeoff.js";

const drawn = {
  law: "white",
  latents: [[0], [1], [2]],
  p: [0.01, 0.05, 0.5],
  drawn: 1000,
  in_holes: 371,
  histogram: [0.371, 0.629],
  vacancy: null,
  tell_apart: { value: 0.934, low: 0.92, high: 0.95 },
  coverage: { value: 0.409, low: 0.4, high: 0.42 },
  active_units: 16,
};

test("a sheet says its share in holes, and never without tell-apart, coverage and active units", () => {
  const { share, beside } = sheetWords("a", drawn, false, 16);
  assert.match(share, /371 of 1,000 draws of a land where no image is encoded/);
  assert.match(share, /5 of 100 is usual/);
  assert.match(share, /2 of the 3 shown/);
  assert.equal(beside, "A classifier tells 93 of 100 pairs of a draw and a code apart (AUC 0.93; 0.5 is a coin). Coverage: 0.41 (0.40 to 0.42) of test images. Active units: 16 of 16.");
});

test("a repaired sheet says what was thrown away and what was left", () => {
  const { share, beside } = sheetWords("a", drawn, true, 16);
  assert.match(share, /^Thrown away: 371 of 1,000 draws/);
  assert.match(share, /Only 3 were left to show\./);
  assert.match(beside, /Coverage before the repair/);
  assert.match(sheetWords("a", { ...drawn, coverage: null }, false, 16).beside, /Coverage: not measured/);
  assert.match(sheetWords("a", { ...drawn, tell_apart: null }, false, 16).beside, /Tell-apart: not measured/);
});

test("a rung is told with all that must be read beside its vacancy", () => {
  const score = { value: 0.0441, low: 0.031, high: 0.057 };
  const rung = { name: "r", family: "vae", label: "beta 4", beta: 4, vacancy: score, tell_apart: { value: 0.61 }, coverage: { value: 0.0067 }, distortion: null, active_units: 0, latent_dim: 8, flag: "x" };
  assert.equal(rungWords(rung, "from the prior"), "beta 4, r: draws from the prior in holes 4.4 % (3.1 % to 5.7 %), tell-apart 0.61, coverage 0.01, 0 of 8 units active, distortion not measured.");
  assert.equal(flagWord(rung), "collapsed");
  assert.equal(flagWord({ ...rung, active_units: 5 }), "3 units idle");
  assert.equal(flagWord({ ...rung, active_units: 8 }), "covers little");
  assert.equal(flagWord({ ...rung, active_units: 8, coverage: { value: 0.5 } }), "at the clamp");
});

test("bars grow with the root of a share and stay inside", () => {
  assert.deepEqual(barHeights([0, 0.25, 1, 2, -1]), [0, 0.5, 1, 1, 0]);
  assert.equal(perCent(0.05), "5.0 %");
  assert.equal(withInterval({ value: 0.5 }), "0.50");
});

test("the sentence over the sheets says both shares as they are stored, and what is usual", () => {
  const ae = { ...drawn, vacancy: { value: 0.3612 } };
  const vae = { ...drawn, vacancy: { value: 0.042 }, tell_apart: null };
  const names = ["the autoencoder", "the VAE"];
  assert.equal(headline("from the prior", names, [ae, vae], false), "From the prior, 36 % of the autoencoder's draws land where no image is encoded, 4.2 % of the VAE's (images: 5 %).".replaceAll(" %", "\u00a0%"));
  assert.equal(headline("from the prior", ["a"], [{ ...drawn, vacancy: null }], false), "From the prior, 37\u00a0% of its draws land where no image is encoded (images: 5\u00a0%).");
  assert.match(headline("from the prior", names, [ae, vae], true), /37\u00a0% of the autoencoder's draws were thrown away, 37\u00a0%/);
  assert.equal(toldWords([ae, vae]), " 93\u00a0% / not measured (coin: 50\u00a0%).");
  assert.match(headline("from the prior", names, [ae, { ...vae, active_units: 0 }], false), / All draws of the VAE are one picture: no holes is no merit\.$/);
  assert.equal(toldWords([vae]), " not measured.");
  assert.deepEqual([0, 0.042, 0.05, 0.44, 1].map(ofHundred), ["0", "4.2", "5", "44", "100"]);
});

test("draws that look wrong outside every hole are explained where a classifier tells them, and nowhere else", () => {
  const few = { ...drawn, vacancy: { value: 0.037, low: 0.03, high: 0.05 }, tell_apart: { value: 0.94 } };
  assert.equal(blindWords([few, few], 64), " Draws that look wrong lie in no hole: in 64 dimensions distance sees little.");
  assert.equal(blindWords([few, { ...few, vacancy: { value: 0.3, low: 0.28, high: 0.32 } }], 64), "");
  assert.equal(blindWords([{ ...few, tell_apart: { value: 0.53 } }], 8), "");
  assert.equal(blindWords([{ ...few, vacancy: null }], 8), "");
});

test("a dot of the trade-off is called by its beta and its active units, an autoencoder by its kind", () => {
  const rung = /** @type {any} */ ({ label: "beta 0.3", beta: 0.3, active_units: 7, latent_dim: 8 });
  assert.equal(dotWords(rung), "0.3 (7/8)");
  assert.equal(dotWords({ ...rung, beta: 0, active_units: 0 }), "0 (0/8)");
  assert.equal(dotWords({ ...rung, label: "AE", beta: null, active_units: null }), "AE (?/8)", "an autoencoder has no beta");
});

test("the window of a trade-off holds every interval, also of scores that are all alike", () => {
  const box = windowOf([[0.2, 0.1, 0.3], [0.5, 0.4, 0.6]], [[1, 0.5, 2], [1, 1, 1]]);
  assert.ok(box.left < 0.1 && box.right > 0.6 && box.bottom < 0.5 && box.top > 2);
  const alike = windowOf([[0.2, 0.2, 0.2]], [[0, 0, 0]]);
  assert.ok(alike.right > alike.left && alike.top > alike.bottom);
});
