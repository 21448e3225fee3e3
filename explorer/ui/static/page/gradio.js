/**
 * Gradio on a page that stands already (explorer/ui/early.py). It takes a second to put its page together, several on a
 * slow line, so it starts once nobody has moved for a while, or with the tab that has something of it. It is told of the
 * run on show, and shows what only it has, in the place of that tab where it stood on a page of its own. Nothing that
 * somebody holds is moved.
 */

import { atRest, isSparing } from "./rest.js";
import { view } from "./view.js";

const TAB = "reconstruct"; // see build of explorer/ui/reconstruct.py
const OWN = ["explorer-run", "explorer-download"]; // the picker, which is hidden, and the offer to download a data set

/** @typedef {{id: number, children?: Branch[]}} Branch What stands in it. */

/**
 * What gradio knows of its page.
 * @typedef {object} Config
 * @property {Record<string, {layout: Branch, components: number[]}>} page By path; there is one.
 * @property {{id: number, props: Record<string, any>}[]} components
 * @property {{inputs: number[], outputs: number[]}[]} dependencies What it does when something happens.
 */

/**
 * Gradio's page without what stands on this one: the picker, what only gradio has, and an empty live part, by which it is
 * told of the run on show.
 * @template {Config} C
 * @param {C} config It is changed.
 * @param {string | null} run The one on show.
 * @param {string} joined What the live part runs when it is there; `props`, `trigger` and `watch` are its host's.
 */
export function reduce(config, run, joined) {
  const messenger = config.components.find(({ props }) => props.elem_classes?.includes("xp-part"));
  const picker = config.components.find(({ props }) => props.elem_id === OWN[0]);
  if (!messenger || !picker) throw new Error("gradio's page has no live part or no picker.");
  Object.assign(messenger.props, { html_template: "", js_on_load: joined, value: run });
  picker.props.value = run;
  const own = new Set(config.components.filter((each) => each === messenger || OWN.includes(each.props.elem_id)).map(({ id }) => id));
  /** @type {(branch: Branch) => Branch[]} */
  const kept = (branch) => (own.has(branch.id) ? [branch] : (branch.children ?? []).flatMap(kept));
  /** @type {(branch: Branch) => number[]} */
  const ids = ({ id, children = [] }) => [id, ...children.flatMap(ids)];
  const [page] = Object.values(config.page);
  page.layout.children = kept(page.layout);
  page.components = ids(page.layout); // gradio waits until all of them are there
  const has = (/** @type {number} */ id) => page.components.includes(id);
  config.dependencies = config.dependencies.filter(({ inputs, outputs }) => inputs.every(has) && (!outputs.length || outputs.some(has)));
}

/** Tell gradio of the run on show, and again where it answers quick words with one that is not the last. @param {import("./host.js").Host} host */
function join({ props, trigger, watch }) {
  const tell = () => view.run !== null && props.value !== view.run && trigger("select", { run: view.run });
  view.addEventListener("run", tell);
  watch("value", tell);
  tell();
}

/** Have gradio come when it is time. @param {HTMLElement} app Its element. */
export function bring(app) {
  const { gradio_config: config, explorerGradio } = /** @type {any} */ (globalThis);
  let begun = false;
  const begin = async () => {
    if (begun) return;
    begun = true;
    reduce(config, view.run, "explorerGradio.join({ props, trigger, watch })");
    app.removeAttribute("control_page_title"); // the window is called as what it shows
    document.querySelector(`#explorer-${TAB} > .xp-part`)?.before(app);
    explorerGradio.join = join;
    explorerGradio();
  };
  const look = () => void (view.tab === TAB && begin());
  view.addEventListener("tab", look);
  look();
  if (!isSparing()) atRest([begin]);
}
