/** Step 6: what was learnt, as questions whose answers are folded, and where to go on. */

import { h } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { paint } from "../kit/pixels.js";
import { toFragment } from "../latent/address.js";
import { lawOf } from "../latent/laws.js";
import { fitButton } from "../page/fithere.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("./pieces.js").Step} Step */

const SEED = 2;

/**
 * What the story of another data set is called: by its images, and by its name where that says more.
 * @param {string} many
 * @param {string} dataset
 */
export const storyName = (many, dataset) => `${many[0].toUpperCase()}${many.slice(1)}${dataset.startsWith(many) ? "" : ` (${dataset})`}`;

/** A link with a decode. @typedef {{text: string, run: string, href: string, attribute?: string}} Onward */

/** @implements {Step} */
export class Yours {
  /** @param {import("./pieces.js").StartRoom} room */
  constructor(room) {
    this.room = room;
    const { story, models, visit } = room;
    const { smile, stories } = story.elsewhere;
    const mine = models[models.length - 1].info;
    /** @type {Onward[]} */
    this.onward = [
      { text: "Move the sliders", run: mine.name, href: toFragment({ run: mine.name, tab: "explore" }) },
      { text: "Your own picture", run: mine.name, href: toFragment({ run: mine.name, tab: "reconstruct" }) },
      ...(smile ? [{ text: "Make a face smile", run: smile, href: toFragment({ run: smile, tab: "explore" }), attribute: story.elsewhere.attribute }] : []),
      ...stories.map(({ run, dataset, many }) => ({ text: storyName(many, dataset), run, href: toFragment({ run, tab: "start" }) })),
    ];
    this.cards = this.onward.map((each) => {
      const canvas = h("canvas.xp-image", { width: 1, height: 1, "aria-hidden": "true" });
      const link = h("a.xp-st-card", { href: each.href }, canvas, h("span", {}, each.text));
      return { ...each, canvas, link };
    });
    this.element = h(
      "div.xp-st-yours",
      {},
      visit.words && h("p.xp-st-said", {}, visit.words),
      h("div.xp-st-recall", {}, ...this.recall().map(([question, ...said]) => more(question, ...said.map((words) => h("p", {}, words))))),
      h("nav.xp-st-cards", { "aria-label": "where to go on" }, ...this.cards.map(({ link }) => link)),
      h("div.xp-bar", {}, fitButton("Fit one yourself", () => /** @type {HTMLElement} */ (this.element.closest(".xp-host")))),
    );
  }

  /** Questions, each with its answer out of the stored scores. @returns {string[][]} */
  recall() {
    const { story: { laws, ladder }, models } = this.room;
    const { info } = models[models.length - 1];
    const measured = ["raw", "white"].flatMap((law) => {
      const { short } = laws[law];
      const title = short && lawOf(info, law).title;
      return short && title ? [`${title[0].toUpperCase()}${title.slice(1)}, ${short[0].toLowerCase()}${short.slice(1)}`] : [];
    });
    const asked = [
      ["What is a hole?", "A place that random draws reach and no image is encoded to. What a decoder paints there, it was never taught."],
      ["Which model has more?", ...(measured.length ? measured : ["Nothing is measured of these runs yet."])],
    ];
    asked.push(["What does beta trade?", ladder.short ?? "", ...ladder.words.slice(0, 1), ladder.short ? "" : "No runs that differ in beta alone were fitted on this data set."]);
    return asked.map((each) => each.filter(Boolean));
  }

  /** Pictures come one after the other: each may open a model. */
  async open() {
    this.paintAll();
  }

  async paintAll() {
    const { signal } = this.room;
    /** @type {Set<string>} */
    const seeds = new Set();
    for (const { run, canvas, attribute, link } of this.cards) {
      try {
        const info = await view.info(run);
        const isSecond = seeds.has(run);
        seeds.add(run);
        const z = await source.ask("draws", run, { query: { law: info.default_law, n: 1, seed: SEED + Number(isSecond) }, signal });
        paint(canvas, await source.decode(run, z, 1, { signal, priority: "batch" }));
        const place = attribute ? (info.directions.attributes ?? []).findIndex(({ name }) => name === attribute) : -1;
        if (place >= 0) link.href = toFragment({ run, tab: "explore", direction: `attributes.${place}` });
      } catch {
        if (signal.aborted) return; // a link works without its picture
      }
    }
    this.element.dataset.painted = "";
  }
}
