/**
 * The page inside another one. `?embed=1` asks for it in the address of a frame, on a slide or in an article; a notebook's
 * frame has no address (`explorer/site/notebook.py`). Its header has no chooser, no Share and no Present; where one tab is
 * named, that one is shown alone until somebody goes on from there.
 */

import { tabIn } from "../latent/address.js";

/** Whether the page stands in a notebook, without an address of its own. */
const inNotebook = globalThis.location?.protocol === "about:";

/** Whether the page stands inside another one. */
export const embedded = inNotebook || new URLSearchParams(globalThis.location?.search ?? "").get("embed") === "1";

/** The tab that is shown alone; null for all. */
export const alone = embedded ? namedTab() : null;

/** The tab that the address, or who put the page into the other one, names. */
function namedTab() {
  const [query, fragment] = [location.search, location.hash].map((text) => new URLSearchParams(text.slice(1)));
  const boot = document.getElementById("explorer-boot")?.textContent;
  return tabIn(fragment.get("tab") ?? query.get("tab")) ?? (boot ? JSON.parse(boot).tab : null);
}

/** The address of the whole page as it stands now; null where there is none. */
export function wholePage() {
  if (inNotebook) return null;
  const address = new URL(location.href);
  address.searchParams.delete("embed");
  return address.href;
}
