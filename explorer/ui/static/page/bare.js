/**
 * The page without gradio (explorer/ui/bare.py): a picker of runs, a tab bar, and live parts in hosts of our own, which
 * give a part the same four members as gradio's `gr.HTML`. It starts by itself where its markup is.
 */

import { h } from "../kit/dom.js";
import { tabIn } from "../latent/address.js";
import { view } from "./view.js";

/**
 * What the markup brings along.
 * @typedef {object} Boot
 * @property {{name: string, text: string}[]} runs
 * @property {string} run The one to begin with.
 * @property {string} lost What is said of a part that does not load.
 */

/** One live part and its host. */
class HostedPart {
  /**
   * @param {HTMLElement} element With a `.xp-host` in it, which the part's module fills.
   * @param {(wish: {run?: string, tab?: string}) => void} wished
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
      const { mount } = await import(new URL(`../${this.element.dataset.module}.js`, import.meta.url).href);
      await mount(this);
    } catch (error) {
      /** @type {HTMLElement} */ (this.element.querySelector(".xp-host")).textContent = lost;
      throw error;
    }
  }
}

/** What an address asks for: its fragment follows the page, and counts more than its query. */
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
    this.notice = /** @type {HTMLElement} */ (document.getElementById("explorer-notice"));
    this.picker = /** @type {HTMLSelectElement} */ (document.getElementById("run"));
    this.picker.append(...boot.runs.map(({ name, text }) => h("option", { value: name }, text)));
    this.picker.addEventListener("change", () => this.go({ run: this.picker.value }));
    this.bar = /** @type {HTMLElement} */ (document.querySelector("#explorer-tabs > [role=tablist]"));
    this.tabs = /** @type {HTMLElement[]} */ ([...this.bar.children]);
    this.bar.addEventListener("click", ({ target }) => this.go({ tab: /** @type {HTMLElement} */ (target).dataset.tab }));
    this.bar.addEventListener("keydown", (event) => this.step(event));
    const parts = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-module]"));
    this.parts = Array.from(parts, (element) => new HostedPart(element, (wish) => this.go(wish)));
  }

  /** Open what the address names, or the first run and tab. */
  start() {
    const { run, tab } = asked();
    const known = run === null || this.knows(run);
    this.show(run !== null && known ? run : this.boot.run);
    this.open(tab !== null && this.tabOf(tab) ? tab : /** @type {string} */ (this.tabs[0].dataset.tab));
    if (!known) this.say(`There is no run named '${run.slice(0, 100)}'. This is ${this.boot.run}.`);
  }

  /** @param {string} run */
  knows(run) {
    return this.boot.runs.some(({ name }) => name === run);
  }

  /** @param {string} tab */
  tabOf(tab) {
    return this.tabs.find((each) => each.dataset.tab === tab);
  }

  /**
   * What a live part or a hand wishes for; whatever makes no sense changes nothing.
   * @param {{run?: string, tab?: string}} wish
   */
  go({ run, tab }) {
    if (run !== undefined && run !== this.run && this.knows(run)) {
      this.say("");
      this.show(run);
    }
    if (tab !== undefined && this.tabOf(tab)) this.open(tab);
  }

  /** @param {string} run */
  show(run) {
    this.run = this.picker.value = run;
    for (const part of this.parts) part.show(run);
    view.info(run).catch((error) => run === this.run && this.say(/** @type {Error} */ (error).message));
  }

  /** @param {string} tab */
  open(tab) {
    for (const each of this.tabs) {
      const is = each.dataset.tab === tab;
      const panel = /** @type {HTMLElement} */ (document.getElementById(/** @type {string} */ (each.getAttribute("aria-controls"))));
      each.setAttribute("aria-selected", String(is));
      each.tabIndex = is ? 0 : -1;
      panel.hidden = !is;
      if (is) view.setTab(tab);
      if (is) for (const part of this.parts) if (panel.contains(part.element)) part.load(this.boot.lost);
    }
  }

  /** The arrows walk along the tab bar. @param {KeyboardEvent} event */
  step(event) {
    const at = this.tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    const tab = to === undefined ? undefined : this.tabs.at(to % this.tabs.length);
    if (at < 0 || !tab) return;
    event.preventDefault();
    tab.focus();
    this.go({ tab: tab.dataset.tab });
  }

  /** @param {string} sentence "" to take back what was said. */
  say(sentence) {
    this.notice.replaceChildren(...(sentence ? [h("p.explorer-error", { role: "alert" }, sentence)] : []));
  }
}

/** Light or dark as the address or the system wishes. */
function followTheme() {
  const wished = new URLSearchParams(location.search).get("__theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const put = () => document.body.classList.toggle("dark", wished ? wished === "dark" : dark.matches);
  dark.addEventListener("change", put);
  put();
}

const boot = globalThis.document?.getElementById("explorer-boot");
if (boot) {
  followTheme();
  new BarePage(JSON.parse(/** @type {string} */ (boot.textContent))).start();
}
