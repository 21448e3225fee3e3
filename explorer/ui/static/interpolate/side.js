/** One model's side of a walk: its picture, how empty the place is and the way to it, and behind More what that rests on. */

import { button, h } from "../kit/dom.js";
import { dim } from "../kit/pixels.js";
import { sideOf } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { ALPHA, IGNORED, verdict } from "../latent/vacancy.js";
import { amongAt, between, KIND_NAMES, pathWords, placeWords } from "../latent/walk.js";
import { Figure } from "../page/figure.js";
import { LivePicture } from "../page/picture.js";
import { TrustLine } from "../page/trust.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Curve } from "./curve.js";

/** @typedef {import("../latent/walk.js").PathKind} PathKind */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * What a walk is asked for with.
 * @typedef {object} WalkWay
 * @property {PathKind} kind
 * @property {number} steps
 * @property {number} overshoot Share of the way that it goes beyond either end.
 */

/**
 * A walk and its pictures.
 * @typedef {object} Walk
 * @property {string} run
 * @property {PathKind} kind
 * @property {string} note Why it is of another kind than was asked for, or "".
 * @property {number[]} positions
 * @property {Float32Array} latents (steps * d)
 * @property {number[]} norm
 * @property {number[]} vacancy
 * @property {number[]} round_trip
 * @property {string | null} place The run's folder for lines of Python; null of a model in memory.
 * @property {import("../kit/pixels.js").Decoded} decoded
 */

const WIDE = 420;
const FRAME_PX = 22; // of the frame around the picture, both sides

/** The sign of a hole, or "". @param {number} p Vacancy. */
export const markOf = (p) => (p <= ALPHA ? "▨" : "");

/**
 * Two latents as one body.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export const bothOf = (a, b) => Float32Array.from([...Array.from(a), ...Array.from(b)]);

/**
 * A walk as the server computes it, with its pictures.
 * @param {string} run
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {WalkWay} way
 * @param {string} means Which ends are posterior means.
 * @returns {Promise<Walk>}
 */
export async function fetchWalk(run, a, b, { kind, steps, overshoot }, means) {
  const found = await source.ask("walk", run, { query: { kind, steps, overshoot, means }, body: bothOf(a, b) });
  const latents = Float32Array.from(found.latents.flat());
  return { ...found, run, latents, decoded: await source.decode(run, latents, steps) };
}

export class Side {
  /** @param {(t: number) => void} jump Called with a position that was clicked on. */
  constructor(jump) {
    /** @type {RunInfo | null} */
    this.info = null;
    this.a = this.b = new Float32Array();
    /** @type {WalkWay} */
    this.way = { kind: "linear", steps: 2, overshoot: 0 };
    this.means = "";
    this.t = 0.5;
    this.unfolded = false;
    this.charted = false; // whether the large curves of this walk were asked for
    this.status = new StatusLine();
    this.picture = new LivePicture(this.status);
    this.numbers = h("p.xp-hint");
    this.trust = new TrustLine(this.numbers);
    this.curve = new Curve(jump, () => {
      this.stand(this.t);
      this.settle();
    });
    this.name = h("h2.xp-side-name");
    this.reason = h("p.xp-hint", { hidden: true });
    this.frame = h("div.xp-frame", {}, this.picture.canvas);
    this.stage = h("div.xp-half.xp-walk-stage", {}, this.name, this.frame, this.trust.element, this.curve.element, this.reason, this.status.element);
    this.picture.fitInto(this.stage, (room) => Math.min(WIDE, room - FRAME_PX));
    this.words = h("div.xp-half", {}, this.numbers, h("div", {}, button("Open in Explore", "Take the latent at this position to the sliders", () => this.open())));
    this.cursor = h("div.xp-now", { hidden: true });
    this.chartName = h("p.xp-caption");
    this.told = h("div");
    this.chartStatus = new StatusLine();
    this.figure = new Figure("norm and holes along the walk", {
      click: ({ x }) => jump(x),
      fail: (error) => {
        dim(this.figure.plot, true); // what is drawn is of other ends
        this.chartStatus.say(`No curves: ${error.message}`);
      },
      drawn: () => this.drawn(),
    });
    this.figure.element.append(this.cursor);
    new ResizeObserver(() => requestAnimationFrame(() => this.placeCursor())).observe(this.figure.element);
    this.figure.scrollZoom = false;
    this.chart = h("div.xp-half", {}, this.chartName, this.figure.element, this.chartStatus.element, this.told);
  }

