/** A dialog over the page: Escape, its button and a press beside it close it. */

import { button, freshId, h } from "../kit/dom.js";

/**
 * @param {HTMLElement} within Whose style it takes.
 * @param {string} title
 * @param {...import("../kit/dom.js").Child} children
 * @returns {HTMLDialogElement} It is open, and is gone from the page once it is closed.
 */
export function openDialog(within, title, ...children) {
  const id = freshId();
  const close = button("Close", "Back to the page", () => dialog.close());
  const dialog = /** @type {HTMLDialogElement} */ (
    h("dialog.xp-dialog", { "aria-labelledby": id, onclose: () => dialog.remove() }, h("div.xp-dialog-body", {}, h("div.xp-dialog-head", {}, h("h2", { id }, title), close), ...children))
  );
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // its body covers all but the ground around it
  within.append(dialog);
  dialog.showModal();
  return dialog;
}
