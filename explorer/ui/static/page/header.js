/**
 * What stands above every tab, on gradio's page and on the bare one: the title, the run on show, the tab bar, Share and
 * Present, and what must be said of the run whatever tab is open. Its markup comes with the page (explorer/ui/bare.py).
 */

import { button, h, useStyle } from "../kit/dom.js";
import { alone, embedded, wholePage } from "./embed.js";
import { join } from "./host.js";
import { view } from "./view.js";

export const STYLE = new URL("./header.css", import.meta.url);

const TITLE = globalThis.document?.title ?? "";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

class Header {
  /** @param {HTMLElement} root */
  constructor(root) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`.xp-head-${name}`));
    this.root = root;
    this.tabs = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[role=tab]")]);
    this.run = part("run");
    this.present = part("present");
    this.collapse = part("collapse");
    this.trouble = h("div.xp-head-trouble");
    /** Whether one tab is shown, and no bar of tabs. */
    this.one = alone !== null;
    this.arrived = false;
    root.append(this.trouble);
    this.run.addEventListener("click", async () => (await import("./chooser.js")).openChooser(root));
    part("share").addEventListener("click", async () => (await import("./share.js")).openShare(root));
    this.present.addEventListener("click", () => this.toggle());
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => view.goTo({ tab: tab.dataset.tab }));
      document.getElementById(/** @type {string} */ (tab.getAttribute("aria-controls")))?.setAttribute("aria-labelledby", tab.id);
    }
    part("tabs").addEventListener("keydown", (event) => this.step(event));
    view.addEventListener("tab", () => this.select(view.tab));
    view.addEventListener("run", () => this.show(view.run));
    view.addEventListener("going", () => this.clear());
    this.select(view.tab);
    this.show(view.run);
    for (const each of root.querySelectorAll(":disabled")) /** @type {HTMLButtonElement} */ (each).disabled = false; // they do something now
    if (embedded) this.reduce();
  }

  /** Inside another page: what leads to the whole one, and nothing that is for a page of its own. */
  reduce() {
    for (const each of [document.body, this.root]) each.classList.add("xp-embed"); // gradio puts its own element before our rules
    /** @type {HTMLButtonElement} */ (this.run).disabled = true;
    const whole = wholePage();
    if (whole === null) return;
    const link = h("a", { href: whole, target: "_blank", rel: "noopener", title: "Open the whole page" }, TITLE);
    for (const event of ["pointerdown", "focus"]) link.addEventListener(event, () => (link.href = wholePage())); // as it stands then
    this.root.querySelector("h1")?.replaceChildren(link);
  }

  /** Say which tab is open. @param {string} name */
  select(name) {
    for (const tab of this.tabs) {
      const is = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      if (is) this.uncover(tab);
    }
    if (name === alone) this.arrived = true;
    else if (this.arrived) this.one = false; // who has gone on can go back
    this.root.classList.toggle("xp-one", this.one);
    this.entitle();
  }

  /** Scroll the bar, and nothing else, so that a tab is in sight. @param {HTMLElement} tab */
  uncover(tab) {
    const bar = /** @type {HTMLElement} */ (tab.parentElement);
    const [{ left, right }, frame] = [tab.getBoundingClientRect(), bar.getBoundingClientRect()];
    if (left < frame.left || right > frame.right) bar.scrollLeft += (left + right - frame.left - frame.right) / 2;
  }

  /** The arrows walk along the tab bar. @param {KeyboardEvent} event */
  step(event) {
    const at = this.tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    const tab = to === undefined ? undefined : this.tabs.at(to % this.tabs.length);
    if (at < 0 || !tab) return;
    event.preventDefault();
    tab.focus();
    view.goTo({ tab: tab.dataset.tab });
  }

  /** Say which run is on show, and what must be said of it. @param {string | null} run */
  async show(run) {
    if (!run || (view.wish.run && view.wish.run !== run)) return; // the page is on its way to a link's run
    if (this.run.dataset.run !== run) this.run.textContent = run; // its name, until its card says how it is called
    this.run.dataset.run = run;
    this.trouble.replaceChildren();
    const { signal } = view;
    try {
      const info = await view.info(run);
      if (!signal.aborted) this.tell(info);
    } catch (error) {
      if (signal.aborted) return;
      this.collapse.hidden = true;
      this.trouble.replaceChildren(h("p.explorer-error", { role: "alert" }, /** @type {Error} */ (error).message));
    }
  }

  /** @param {RunInfo} info */
  tell({ name, title, label, side, collapse, caution }) {
    this.run.replaceChildren(h("strong", {}, title), ` ${label}`);
    this.run.dataset.side = side;
    this.run.title = name;
    this.collapse.hidden = !collapse && !caution;
    this.collapse.classList.toggle("xp-head-told", !collapse);
    const instead = collapse?.instead;
    const said = [caution, collapse?.words].filter(Boolean).join(" ");
    this.collapse.replaceChildren(said, ...(instead ? [" ", button(instead.short, instead.name, () => view.goTo({ run: instead.name }))] : []));
    this.words = `${title}, ${label}`;
    this.entitle();
  }

  /** The window is called as what it shows, so that the browser's own list of where one was can be read. */
  entitle() {
    const tab = this.tabs.find((each) => each.tabIndex === 0)?.textContent;
    document.title = [tab, this.words, TITLE].filter(Boolean).join(" · ");
  }

  /** Somebody goes elsewhere: what was said of an address that led nowhere is over. */
  clear() {
    const said = document.getElementById("explorer-notice");
    if (said) said.hidden = true;
  }

  /** Type for a projector, or for a desk again. */
  toggle() {
    const is = document.body.classList.toggle("xp-present");
    this.present.setAttribute("aria-pressed", String(is));
  }
}

/**
 * Gradio keeps a tab bar of its own, which is hidden: whatever opens a tab, it knows.
 * @param {HTMLElement} bar
 */
function mirror(bar) {
  const look = () => {
    const open = /** @type {HTMLElement | null} */ (bar.querySelector("[aria-selected=true]"));
    if (open?.dataset.tabId) view.setTab(open.dataset.tabId);
  };
  for (const tab of bar.querySelectorAll("[role=tab]")) tab.removeAttribute("role"); // there is one bar, and it is ours
  bar.removeAttribute("role");
  new MutationObserver(look).observe(bar, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  look();
}

/** @param {import("./host.js").Host} host */
export async function mount(host) {
  const root = /** @type {HTMLElement} */ (host.element.querySelector(".xp-head"));
  join(host, true);
  new Header(root);
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("#explorer-tabs .tab-container[role=tablist]"));
  if (bar) mirror(bar);
  await useStyle(STYLE); // of what it opens
}
