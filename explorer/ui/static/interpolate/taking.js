/** A walk to take along: files of its pictures, and the same walk in Python. */

import { button, h } from "../kit/dom.js";
import { StatusLine } from "../kit/status.js";
import { PATH_BOUNDS } from "../latent/address.js";
import { shown } from "../latent/numbers.js";
import { KIND_NAMES, pathCode, sourceWords } from "../latent/walk.js";
import { exportBar, fileName } from "../page/export.js";

/** @typedef {import("../latent/run.js").Chosen} Chosen */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("./side.js").Walk} Walk */

/**
 * What is on show.
 * @typedef {object} WalkOnShow
 * @property {(Walk | null)[]} walks The run's, then its twin's; none until they are there.
 * @property {Chosen | null} a
 * @property {Chosen | null} b
 * @property {import("./side.js").WalkWay} way
 */

export class Taking {
  /** @param {() => WalkOnShow} onShow */
  constructor(onShow) {
    this.onShow = onShow;
    this.seconds = 0.1;
    this.boomerang = true;
    this.copied = new StatusLine();
    this.code = h("pre.xp-code", { tabIndex: 0, "aria-label": "Python of this walk" });
    this.bars = h("div.xp-exports.xp-column");
    this.element = h(
      "section",
      { "aria-label": "take it with you" },
      h("h3", {}, "Take it with you"),
      this.bars,
      h("details.xp-python", {}, h("summary", {}, "The same walk in Python"), this.code, h("div.xp-bar", {}, button("Copy as Python", "Copy these lines", () => this.copy())), this.copied.element),
    );
  }

  /** @param {RunInfo[]} runs The run, then its twin. */
  setRuns(runs) {
    const seconds = h("input.xp-number", {
      type: "number",
      min: 0.02,
      max: 5,
      step: 0.01,
      value: this.seconds,
      title: "Seconds that GIF and WebP show each picture, 0.02 to 5",
      onchange: () => {
        const typed = seconds.valueAsNumber;
        if (typed >= 0.02 && typed <= 5) this.seconds = typed;
        else seconds.value = String(this.seconds);
      },
    });
    const bars = runs.map(({ name, formats }, k) => {
      const bar = exportBar({ label: `export the walk of ${name}`, what: () => this.wanted(k) });
      bar.offer(formats);
      return h("div", {}, h("p.xp-caption", {}, name), bar.element);
    });
    const back = h("input", { type: "checkbox", checked: this.boomerang, onchange: () => (this.boomerang = back.checked) });
    this.bars.replaceChildren(
      h("p.xp-hint", {}, `The pictures of every step, as many as are shown above: raise Steps to ${PATH_BOUNDS.most} for a smooth film.`),
      h("div.xp-bar", {}, h("label.xp-field", {}, h("span", {}, "Seconds a picture"), seconds), h("label.xp-check", { title: "GIF and WebP also run back to A" }, back, "and back again")),
      ...bars,
    );
  }

  /** What an export of the walk holds. @param {number} side */
  wanted(side) {
    const { walks, a, b } = this.onShow();
    const walk = walks[side];
    if (!walk) return side ? "The twin has no such walk: choose test images as ends." : null;
    if (!a || !b) return null;
    const [from, to] = [sourceWords(a.whence), sourceWords(b.whence)];
    const short = (/** @type {Chosen} */ { whence }) => (whence.kind === "image" ? String(whence.index) : whence.kind);
    return {
      run: walk.run,
      latents: walk.latents,
      count: walk.positions.length,
      name: fileName(`${walk.kind}-${short(a)}-${short(b)}`),
      title: `${KIND_NAMES[walk.kind]} from ${from} to ${to}`,
      captions: walk.positions.map((t) => shown(t, 2)),
      seconds: this.seconds,
      boomerang: this.boomerang,
      facts: { kind: walk.kind, from, to, positions: walk.positions },
    };
  }

  /** Write the walk on show as Python; nothing while there is none. */
  showCode() {
    const { walks: [walk], a, b, way } = this.onShow();
    this.code.textContent = a && b && walk ? pathCode({ place: walk.place, a, b, ...way }) : "";
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent ?? "");
      const place = this.onShow().walks[0]?.place;
      this.copied.tell(`The lines are copied; run them where ${place ? `there is ${place}` : "you called launch()"}.`);
    } catch {
      this.copied.tell("The browser does not let this page copy; select the lines above.");
    }
  }
}
