/** How a map unfolded: where images stood after the epochs of a fit whose codes were kept, moved through by a slider. */

import { button, freshId, h } from "../kit/dom.js";
import { shadow } from "../latent/latent.js";
import { view } from "../page/view.js";
import { widened } from "../plane/pane.js";
import { source } from "../source/source.js";
import { axesOf, classNames } from "./data.js";

/** In the place of a run beside: this run as it was after an earlier epoch. No run is called so. */
export const FIT = ":fit";

const MOST_STOPS = 24; // epochs on the slider
const MOVE_MS = 500; // from one to the next
const REST_MS = 350;

/**
 * Whether a run's fit can be looked at epoch by epoch.
 * @param {import("./data.js").RunInfo} info
 */
export const canUnfold = ({ epochs, latent_dim }) => latent_dim > 1 && (epochs?.length ?? 0) > 0;

/**
 * Some of many epochs: the first and the last, and the others as many epochs apart in the list.
 * @param {number[]} epochs
 * @param {number} most
 */
export function someOf(epochs, most) {
  if (epochs.length <= most) return epochs;
  return Array.from({ length: most }, (_, k) => epochs[Math.round((k * (epochs.length - 1)) / (most - 1))]);
}

/**
 * Where all images of a run stand on a plane by the codes of some of them, (N * 2); NaN for all others.
 * @param {Float32Array} codes (m * d)
 * @param {Int32Array} kept Whose codes they are, (m,).
 * @param {import("../latent/latent.js").Plane} plane
 * @param {number} count N
 */
export function placesOf(codes, kept, plane, count) {
  const d = plane.origin.length;
  const places = new Float32Array(2 * count).fill(NaN);
  kept.forEach((row, k) => places.set(shadow(plane, codes.subarray(k * d, (k + 1) * d)), 2 * row));
  return places;
}

/**
 * Places on the way from some to others; a dot that has only one of both stands there.
 * @param {Float32Array} from (N * 2)
 * @param {Float32Array} to (N * 2)
 * @param {number} share From 0 to 1.
 */
export function partWay(from, to, share) {
  return Float32Array.from(to, (value, k) => (Number.isNaN(value) || Number.isNaN(from[k]) ? value : from[k] + share * (value - from[k])));
}

/**
 * The box of all dots of some maps.
 * @param {Float32Array[]} maps Each (N * 2), NaN for an image without a place.
 * @returns {import("../plane/pane.js").Box}
 */
export function boxOfAll(maps) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const places of maps) {
    for (let k = 0; k < places.length; k += 2) {
      if (Number.isNaN(places[k])) continue;
      [left, right] = [Math.min(left, places[k]), Math.max(right, places[k])];
      [bottom, top] = [Math.min(bottom, places[k + 1]), Math.max(top, places[k + 1])];
    }
  }
  return widened({ left, right, bottom, top });
}

/** The map of a run after an epoch of its fit, and the slider that moves it. */
export class Unfolding {
  /**
   * @param {import("./side.js").MapSide} side That shows it.
   * @param {() => void} moved Another epoch is on show.
   */
  constructor(side, moved) {
    this.side = side;
    this.moved = moved;
    /** Epochs on the slider. @type {number[]} */
    this.stops = [];
    /** Where images stood after each of them, (N * 2). @type {Float32Array[]} */
    this.maps = [];
    /** The one on show. */
    this.at = 0;
    this.frame = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.next = undefined;
    this.isPlaying = false;
    const id = freshId();
    this.range = h("input", { id, type: "range", min: 0, step: 1, oninput: () => this.choose(this.range.valueAsNumber) });
    this.told = h("output", { htmlFor: id });
    this.playing = button("Watch it unfold", "Go through the epochs from the first to the last", () => (this.isPlaying ? this.halt() : this.play()));
    this.hint = h("p.xp-hint");
    this.element = h("div", { hidden: true }, h("div.xp-bar.xp-unfold", {}, this.playing, h("label", { for: id }, "Epoch"), this.range, this.told), this.hint);
  }

