/** Holes: an autoencoder and its VAE twin, in four views of their own addresses. */

import { Arrival } from "../kit/arrival.js";
import { h, setCurrent, useStyle } from "../kit/dom.js";
import { PLANE_STYLE } from "../kit/plane.js";
import { StatusLine } from "../kit/status.js";
import { isPoint } from "../latent/run.js";
import { follow } from "../page/host.js";
import { view } from "../page/view.js";
import { SliceView } from "./cut.js";
import { Ladder } from "./ladder.js";
import { HoleSheets } from "./samples.js";
import { Scores } from "./scores.js";

export const STYLE = new URL("./holes.css", import.meta.url);

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * What a view has of the page's address.
 * @typedef {object} TabAddress
 * @property {Readonly<Record<string, string>>} state What it says; who takes a value checks it.
 * @property {(changed: Record<string, string>) => void} tell Puts into it what is on show; "" for what is usual.
 */

/**
 * A view of the tab.
 * @typedef {object} SubView
 * @property {HTMLElement} element
 * @property {(pair: RunInfo[]) => void} setPair The autoencoder first, one or two runs.
 * @property {() => void} [follow] The address was changed: show what it says.
 * @property {() => void} [drop] What is on show belongs to another run.
 */

/** @typedef {{name: string, title: string, make: (address: TabAddress, status: StatusLine) => SubView}} Offered */

/** The views in their order; the first one is open by itself. @type {Offered[]} */
export const HOLE_VIEWS = [
  { name: "samples", title: "Samples", make: (address) => new HoleSheets(address) },
  { name: "slice", title: "Slice", make: (address, status) => new SliceView(address, status) },
  { name: "beta", title: "Beta", make: (address) => new Ladder(address) },
  { name: "scores", title: "Scores", make: () => new Scores() },
];

export class HolesTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.status = new StatusLine();
    const tab = this;
    /** @type {TabAddress} */
    const address = {
      get state() {
        return view.state("holes");
      },
      tell: (changed) => tab.run !== null && view.setState(tab.run, "holes", changed),
    };
    /** The run that the views show. @type {string | null} */
    this.run = null;
    this.views = HOLE_VIEWS.map(({ make }) => make(address, this.status));
    this.buttons = HOLE_VIEWS.map(({ name, title }) => h("button", { type: "button", onclick: () => this.go(name) }, title));
    this.nav = h("nav.xp-holes-nav", { "aria-label": "views of holes" }, ...this.buttons);
    this.body = h("div.xp-holes.xp-column", {}, h("h2.xp-unseen", {}, "Holes"), this.nav, ...this.views.map(({ element }) => element));
    this.arrival = new Arrival(this.body, this.status);
    this.root.replaceChildren(this.body, this.arrival.element, this.status.element);
    this.open();
    view.addEventListener("link", () => {
      if (this.run !== view.run) return;
      this.open();
      for (const each of this.views) each.follow?.();
    });
  }

  /** Somebody goes to a view. @param {string} name */
  go(name) {
    if (this.run) view.setState(this.run, "holes", { view: name === HOLE_VIEWS[0].name ? "" : name });
    this.open();
  }

  /** Show the view that the address names. */
  open() {
    const wanted = HOLE_VIEWS.findIndex(({ name }) => name === view.state("holes").view);
    const open = Math.max(0, wanted);
    this.views.forEach(({ element }, k) => (element.hidden = k !== open));
    this.buttons.forEach((each, k) => setCurrent(each, k === open));
    this.root.dataset.view = HOLE_VIEWS[open].name;
  }

  /** @param {string | null} run */
  async setRun(run) {
    const { signal } = view;
    this.run = null;
    for (const each of this.views) each.drop?.();
    this.status.clear();
    this.arrival.begin(run);
    if (!run) return;
    let pair;
    let alone = "Fitted without a twin; train.py --twin fits both.";
    try {
      const info = await view.info(run);
      const without = (/** @type {Error} */ error) => {
        alone = `Its twin ${info.twin} cannot be shown: ${error.message}`;
        return null;
      };
      const twin = info.twin ? await view.info(info.twin).catch(without) : null;
      // a model without a prior, the autoencoder, stands left
      pair = twin ? [info, twin].sort((a, b) => Number(isPoint(b)) - Number(isPoint(a))) : [info];
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      return this.status.say(/** @type {Error} */ (error).message);
    }
    if (signal.aborted) return;
    this.status.clear();
    this.arrival.end(run);
    this.status.tell(pair.length === 1 ? alone : "", { who: "alone" });
    this.run = run;
    this.open();
    for (const each of this.views) each.setPair(pair);
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await Promise.all([useStyle(STYLE), useStyle(PLANE_STYLE)]);
  const tab = new HolesTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "holes", (run) => tab.setRun(run));
}
