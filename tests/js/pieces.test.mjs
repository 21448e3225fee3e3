/** What every tab is made of: words that are explained, folds, and the two models beside each other. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { GLOSSARY } from "../../explorer/ui/static/kit/glossary.js";
import { more } from "../../explorer/ui/static/kit/more.js";
import { sideOf, sides } from "../../explorer/ui/static/kit/sides.js";
import { term } from "../../explorer/ui/static/kit/term.js";
import { FakeElement, fakeDocument } from "./fake_dom.mjs";

fakeDocument();
const STATIC = fileURLToPath(new URL("../../explorer/ui/static", import.meta.url));
const CALL = /\bterm\(\s*(?:"([^"]*)"|([^")\s]))/g;

/** Words that a module asks the glossary for; what is no literal is an empty one. @param {string} text */
const asked = (text) => [...text.matchAll(CALL)].map(([, word]) => word ?? "");

test("the glossary has at most 25 words, and says each in one sentence", () => {
  const words = Object.entries(GLOSSARY);
  assert.ok(words.length <= 25, `${words.length} words`);
  for (const [word, meaning] of words) assert.match(meaning, /^[A-Z][^.!?]*(?:\d\.\d[^.!?]*)*\.$/, word);
});

test("every word that the page explains is in the glossary", () => {
  const modules = readdirSync(STATIC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js") && !name.endsWith("term.js"));
  const unknown = modules.flatMap((name) =>
    asked(readFileSync(join(STATIC, name), "utf8"))
      .filter((word) => !Object.hasOwn(GLOSSARY, word))
      .map((word) => `${name}: '${word}'`),
  );
  assert.deepEqual(unknown, []);
});

test("the rule sees a word that is not there, and one that cannot be read in the source", () => {
  assert.deepEqual(asked('p(term("hole"), term( "sigma", "σ"), term(name), determ("x"))'), ["hole", "sigma", ""]);
});

test("a word that the glossary does not know is refused by name", () => {
  for (const odd of ["sigma", "constructor", ""]) assert.throws(() => term(/** @type {any} */ (odd)), new RegExp(`'${odd}' is not in the glossary`));
});

test("a word opens by keyboard and by tap, says what it means, and closes again", () => {
  const whole = term("hole", "holes");
  const [word, meaning] = /** @type {any[]} */ ([...whole.children]);
  assert.equal(word.textContent, "holes");
  assert.equal(meaning.textContent, GLOSSARY.hole);
  assert.equal(word.getAttribute("aria-describedby"), meaning.id);
  let open = false;
  Object.assign(globalThis, { innerWidth: 400, innerHeight: 400 });
  Object.assign(meaning, { matches: () => open, showPopover: () => void (open = true), hidePopover: () => void (open = false) });
  for (const each of [word, meaning]) each.getBoundingClientRect = () => /** @type {any} */ ({ left: 390, top: 380, bottom: 395, width: 100, height: 50 });
  const send = (kind, fields = {}) => word.dispatchEvent(Object.assign(new Event(kind), fields));
  send("focus");
  assert.ok(open);
  assert.deepEqual([meaning.style.left, meaning.style.top], ["292px", "326px"], "within the window");
  send("keydown", { key: "Escape" });
  assert.ok(!open);
  send("click");
  assert.ok(open);
  send("pointerleave");
  assert.ok(open, "what was pressed stays");
  send("click");
  assert.ok(!open);
  send("pointerenter", { pointerType: "touch" });
  assert.ok(!open, "a finger presses");
  send("pointerenter", { pointerType: "mouse" });
  assert.ok(open);
  send("blur");
  assert.ok(!open);
});

test("a fold is closed, and holds everything", () => {
  const inside = new FakeElement("p");
  const fold = more("More", /** @type {any} */ (inside));
  assert.equal(fold.tagName, "DETAILS");
  assert.ok(!fold.open);
  assert.ok(fold.contains(/** @type {any} */ (inside)));
  assert.equal(fold.querySelector("summary").textContent, "More");
});

test("the autoencoder stands left and the VAE right, and one alone stands alone", () => {
  const [left, right] = [new FakeElement("p"), new FakeElement("p")].map((each) => /** @type {any} */ (each));
  const names = (row) => [...row.children].map((side) => side.getAttribute("data-side"));
  assert.deepEqual(names(sides(left, right)), ["ae", "vae"]);
  assert.deepEqual(names(sides(null, right)), ["vae"]);
  assert.deepEqual(names(sides(left, null)), ["ae"]);
});

test("a model without a prior is an autoencoder, whatever its family", () => {
  const info = (family, stored) => /** @type {any} */ ({ family, stored });
  assert.equal(sideOf(info("sparse", {})), "ae");
  assert.equal(sideOf(info("hierarchical", { rate: "rate" })), "vae");
});
