/** A line under the run picker that tells how far the preparation of pictures is. */

import { h } from "../kit/dom.js";

const ID = "explorer-preparing";

/**
 * @param {string} text What is going on; "" when it is over.
 * @param {number} share That is done, in [0, 1].
 */
export function showPreparing(text, share) {
  const there = document.getElementById(ID);
  if (!text) return there?.remove();
  if (there) {
    const [words, bar] = there.children;
    words.textContent = text;
    return void (/** @type {HTMLProgressElement} */ (bar).value = share);
  }
  const bar = h("progress", { value: share, max: 1, "aria-label": "share of the pictures that are prepared" });
  const line = h("p", { id: ID, role: "status" }, h("span", {}, text), bar);
  document.getElementById("explorer-tabs")?.before(line);
}