  /** The epoch on show; 0 where none is. */
  get epoch() {
    return this.element.hidden ? 0 : this.stops[this.at];
  }

  /**
   * Show a run as it was after an epoch, on a plane of the fitted run.
   * @param {import("./data.js").RunInfo} info
   * @param {string} plane
   * @param {import("./colours.js").Colouring} colouring
   * @param {number} epoch Where to begin: the last one kept before it, or the first.
   * @param {Float32Array} fitted Where images stand after the fit, on this plane where it is shown, (N * 2).
   * @param {AbortSignal} signal
   */
  async show(info, plane, colouring, epoch, fitted, signal) {
    const stops = someOf(info.epochs ?? [], MOST_STOPS);
    const v = source.version(info);
    const once = (/** @type {string} */ name, /** @type {() => Promise<any>} */ ask) => view.once(`${name} of the fit of ${info.name} ${v}`, ask);
    const [axes, labels, kept, ...codes] = await Promise.all([
      axesOf(info, plane),
      view.labels(info.name),
      once("images", () => source.ask("kept", info.name, { query: { v } })),
      ...stops.map((stop) => once(`epoch ${stop}`, () => source.ask("epoch", info.name, { of: { epoch: stop }, query: { v } }))),
    ]);
    if (signal.aborted || !axes.plane) return;
    const behind = axes.plane;
    const { data } = this.side;
    if (data?.info !== info || data.plane !== plane) {
      this.halt();
      cancelAnimationFrame(this.frame);
      this.stops = stops;
      this.maps = codes.map((each) => placesOf(each, kept, behind, info.count));
      this.at = Math.max(0, stops.filter((stop) => stop <= epoch).length - 1);
      this.range.max = String(stops.length - 1);
      this.hint.textContent = `${kept.length.toLocaleString("en")} of ${info.count.toLocaleString("en")} images. Nothing can be decoded here: the weights of old epochs are gone.`;
      // places of this map have no latent that the decoder of today would know
      this.side.show({ info, places: this.maps[this.at], axes: { ...axes, plane: null }, plane, labels, names: classNames(info, labels), colouring });
      this.side.plane.setHome(boxOfAll([...this.maps, fitted]));
    } else {
      data.colouring = colouring;
      this.side.paint();
    }
    this.element.hidden = false;
    this.tell();
  }

  /** Nothing of it is on show any longer. */
  leave() {
    this.halt();
    cancelAnimationFrame(this.frame);
    this.element.hidden = true;
    this.side.when = "";
  }

  /** An epoch was chosen. @param {number} at */
  choose(at) {
    this.halt();
    this.go(at);
  }

  /**
   * Move the dots to where they stood after another epoch.
   * @param {number} at
   */
  go(at) {
    cancelAnimationFrame(this.frame);
    this.at = at;
    this.tell();
    const { data } = this.side;
    if (!data) return;
    const [from, to, began] = [data.places, this.maps[at], performance.now()];
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = () => {
      const share = isStill ? 1 : Math.min(1, (performance.now() - began) / MOVE_MS);
      this.side.move(share < 1 ? partWay(from, to, share * (2 - share)) : to);
      if (share < 1) this.frame = requestAnimationFrame(step);
      else if (this.isPlaying) this.next = setTimeout(() => (at + 1 < this.maps.length ? this.go(at + 1) : this.halt()), REST_MS);
    };
    step();
  }

  /** Go through all epochs; from the last begin again. */
  play() {
    this.isPlaying = true;
    this.playing.textContent = "Stop";
    this.go(this.at + 1 < this.maps.length ? this.at + 1 : 0);
  }

  halt() {
    clearTimeout(this.next);
    this.isPlaying = false;
    this.playing.textContent = "Watch it unfold";
  }

  /** Say which epoch is on show. */
  tell() {
    const epoch = this.stops[this.at];
    this.range.value = String(this.at);
    this.range.setAttribute("aria-valuetext", `after epoch ${epoch}`);
    this.told.textContent = `${epoch}`;
    this.side.when = `after epoch ${epoch}`;
    this.side.plane.element.dataset.epoch = String(epoch);
    this.moved();
  }
}
