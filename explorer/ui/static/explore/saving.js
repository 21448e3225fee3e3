/** What one may take away from Explore: files, the lines of Python that make the picture, an end of a walk elsewhere. */

import { button, dropdown, h } from "../kit/dom.js";
import { directionName } from "../latent/directions.js";
import { sameLatent } from "../latent/latent.js";
import { captionOf } from "../latent/numbers.js";
import { exportBar } from "../page/export.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../page/export.js").Kind} Kind */
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
 * @param {Kind} kind
 * @param {string} what "picture", "walk" or "lattice".
 * @param {OnShow} shown
 * @returns {Wanted | string | null} A sentence says why there is nothing.
 */
export function wanted(kind, what, { info, z, start, told, strip, lattice }) {
  const moving = kind === "gif" || kind === "webp";
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
      ...(kind === "png" ? { scale: Math.max(1, Math.floor(56 / info.image_shape[2])) } : {}),
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
    const bar = exportBar({
      label: "Save",
      what: (kind) => {
        const shown = onShow();
        return shown && wanted(kind, this.what, shown);
      },
    });
    this.lines = h("pre.xp-code", { tabIndex: 0, hidden: true, "aria-label": "Python that makes this picture" });
    this.status = h("p.xp-status", { role: "status" });
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
        bar.element,
      ),
      h(
        "div.xp-bar",
        {},
        button("Copy as Python", "Copy the few lines of Python that make this very picture", () => this.copyPython()),
        button("Use as A in Interpolate", "Make this latent the start of the walk in the tab Interpolate", () => this.useAs("a")),
        button("Use as B in Interpolate", "Make this latent the end of the walk in the tab Interpolate", () => this.useAs("b")),
      ),
      this.status,
      this.lines,
    );
  }

  /** The picture is another one now: what was copied is not its program. */
  clear() {
    this.copies++; // lines that are on their way are of the picture before
    this.lines.hidden = true;
    this.status.textContent = "";
  }

  /**
   * @param {string} words
   * @param {boolean} [good]
   */
  say(words, good = false) {
    this.status.textContent = words;
    this.status.classList.toggle("xp-neutral", good);
  }

  /** @param {"a" | "b"} end */
  useAs(end) {
    const shown = this.onShow();
    if (!shown) return;
    const { info, z, start, whence, told } = shown;
    const own = sameLatent(z, start) ? whence : { kind: /** @type {const} */ ("place"), text: `moved in Explore from ${told}` };
    view.useAs(end, { run: info.name, latent: z, whence: own });
    this.say(`This latent is end ${end.toUpperCase()} of the walk in the tab Interpolate.`, true);
  }

  async copyPython() {
    const shown = this.onShow();
    if (!shown) return;
    const mine = ++this.copies;
    let lines;
    try {
      lines = (await source.ask("python", shown.info.name, { body: shown.z })).python;
    } catch (error) {
      if (mine === this.copies) this.say(`No lines: ${/** @type {Error} */ (error).message}`);
      return;
    }
    if (mine !== this.copies) return;
    this.lines.textContent = lines;
    this.lines.hidden = false;
    try {
      await navigator.clipboard.writeText(lines);
      this.say("Copied: run the lines where they find the model.", true);
    } catch {
      this.say("The browser does not let this page copy; here are the lines.", true);
    }
  }

  copies = 0;
}
