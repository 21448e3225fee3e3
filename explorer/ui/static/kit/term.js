/** A word of the page that says what it means: by pointer, by tap and by keyboard. */

import { freshId, h } from "./dom.js";
import { GLOSSARY } from "./glossary.js";

const EDGE_PX = 8; // that a meaning keeps from the edge of the window

/**
 * A word with a dotted underline and its one sentence.
 * @param {import("./glossary.js").Term} name In the glossary.
 * @param {string} [text] As it stands in its sentence.
 * @returns {HTMLElement}
 * @throws {Error} The glossary does not know it.
 */
export function term(name, text = name) {
  if (!Object.hasOwn(GLOSSARY, name)) throw new Error(`'${name}' is not in the glossary; its words are ${Object.keys(GLOSSARY).join(", ")}.`);
  const id = freshId();
  const meaning = h("span.xp-meaning", { id, role: "tooltip", popover: "manual" }, GLOSSARY[name]);
  const word = h("button.xp-term", { type: "button", "aria-describedby": id }, text);
  let pressed = false;
  const show = () => {
    if (meaning.matches?.(":popover-open")) return;
    meaning.showPopover?.(); // in the top layer: no frame around the word cuts it off
    place(word, meaning);
  };
  const hide = () => {
    pressed = false;
    if (meaning.matches?.(":popover-open")) meaning.hidePopover();
  };
  word.addEventListener("pointerenter", (/** @type {PointerEvent} */ { pointerType }) => pointerType === "mouse" && show());
  word.addEventListener("pointerleave", () => !pressed && hide());
  word.addEventListener("focus", show);
  word.addEventListener("blur", hide);
  word.addEventListener("click", () => {
    if (pressed) return hide();
    pressed = true;
    show();
  });
  word.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && hide());
  return h("span", {}, word, meaning);
}

/**
 * Below the word, or above it where there is no room, and within the window.
 * @param {HTMLElement} word
 * @param {HTMLElement} meaning
 */
function place(word, meaning) {
  const at = word.getBoundingClientRect();
  const { width, height } = meaning.getBoundingClientRect();
  const above = at.bottom + height + EDGE_PX > innerHeight && at.top - height - EDGE_PX > 0;
  meaning.style.left = `${Math.max(EDGE_PX, Math.min(at.left, innerWidth - width - EDGE_PX))}px`;
  meaning.style.top = `${above ? at.top - height - 4 : at.bottom + 4}px`;
}
