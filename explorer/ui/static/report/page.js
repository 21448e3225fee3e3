/** A button for the person at the machine: the run on show as a page of one file, which needs no server. */

import { button, h } from "../kit/dom.js";
import { StatusLine } from "../kit/status.js";
import { embedded } from "../page/embed.js";
import { keep } from "../page/export.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

export class PageButton {
  constructor() {
    this.status = new StatusLine();
    this.button = button("Save page", "Save this model, with its twin and its ladder, as one file that needs no server", () => this.save());
    this.button.hidden = true;
    this.element = h("span.xp-bar", {}, this.button, this.status.element);
  }

  /** Offer it where this page's server does: never to visitors, and not within a page of others. @param {string} run */
  async setRun(run) {
    const info = await view.info(run).catch(() => null);
    if (run !== view.run) return;
    this.page = info?.page ?? null;
    this.button.hidden = embedded || this.page === null;
    this.status.say("");
  }

  async save() {
    const { page } = this;
    if (!page) return;
    this.button.disabled = true;
    this.status.tell("Writing the page; this takes seconds, or a minute for faces.");
    try {
      const { name, blob } = await source.file(page);
      keep(blob, name ?? "page.html");
      this.status.tell(`Saved as ${name}: ${(blob.size / 1e6).toFixed(1)} MB.`);
    } catch (error) {
      this.status.say(`No page: ${/** @type {Error} */ (error).message}`);
    } finally {
      this.button.disabled = false;
    }
  }
}
