/** Start: the story of autoencoders, holes and beta in six steps, each a link of its own. */

import { Arrival } from "../kit/arrival.js";
import { h, setCurrent, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { StatusLine } from "../kit/status.js";
import { follow } from "../page/host.js";
import { view } from "../page/view.js";
import { Rounds } from "./draws.js";
import { Remember } from "./remember.js";
import { storyOf } from "./story.js";
import { Visit } from "./visit.js";

/** @typedef {import("./pieces.js").StartRoom} StartRoom */
/** @typedef {new (room: StartRoom) => import("./pieces.js").Step} StepClass */

export const STYLE = new URL("./start.css", import.meta.url);

/** The steps in order. All but the first are loaded when they are first wanted. @type {{name: string, title: string, load: () => Promise<StepClass>}[]} */
export const STORY_STEPS = [
  { name: "Remember", title: "An autoencoder remembers", load: async () => Remember },
  { name: "Draw from nothing", title: "Can it also dream?", load: async () => (await import("./dream.js")).Nothing },
  { name: "A fairer draw", title: "“Autoencoders cannot generate”?", load: async () => (await import("./dream.js")).Bell },
  { name: "Why", title: "Why?", load: async () => withPlane(await import("./why.js")).then(({ Why }) => Why) },
  { name: "Beta", title: "What beta trades", load: async () => withPlane(await import("./beta.js")).then(({ Beta }) => Beta) },
  { name: "Your turn", title: "Your turn", load: async () => (await import("./yours.js")).Yours },
];

/**
 * A module of a step that draws a plane, with the plane's style.
 * @template {{PLANE_STYLE: URL}} T
 * @param {T} module
 * @returns {Promise<T>}
 */
async function withPlane(module) {
  await useStyle(module.PLANE_STYLE);
  return module;
}

/**
 * The step that an address names, from 1.
 * @param {Readonly<Record<string, string>>} state
 */
export function stepIn({ step }) {
  const number = Number(step ?? 1);
  return Number.isInteger(number) && number >= 1 && number <= STORY_STEPS.length ? number : 1;
}

/** The page's one visit. */
const visit = new Visit();

export class StartTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.steps = new Latest();
    /** @type {{run: string, story: import("./story.js").StoryTold, models: import("./story.js").Model[], rounds: Rounds} | null} */
    this.told = null;
    this.step = 1;
    this.status = new StatusLine();
    this.title = h("h2", { tabIndex: -1 });
    this.note = h("p.xp-st-note", { hidden: true });
    this.place = h("div.xp-st-step");
    this.buttons = STORY_STEPS.map(({ name }, k) => h("button.xp-st-number", { type: "button", title: name, "aria-label": `step ${k + 1}: ${name}`, onclick: () => this.go(k + 1) }));
    this.back = h("button.xp-button", { type: "button", onclick: () => this.go(this.step - 1) }, "Back");
    this.next = h("button.xp-button.xp-st-next", { type: "button", onclick: () => this.go(this.step + 1) });
    for (const each of [this.next, ...this.buttons]) each.addEventListener("pointerenter", () => STORY_STEPS[each === this.next ? this.step : this.buttons.indexOf(each)]?.load().catch(() => {}));
    this.nav = h("nav.xp-st-nav", { "aria-label": "steps of the story" }, this.back, h("div.xp-st-numbers", {}, ...this.buttons), this.next);
    this.body = h("div.xp-st", {}, h("div.xp-st-head", {}, this.title, this.nav), this.note, this.place);
    this.arrival = new Arrival(this.body, this.status);
    root.replaceChildren(this.body, this.arrival.element, this.status.element);
    view.addEventListener("link", () => this.told && this.show(stepIn(view.state("start")), false));
  }

  /** @param {string | null} run */
  async setRun(run) {
    const { signal } = view;
    this.steps.stop();
    this.status.clear();
    this.arrival.begin(run);
    this.root.removeAttribute("data-ready");
    if (!run) return;
    try {
      const { story, models } = await storyOf(run);
      if (signal.aborted) return;
      this.told = { run, story, models, rounds: new Rounds(models.map(({ info }) => info), signal) };
    } catch (error) {
      if (signal.aborted) return;
      this.told = null;
      this.arrival.fail();
      return this.status.say(/** @type {Error} */ (error).message);
    }
    this.arrival.end(run);
    this.note.textContent = this.told.story.note ?? "";
    this.note.hidden = !this.note.textContent;
    await this.show(stepIn(view.state("start")), false);
  }

  /** Somebody goes to a step. @param {number} step */
  go(step) {
    if (step < 1 || step > STORY_STEPS.length || !this.told) return;
    view.setState(this.told.run, "start", { step: step === 1 ? "" : String(step), law: "", image: "" });
    this.show(step, true);
  }

  /**
   * @param {number} step
   * @param {boolean} focus Whether the title takes the focus, so that a screen reader goes on there.
   */
  async show(step, focus) {
    const { told } = this;
    if (!told) return;
    const { run, story, models, rounds } = told;
    const signal = this.steps.next(view.signal);
    this.step = step;
    this.root.removeAttribute("data-ready");
    this.title.textContent = STORY_STEPS[step - 1].title;
    this.buttons.forEach((each, k) => setCurrent(each, k + 1 === step));
    this.back.disabled = step === 1;
    this.next.hidden = step === STORY_STEPS.length;
    this.next.replaceChildren("Next", h("span", {}, step < STORY_STEPS.length ? `: ${STORY_STEPS[step].name}` : ""));
    if (focus) this.title.focus({ preventScroll: true });
    try {
      const Kind = await STORY_STEPS[step - 1].load();
      if (signal.aborted) return;
      const tell = (/** @type {Record<string, string>} */ changed) => signal.aborted || view.setState(run, "start", changed);
      const shown = new Kind({ story, models, rounds, visit, signal, status: this.status, tell, get state() { return view.state("start"); } });
      this.place.replaceChildren(shown.element);
      await shown.open();
    } catch (error) {
      if (!signal.aborted) this.status.say(`Step ${step} is not complete: ${/** @type {Error} */ (error).message}`);
    }
    if (!signal.aborted) this.root.dataset.ready = `${run} ${step}`;
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  const tab = new StartTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "start", (run) => tab.setRun(run));
}
