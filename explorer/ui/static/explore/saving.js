/** What one may take away from Explore: files, the lines of Python that make the picture, an end of a walk elsewhere. */

import { button, dropdown, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { StatusLine } from "../kit/status.js";
import { directionName } from "../latent/directions.js";
import { sameLatent } from "../latent/latent.js";
import { captionOf } from "../latent/numbers.js";
import { exportBar } from "../page/export.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../page/export.js").Format} Format */
/** @typedef {import("../page/export.js").Wanted} Wanted */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const MOST = 256; // latents of one export
const SECONDS = 0.08; // of each frame of a walk

/**
 * What is on show, for whom saves it.
 * @typedef {object} OnShow
 * @property {RunInfo} info
 * @property {Float32Array} z
 * @property {Float32Array} start
 * @property {import("../latent/run.js").Whence} whence
 * @property {string} told Where the latent was started from, in words.
 * @property {import("./filmstrip.js").Filmstrip} strip
 * @property {import("./lattice.js").Lattice} lattice
 */

/**
 * What to export.
 * @param {Format} format
 * @param {string} what "picture", "walk" or "lattice".
 * @param {OnShow} shown
 * @returns {Wanted | string | null} A sentence says why there is nothing.
 */
export function wanted(format, what, { info, z, start, told, strip, lattice }) {
  const moving = format.moves;
  const facts = { start: told };
  const from = sameLatent(z, start) ? told : `moved from ${told}`;
  if (what === "lattice") {
    const { sheet } = lattice;
    if (!sheet || !lattice.open) return "Unfold the lattice first.";
    const count = sheet.rows.length * sheet.columns.length;
    if (moving) return "A lattice does not move; save it as PNG or as a contact sheet.";
    if (count > MOST) return `At most ${MOST} pictures are saved at once: choose a lattice of 16 a side or fewer.`;
    const [first, second] = [sheet.first, sheet.second].map((direction) => directionName(direction, info.level_sizes));
    return {
      run: info.name,
      latents: sheet.latents,
      count,
      name: "lattice",
      title: `${from} · ${first} from left to right, ${second} from the bottom up`,
      captions: sheet.rows.flatMap((row) => sheet.columns.map((column) => `${captionOf(column)}, ${captionOf(row)}`)),
      columns: sheet.columns.length,
      ...(!moving && !format.captioned ? { scale: Math.max(1, Math.floor(56 / info.image_shape[2])) } : {}),
      facts: { ...facts, across: { direction: first, offsets: sheet.columns }, up: { direction: second, offsets: sheet.rows } },
    };
  }
  if (what === "walk") {
    const walk = strip.walk(moving, z, start);
    if (!walk) return null;
    const name = directionName(walk.direction, info.level_sizes);
    return {
      run: info.name,
      latents: walk.latents,
      count: walk.count,
      name,
      title: `${from} · along ${name} (${walk.direction.note})`,
      captions: walk.values.map(captionOf),
      seconds: SECONDS,
      facts: { ...facts, direction: name, offsets: walk.values },
    };
  }
  if (moving) return "One picture does not move; choose the walk.";
  return { run: info.name, latents: z, count: 1, name: "latent", title: from, facts };
}

export class Saving {
  /** @param {() => OnShow | null} onShow */
  constructor(onShow) {
    this.onShow = onShow;
    this.what = "picture";
    this.bar = exportBar({
      label: "Save",
      what: (format) => {
        const shown = onShow();
        return shown && wanted(format, this.what, shown);
      },
    });
    this.lines = h("pre.xp-code", { tabIndex: 0, hidden: true, "aria-label": "Python that makes this picture" });
    this.status = new StatusLine();
    this.copies = new Latest();
    this.element = h(
      "details.xp-fold",
      {},
      h("summary", {}, "Save, copy as Python, or interpolate"),
      h(
        "div.xp-bar",
        {},
        dropdown(
          "What to save",
          [
            { value: "picture", text: "this picture" },
            { value: "walk", text: "the walk along the active direction" },
            { value: "lattice", text: "the lattice" },
          ],
          this.what,
          (what) => (this.what = what),
          "What the buttons beside put into a file",
        ),
        this.bar.element,
      ),
      h(
        "div.xp-bar",
        {},
        button("Copy as Python", "Copy the few lines of Python that make this very picture", () => this.copyPython()),
        button("Use as A in Interpolate", "Make this latent the start of the walk in the tab Interpolate", () => this.useAs("a")),
        button("Use as B in Interpolate", "Make this latent the end of the walk in the tab Interpolate", () => this.useAs("b")),
      ),
      this.status.element,
      this.lines,
    );
  }

  /** @param {RunInfo} info */
  setRun(info) {
    this.bar.offer(info.formats);
  }

  /** The picture is another one now: what was copied is not its program. */
  clear() {
    this.copies.stop(); // lines that are on their way are of the picture before
    this.lines.hidden = true;
    this.status.clear();
  }

  /** @param {"a" | "b"} end */
  useAs(end) {
    const shown = this.onShow();
    if (!shown) return;
    const { info, z, start, whence, told } = shown;
    const own = sameLatent(z, start) ? whence : { kind: /** @type {const} */ ("place"), text: `moved in Explore from ${told}` };
    view.useAs(end, { run: info.name, latent: z, whence: own });
    this.status.tell(`This latent is end ${end.toUpperCase()} of the walk in the tab Interpolate.`);
  }

  async copyPython() {
    const shown = this.onShow();
    if (!shown) return;
    const signal = this.copies.next();
    let lines;
    try {
      lines = (await source.ask("python", shown.info.name, { body: shown.z, signal })).python;
    } catch (error) {
      if (!signal.aborted) this.status.say(`No lines: ${/** @type {Error} */ (error).message}`);
      return;
    }
    if (signal.aborted) return;
    this.lines.textContent = lines;
    this.lines.hidden = false;
    try {
      await navigator.clipboard.writeText(lines);
      this.status.tell("Copied: run the lines where they find the model.");
    } catch {
      this.status.tell("The browser does not let this page copy; here are the lines.");
    }
  }
}
