/** A page that has no run yet: it offers to fit one, shows it growing, and opens it as soon as it is there. */

import { h, useStyle } from "../kit/dom.js";
import { fitButton } from "../page/fithere.js";
import { STYLE as FORM_STYLE } from "../page/header.js";
import { source } from "../source/source.js";
import { Growing } from "./growing.js";

export const STYLE = new URL("./report.css", import.meta.url);

const LOOK_MS = 2000;

/**
 * @param {HTMLElement} root
 * @param {(run: string) => void} arrive Called with the first run, once.
 */
async function waitForRun(root, arrive) {
  await useStyle(STYLE);
  await useStyle(FORM_STYLE);
  const growing = new Growing();
  root.replaceChildren(h("div.xp-bar", {}, fitButton("Fit one here", () => root)), growing.element);
  growing.watch(root);
  /** Runs that cannot be opened, which the page would not open on either. @type {Set<string>} */
  const damaged = new Set();
  for (;;) {
    const runs = document.visibilityState === "hidden" ? [] : await source.runs().catch(() => []);
    for (const { name, error } of runs) {
      if (error || damaged.has(name)) continue;
      const opens = await source.ask("card", name).then(() => true, () => false);
      if (opens) return arrive(name);
      damaged.add(name);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** On gradio's page, which has all its tabs and hides them meanwhile. @param {import("../page/host.js").Host} host */
export async function mount({ element, props, trigger, watch }) {
  const begin = () => props.value && document.body.classList.add("xp-begun");
  watch("value", begin);
  begin();
  if (!props.value) await waitForRun(/** @type {HTMLElement} */ (element.querySelector(".xp-host")), (run) => props.value || trigger("select", { run }));
}

const alone = /** @type {HTMLElement | null} */ (globalThis.document?.querySelector("main.xp-first .xp-host") ?? null);
if (alone) waitForRun(alone, () => location.reload()); // the server makes another page of it
