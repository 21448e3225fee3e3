/** The paper under the dots of a plane: pictures, grid, frame, numbers and titles of the axes. */

import { tickStep, ticksOf } from "../plane/ticks.js";

/** @typedef {import("../plane/pane.js").Box} Box */
/** @typedef {import("../plane/pane.js").Pane} Pane */

/**
 * A picture that lies on the plane.
 * @typedef {object} GroundPicture
 * @property {CanvasImageSource} source
 * @property {Box} box
 * @property {boolean} [smooth] Whether its pixels run into one another.
 * @property {number} [opacity]
 */

/**
 * @typedef {object} Axes
 * @property {[string, string]} titles With their units.
 * @property {boolean} alike Whether both have one unit, and so one scale.
 * @property {[Ticks | null, Ticks | null]} [ticks] Numbers beside an axis where they are not the usual ones.
 */
/** @typedef {{value: number, text: string}[]} Ticks */

/** @typedef {{left: number, top: number, right: number, bottom: number}} Margins CSS pixels beside the drawing. */

/** @typedef {{text: string, soft: string, grid: string, zero: string, line: string, font: string}} Inks */

/** CSS pixels of a plane's width below which there is less beside the drawing. */
const SMALL = 480;

/** @param {number} width @returns {Margins} */
export const marginsOf = (width) => (width < SMALL ? { left: 34, top: 6, right: 6, bottom: 36 } : { left: 50, top: 8, right: 8, bottom: 44 });

/**
 * Ticks of both axes of a window.
 * @param {Pane} pane
 * @param {Axes} axes
 * @returns {[Ticks, Ticks]}
 */
export function paneTicks({ box, width, height }, { alike, ticks = [null, null] }) {
  const [acrossMost, upMost] = [Math.max(2, Math.floor(width / 56)), Math.max(2, Math.floor(height / 48))];
  const within = (/** @type {Ticks} */ given, /** @type {number} */ low, /** @type {number} */ high) => given.filter(({ value }) => value >= low && value <= high);
  const { left, right, bottom, top } = box;
  if (!alike) {
    return [
      ticks[0] ? within(ticks[0], left, right) : ticksOf(left, right, acrossMost),
      ticks[1] ? within(ticks[1], bottom, top) : ticksOf(bottom, top, upMost),
    ];
  }
  // one step for both, so that the grid is of squares
  const step = Math.max(tickStep(right - left, acrossMost), tickStep(top - bottom, upMost));
  const most = (/** @type {number} */ span) => span / step;
  return [ticksOf(left, right, most(right - left)), ticksOf(bottom, top, most(top - bottom))];
}

/**
 * Draw the paper.
 * @param {CanvasRenderingContext2D} pen Scaled so that a unit is a CSS pixel.
 * @param {{width: number, height: number}} whole CSS pixels of the plane with its margins.
 * @param {Margins} margins
 * @param {Pane} pane In CSS pixels, inside the margins.
 * @param {Axes} axes
 * @param {Iterable<GroundPicture>} pictures
 * @param {Inks} inks
 */
export function drawPaper(pen, whole, margins, pane, axes, pictures, inks) {
  pen.clearRect(0, 0, whole.width, whole.height);
  pen.save();
  pen.translate(margins.left, margins.top);
  pen.beginPath();
  pen.rect(0, 0, pane.width, pane.height);
  pen.save();
  pen.clip();
  const ticks = paneTicks(pane, axes);
  for (const { source, box, smooth = false, opacity = 1 } of pictures) {
    pen.globalAlpha = opacity;
    pen.imageSmoothingEnabled = smooth;
    pen.drawImage(source, pane.px(box.left), pane.py(box.top), (box.right - box.left) * pane.across, (box.top - box.bottom) * pane.up);
  }
  pen.globalAlpha = 1;
  pen.lineWidth = 1;
  const line = (/** @type {number} */ x0, /** @type {number} */ y0, /** @type {number} */ x1, /** @type {number} */ y1, /** @type {string} */ ink) => {
    pen.strokeStyle = ink;
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
  };
  const crisp = (/** @type {number} */ at) => Math.round(at) + 0.5;
  for (const { value } of ticks[0]) line(crisp(pane.px(value)), 0, crisp(pane.px(value)), pane.height, value === 0 ? inks.zero : inks.grid);
  for (const { value } of ticks[1]) line(0, crisp(pane.py(value)), pane.width, crisp(pane.py(value)), value === 0 ? inks.zero : inks.grid);
  pen.restore();
  pen.strokeStyle = inks.line;
  pen.lineWidth = 1;
  pen.strokeRect(-0.5, -0.5, pane.width + 1, pane.height + 1);
  writeAxes(pen, margins, pane, axes, ticks, inks);
  pen.restore();
}

/**
 * @param {CanvasRenderingContext2D} pen From the drawing's corner.
 * @param {Margins} margins
 * @param {Pane} pane
 * @param {Axes} axes
 * @param {[Ticks, Ticks]} ticks
 * @param {Inks} inks
 */
function writeAxes(pen, margins, pane, { titles }, [across, up], inks) {
  const isSmall = margins.left < 40;
  pen.fillStyle = inks.soft;
  pen.font = `${isSmall ? 10 : 11.5}px ${inks.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const { value, text } of across) pen.fillText(text, pane.px(value), pane.height + 5);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const { value, text } of up) pen.fillText(text, -5, pane.py(value));
  pen.fillStyle = inks.text;
  pen.font = `${isSmall ? 11 : 13}px ${inks.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(fitting(pen, titles[0], pane.width), pane.width / 2, pane.height + margins.bottom - 6);
  pen.save();
  pen.translate(-margins.left + (isSmall ? 11 : 13), pane.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(fitting(pen, titles[1], pane.height), 0, 0);
  pen.restore();
}

/**
 * A text, cut where there is no room for it.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} room
 */
function fitting(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let most = text.length;
  while (most > 1 && pen.measureText(`${text.slice(0, most)}…`).width > room) most--;
  return `${text.slice(0, most).trimEnd()}…`;
}
