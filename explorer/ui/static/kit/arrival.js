/** What stands in a part of the page while its run is on its way. */

import { h } from "./dom.js";

/** Grey blocks where something is to come; their look is in frame.css, which is there before any part. */
export const skeleton = () => h("div.xp-skeleton", { "aria-hidden": "true" }, h("span"), h("span"), h("span"));

/**
 * Holds up a part until its run is there: nothing of the run before can be pressed, and where nothing was before, a
 * skeleton stands in its place.
 */
export class Arrival {
  /**
   * @param {HTMLElement} body What shows the run.
   * @param {import("./status.js").StatusLine} status Says that it loads; outside the body.
   */
  constructor(body, status) {
    this.body = body;
    this.status = status;
    this.element = skeleton();
    /** The run that the body shows. @type {string | null} */
    this.shown = null;
    this.begin(null);
  }

  /** A run was chosen; the same anew, as when its pictures are there, holds up nothing. @param {string | null} run */
  begin(run) {
    if (!run) this.shown = null;
    this.body.hidden = this.shown === null;
    this.element.hidden = !run || this.shown !== null;
    this.body.inert = run !== this.shown;
    this.status.tell(this.body.inert ? "Loading…" : "", { who: this });
  }

  /** It is there. @param {string} run */
  end(run) {
    this.shown = run;
    this.begin(run);
  }

  /** It is not to be had: rather nothing than another run's pictures. */
  fail() {
    this.begin(null);
  }
}
