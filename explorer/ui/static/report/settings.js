/** The settings and scores of one or two runs in one table. */

import { h } from "../kit/dom.js";
import { differingWords, FURTHER, mergedRows } from "./story.js";

/** @typedef {import("./story.js").Story} Story */

/** The cards of the runs in one table. */
export class Cards {
  constructor() {
    this.words = h("p.xp-hint");
    this.box = h("input", { type: "checkbox", onchange: () => this.fill() });
    this.all = h("label.xp-check", {}, this.box, "Show all settings");
    this.room = h("div.xp-scroll", { tabIndex: 0, role: "group", "aria-label": "card, scrollable" });
    this.element = h("section", {}, h("h3", {}, "Card"), this.words, this.all, this.room);
    /** @type {Story[]} */
    this.stories = [];
  }

  /** @param {Story[]} stories */
  setStories(stories) {
    this.stories = stories;
    this.words.hidden = stories.length < 2;
    if (stories.length > 1) this.words.textContent = differingWords(mergedRows(stories.map(({ card }) => card)));
    this.fill();
  }

  fill() {
    const { stories } = this;
    const body = [];
    let group = "";
    for (const row of mergedRows(stories.map(({ card }) => card))) {
      if (row.group === FURTHER && !row.differs && !this.box.checked) continue;
      if (row.group !== group) {
        group = row.group;
        body.push(h("tr.xp-group", {}, h("th", { scope: "rowgroup", colSpan: stories.length + 1 }, group)));
      }
      const cells = row.cells.map((cell) => h("td", {}, cell?.text ?? "–", cell?.detail ? h("small", {}, cell.detail) : null));
      const mark = row.differs ? h("span.xp-differs", {}, "differs") : null;
      body.push(h("tr", {}, h("th", { scope: "row" }, row.name, mark && " ", mark, h("small", {}, row.meaning)), ...cells));
    }
    const heads = stories.map(({ name }) => h("th", { scope: "col" }, name));
    this.room.replaceChildren(
      h("table.xp-table", { "aria-label": "card of the run" }, h("thead", {}, h("tr", {}, h("td"), ...heads)), h("tbody", {}, ...body)),
    );
  }
}
