/** Two scores of the runs of a beta ladder against each other, as a small drawing whose dots choose their runs. */

import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { Pane } from "../plane/pane.js";
import { apart } from "../plane/shapes.js";
import { ticksOf } from "../plane/ticks.js";

/** @typedef {import("./ladder.js").Rung} Rung */
/** @typedef {import("./scores.js").Score} Score */

const [WIDTH, HEIGHT] = [480, 360];
const ROOM = { left: 58, right: 14, top: 12, bottom: 44 };
const LETTER = 7.4; // width of one in a label, about
const LINE = 16;
const FINGER = 16; // half the side of what a pointer hits

/**
 * Value and ends of a score's interval; a score without one has its value for both.
 * @param {Score} score
 * @returns {[number, number, number]}
 */
const endsOf = ({ value, low = value, high = value }) => [value, low, high];

/**
 * What a dot is called: its beta, and how many of its latent dimensions are active.
 * @param {Rung} rung
 */
export const dotWords = ({ beta, active_units: units, latent_dim: d }) => `${beta ?? "AE"} (${units ?? "?"}/${d})`;

/**
 * A window that holds all intervals, with room for labels right of the dots.
 * @param {[number, number, number][]} across
 * @param {[number, number, number][]} up
 */
export function windowOf(across, up) {
  const span = (/** @type {[number, number, number][]} */ all) => [Math.min(...all.map(([, low]) => low)), Math.max(...all.map(([, , high]) => high))];
  const [[left, right], [bottom, top]] = [span(across), span(up)];
  const [wide, tall] = [Math.max(right - left, 1e-3), Math.max(top - bottom, 1e-3)];
  return { left: left - 0.05 * wide, right: right + 0.2 * wide, bottom: bottom - 0.06 * tall, top: top + 0.06 * tall };
}

/** The drawing of one pair of scores. */
export class LadderTrade {
  /**
   * @param {string} label What it shows.
   * @param {(rung: Rung) => void} chosen
   */
  constructor(label, chosen) {
    this.chosen = chosen;
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": label, class: "xp-tradeoff" });
    this.element = h("div");
    this.element.append(this.drawing);
    /** @type {Map<string, SVGElement>} */
    this.dots = new Map();
  }

  /**
   * Draw some runs of a ladder.
   * @param {Rung[]} rungs With both scores, those with a beta by rising beta.
   * @param {"coverage" | "distortion"} against
   * @param {[string, string]} titles Of the axes, with their units.
   */
  show(rungs, against, titles) {
    const across = rungs.map(({ vacancy }) => endsOf(/** @type {Score} */ (vacancy)));
    const up = rungs.map((rung) => endsOf(/** @type {Score} */ (rung[against])));
    const pane = new Pane(windowOf(across, up), WIDTH - ROOM.left - ROOM.right, HEIGHT - ROOM.top - ROOM.bottom);
    const spots = rungs.map((_, k) => ({ x: pane.px(across[k][0]), y: pane.py(up[k][0]) }));
    const swept = spots.filter((_, k) => rungs[k].beta !== null);
    const line = svg("polyline", { class: "xp-tradeoff-line", points: swept.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") });
    const bars = rungs.flatMap((rung, k) => barsOf(pane, across[k], up[k], sideOfRung(rung)));
    const texts = rungs.map(dotWords);
    const boxes = texts.map((text, k) => ({ x: spots[k].x + 12 + (LETTER * text.length) / 2, y: spots[k].y - 12, width: LETTER * text.length }));
    const placed = apart(boxes, LINE);
    this.dots.clear();
    const dots = rungs.map((rung, k) => {
      const dot = this.dotOf(rung, spots[k]);
      this.dots.set(rung.name, dot);
      return dot;
    });
    const labels = texts.map((text, k) => worded(text, { x: placed[k].x, y: placed[k].y + 4, "text-anchor": "middle", class: "xp-tradeoff-label" }));
    const inside = svg("g", { transform: `translate(${ROOM.left} ${ROOM.top})` }, ...axesOf(pane, titles), line, ...bars, ...labels, ...dots);
    this.drawing.replaceChildren(inside);
    this.element.dataset.ready = rungs.map(({ name }) => name).join(" ");
  }

  /**
   * @param {Rung} rung
   * @param {{x: number, y: number}} spot
   */
  dotOf(rung, { x, y }) {
    const isAlone = rung.beta === null;
    const shape = isAlone ? svg("rect", { x: -5, y: -5, width: 10, height: 10 }) : svg("circle", { r: 5 });
    const hit = svg("rect", { x: -FINGER, y: -FINGER, width: 2 * FINGER, height: 2 * FINGER, class: "xp-tradeoff-hit" });
    const name = { role: "button", tabindex: 0, "aria-label": `choose ${rung.label}, ${rung.name}`, "data-run": rung.name };
    const dot = svg("g", { ...name, class: "xp-tradeoff-dot", "data-side": sideOfRung(rung), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` }, hit, shape);
    dot.addEventListener("click", () => this.chosen(rung));
    dot.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.chosen(rung);
    });
    return dot;
  }

  /** Mark the run that is on show. @param {string} name */
  mark(name) {
    this.dots.forEach((dot, each) => dot.setAttribute("aria-pressed", String(each === name)));
  }
}

/** @param {Rung} rung @returns {"ae" | "vae"} */
const sideOfRung = ({ beta }) => (beta === null ? "ae" : "vae");

/**
 * @param {string} text
 * @param {Record<string, string | number>} attributes
 */
function worded(text, attributes) {
  const element = svg("text", attributes);
  element.textContent = text;
  return element;
}

/**
 * Intervals of both scores through one dot.
 * @param {Pane} pane
 * @param {[number, number, number]} across
 * @param {[number, number, number]} up
 * @param {string} side
 */
function barsOf(pane, [x, low, high], [y, bottom, top], side) {
  const bar = (/** @type {number} */ x1, /** @type {number} */ y1, /** @type {number} */ x2, /** @type {number} */ y2) =>
    svg("line", { x1: pane.px(x1), y1: pane.py(y1), x2: pane.px(x2), y2: pane.py(y2), class: "xp-tradeoff-bar", "data-side": side });
  return [bar(low, y, high, y), bar(x, bottom, x, top)];
}

/**
 * Frame, grid, numbers and titles.
 * @param {Pane} pane
 * @param {[string, string]} titles
 * @returns {SVGElement[]}
 */
function axesOf(pane, titles) {
  const { box, width, height } = pane;
  const grid = (/** @type {Record<string, number>} */ ends) => svg("line", { ...ends, class: "xp-tradeoff-grid" });
  const across = ticksOf(box.left, box.right, 6).flatMap(({ value, text }) => {
    const x = pane.px(value);
    return [grid({ x1: x, x2: x, y1: 0, y2: height }), worded(text, { x, y: height + 16, "text-anchor": "middle", class: "xp-tradeoff-tick" })];
  });
  const up = ticksOf(box.bottom, box.top, 6).flatMap(({ value, text }) => {
    const y = pane.py(value);
    return [grid({ x1: 0, x2: width, y1: y, y2: y }), worded(text, { x: -6, y: y + 4, "text-anchor": "end", class: "xp-tradeoff-tick" })];
  });
  return [
    ...across,
    ...up,
    svg("rect", { width, height, class: "xp-tradeoff-frame" }),
    worded(titles[0], { x: width / 2, y: height + 36, "text-anchor": "middle", class: "xp-tradeoff-title" }),
    worded(titles[1], { transform: `translate(-44 ${height / 2}) rotate(-90)`, "text-anchor": "middle", class: "xp-tradeoff-title" }),
  ];
}
