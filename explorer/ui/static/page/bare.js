/**
 * The page without gradio (explorer/ui/bare.py): it shows one tab at a time and gives each live part a host with the same
 * four members as gradio's `gr.HTML`. It starts by itself where its markup is.
 */

import { h } from "../kit/dom.js";
import { tabIn } from "../latent/address.js";
import "./embed.js"; // reads the address before anything is written there
import { mount as mountHeader } from "./header.js";
import { view } from "./view.js";

/** @typedef {{run?: string, tab?: string}} Wish */

/**
 * What the markup brings along.
 * @typedef {object} Boot
 * @property {string[]} runs
 * @property {string} run The one to begin with.
 * @property {string | null} tab The one to begin with where the address names none; null for the first.
 * @property {string} lost What is said of a part that does not load.
 */

/**
 * Fill a host with its live part. The header comes with the page, a tab when it is opened.
 * @param {string} module Its path without the ending.
 * @param {import("./host.js").Host} host
 * @returns {Promise<void>}
 */
async function mountPart(module, host) {
  if (module === "page/header") return mountHeader(host);
  return (await import(new URL(`../${module}.js`, import.meta.url).href)).mount(host);
}

/** One live part and its host. */
class HostedPart {
  /**
   * @param {HTMLElement} element With a `.xp-host` in it, which the part's module fills.
   * @param {(wish: Wish) => void} wished
   */
  constructor(element, wished) {
    this.element = element;
    this.props = { value: /** @type {string | null} */ (null) };
    /** @type {(() => void)[]} */
    this.heard = [];
    this.trigger = (/** @type {string} */ event, data = {}) => {
      if (event === "select") wished(data);
    };
    this.watch = (/** @type {string} */ prop, /** @type {() => void} */ changed) => {
      if (prop === "value") this.heard.push(changed);
    };
    this.asked = false;
  }

  /** @param {string} run */
  show(run) {
    if (run === this.props.value) return;
    this.props.value = run;
    for (const changed of this.heard) changed();
  }

  /** Fill it, once. @param {string} lost */
  async load(lost) {
    if (this.asked) return;
    this.asked = true;
    try {
      await mountPart(this.element.dataset.module ?? "", this);
    } catch (error) {
      /** @type {HTMLElement} */ (this.element.querySelector(".xp-host")).textContent = lost;
      throw error;
    }
  }
}

/** What the page's address names; what follows its '#' follows the page, so it counts more than the query. */
function asked() {
  const [query, fragment] = [location.search, location.hash].map((text) => new URLSearchParams(text.slice(1)));
  return { run: fragment.get("run") ?? query.get("run"), tab: tabIn(fragment.get("tab") ?? query.get("tab")) };
}

/** The page. */
class BarePage {
  /** @param {Boot} boot */
  constructor(boot) {
    this.boot = boot;
    this.run = boot.run;
    this.panels = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#explorer-tabs > [role=tabpanel]")]);
    const parts = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-module]"));
    this.parts = Array.from(parts, (element) => new HostedPart(element, (wish) => this.go(wish)));
  }

  /** Open what the address names, or the first run and tab. */
  start() {
    const { run, tab } = asked();
    const known = run === null || this.boot.runs.includes(run);
    this.show(run !== null && known ? run : this.boot.run);
    for (const part of this.parts) if (!part.element.closest("[role=tabpanel]")) part.load(this.boot.lost);
    if (!this.open(tab ?? this.boot.tab)) this.open(this.panels[0].id.replace("explorer-", ""));
    if (!known) this.say(`There is no run named '${run.slice(0, 100)}'. This is ${this.boot.run}.`);
  }

  /**
   * What a live part wishes for; a tab that is not there changes nothing, and of a run its parts say what is wrong.
   * @param {Wish} wish
   */
  go({ run, tab }) {
    if (run !== undefined) this.show(run);
    if (tab !== undefined) this.open(tab);
  }

  /** @param {string} run */
  show(run) {
    this.run = run;
    for (const part of this.parts) part.show(run);
  }

  /** @param {string | null} tab @returns {boolean} Whether it is there. */
  open(tab) {
    const open = this.panels.find(({ id }) => id === `explorer-${tab}`);
    if (!open) return false;
    for (const panel of this.panels) panel.hidden = panel !== open;
    view.setTab(open.id.replace("explorer-", ""));
    for (const part of this.parts) if (open.contains(part.element)) part.load(this.boot.lost);
    return true;
  }

  /** @param {string} sentence */
  say(sentence) {
    document.getElementById("explorer-notice")?.replaceChildren(h("p.explorer-error", { role: "alert" }, sentence));
  }
}

/** Light or dark as the address or the system wishes. */
function followTheme() {
  const wished = new URLSearchParams(location.search).get("__theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const put = () => document.body.classList.toggle("dark", wished === "dark" || (wished !== "light" && dark.matches));
  dark.addEventListener("change", put);
  put();
}

const boot = globalThis.document?.getElementById("explorer-boot");
if (boot) {
  followTheme();
  new BarePage(JSON.parse(/** @type {string} */ (boot.textContent))).start();
  const app = /** @type {HTMLElement | null} */ (document.querySelector("gradio-app"));
  if (app) import("./gradio.js").then(({ bring }) => bring(app));
}
