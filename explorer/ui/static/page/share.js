/** Share: the address of everything that is on show, to copy, and as a code that a phone reads. */

import { button, h } from "../kit/dom.js";
import { openDialog } from "./dialog.js";
import { qrCode } from "./qr.js";

const LEAST_PX = 300; // side of a code: a phone reads it from the back of a room when it is presented
const QUIET = 4; // modules of white around a code, as its norm asks for
const ALONE = /^(?:localhost|127\.|\[::1\]|$)/;

/** @param {HTMLElement} within */
export function openShare(within) {
  const link = location.href;
  const field = h("input.xp-share-link", { type: "text", value: link, readOnly: true, "aria-label": "Link", onfocus: () => field.select() });
  const said = h("p.xp-status.xp-neutral", { role: "status" });
  const copy = button("Copy", "Copy the link", async () => {
    said.textContent = (await copied(field)) ? "Copied." : "The browser lets nobody copy here: the link is selected, press Ctrl+C.";
  });
  const note = ALONE.test(location.hostname) ? "This address works on this machine only; start the explorer with --share or --host for one that works elsewhere." : "";
  openDialog(
    within,
    "Share what you see",
    h("p", {}, "The link opens this model, this tab and all that is set on it."),
    h("div.xp-bar", {}, field, copy),
    said,
    codeOf(link),
    h("p.xp-caption", {}, note),
  );
  copy.focus();
}

/**
 * The code of a link, or a sentence where the link is too long for one.
 * @param {string} link
 */
function codeOf(link) {
  const code = qrCode(link);
  if (!code) return h("p.xp-caption", {}, "This link is too long for a QR code; copy it.");
  const side = code.length + 2 * QUIET;
  const unit = Math.max(4, Math.ceil(LEAST_PX / side)); // pixels of a module
  const canvas = h("canvas.xp-share-code", { width: side * unit, height: side * unit, role: "img", "aria-label": "QR code of the link" });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "black";
  code.forEach((row, y) => row.forEach((dark, x) => dark && pen.fillRect((x + QUIET) * unit, (y + QUIET) * unit, unit, unit)));
  return canvas;
}

/**
 * Whether a link was copied; pages without a certificate have no clipboard, and an older way is tried.
 * @param {HTMLInputElement} field
 */
async function copied(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