  get z() {
    return between(this.way.kind, this.a, this.b, this.t);
  }

  /** Forget what was asked for. */
  drop() {
    this.picture.drop();
    this.trust.drop();
    this.curve.drop();
    this.info = null;
  }

  /**
   * Walk between two latents of a run.
   * @param {RunInfo} info
   * @param {Float32Array} a
   * @param {Float32Array} b
   * @param {WalkWay} way
   * @param {string} means Which ends are posterior means of images: "", "a", "b" or "ab".
   */
  set(info, a, b, way, means) {
    Object.assign(this, { info, a, b, way, means });
    this.tell(info, "");
    this.curve.show({ run: info.name, a, b, way, means });
    this.cursor.hidden = true;
    this.chartStatus.clear();
    this.told.replaceChildren();
    this.charted = false;
    this.showChart();
  }

  /** Whether the large curves are in sight: plotly and they are fetched for nobody else. @param {boolean} unfolded */
  unfold(unfolded) {
    this.unfolded = unfolded;
    this.showChart();
  }

  showChart() {
    const { info, a, b, way: { kind, overshoot }, means } = this;
    if (!info || !this.unfolded || this.charted) return;
    this.charted = true;
    this.figure.show(info.name, "path", { kind, overshoot, means }, bothOf(a, b));
  }

  /**
   * Say why there is no walk.
   * @param {RunInfo | null} info Null where there is no model to say it of.
   * @param {string} reason
   */
  refuse(info, reason) {
    this.drop();
    this.figure.remove();
    this.tell(info, reason);
  }

  /** @param {RunInfo | null} info @param {string} reason */
  tell(info, reason) {
    this.name.textContent = info ? (sideOf(info) === "ae" ? "Autoencoder" : "VAE") : "";
    this.chartName.textContent = info?.name ?? "";
    this.picture.canvas.setAttribute("aria-label", `decoded image of ${info?.name ?? ""}`);
    this.figure.plot.setAttribute("aria-label", `norm and holes along the walk of ${info?.name ?? ""}`);
    this.stage.hidden = !info;
    this.reason.hidden = !reason;
    this.reason.textContent = reason;
    this.status.clear();
    for (const part of [this.frame, this.trust.element, this.curve.element, this.words, this.chart]) part.hidden = !info || Boolean(reason);
  }

  /** @param {number} t */
  stand(t) {
    this.t = t;
    this.placeCursor();
    this.curve.stand(t);
    const p = this.curve.at(t);
    if (p === null) this.trust.doubt();
    else this.trust.say(this.info?.collapse ? IGNORED : verdict(p));
    if (this.info) this.picture.draw(this.info.name, this.z);
  }

  settle() {
    if (this.info) this.trust.judge(this.info.name, this.z, amongAt(this.means, this.t));
  }

  open() {
    const { info, t, way } = this;
    if (info) view.open(info.name, this.z, { kind: "place", text: `${placeWords(t)} along the ${KIND_NAMES[way.kind]} of Interpolate` });
  }

  drawn() {
    if (!this.info) return;
    this.chartStatus.clear();
    this.told.replaceChildren(...pathWords(this.figure.meta).map((sentence) => h("p.xp-hint", {}, sentence)));
    this.placeCursor();
  }

  placeCursor() {
    const at = this.unfolded && this.figure.traces ? this.figure.pixelAt(this.t, 0) : null;
    const room = /** @type {any} */ (this.figure.plot)._fullLayout?._size; // both panels, without what is around them
    this.cursor.hidden = !at || !room;
    if (at && room) Object.assign(this.cursor.style, { left: `${at.left}px`, top: `${room.t}px`, height: `${room.h}px` });
  }
}
