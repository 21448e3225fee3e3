/** A plane as a file: SVG with dots as a picture inside a frame of lines and letters, or PNG of twice the pixels. */

import { drawPaper, paneTicks } from "./planepaper.js";
import { svg } from "./svg.js";

/** @typedef {import("./plane.js").Plane} Plane */

const TIMES = 2; // pixels of a file in a CSS pixel
const DRAWN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity", "vector-effect"];

/** @param {number} value Pixels. */
const exact = (value) => Number(value.toFixed(2));

/**
 * Dots and the pictures under them, without axes, as an address that a file can hold.
 * @param {Plane} plane
 */
function dotsOf(plane) {
  const pane = /** @type {import("../plane/pane.js").Pane} */ (plane.pane);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(TIMES * pane.width);
  canvas.height = Math.round(TIMES * pane.height);
  const paper = document.createElement("canvas");
  paper.width = canvas.width;
  paper.height = canvas.height;
  const pen = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d"));
  const under = { text: "#0000", soft: "#0000", grid: "#0000", zero: "#0000", line: "#0000", font: "sans-serif" };
  pen.setTransform(TIMES, 0, 0, TIMES, 0, 0);
  drawPaper(pen, pane, { left: 0, top: 0, right: 0, bottom: 0 }, pane, plane.axes, plane.pictures.values(), under);
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  plane.dots.draw(pane, TIMES, plane.home, ink);
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(canvas, 0, 0);
  return paper.toDataURL("image/png");
}

/**
 * An element above the dots as shapes of a drawing.
 * @param {HTMLElement} element
 * @param {DOMRect} room Of the drawing.
 * @param {import("./planepaper.js").Inks} inks
 * @returns {SVGElement[]}
 */
function drawnPin(element, room, inks) {
  const box = element.getBoundingClientRect();
  const [x, y] = [exact(box.left + box.width / 2 - room.left), exact(box.top + box.height / 2 - room.top)];
  const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent).join("").trim() || element.dataset.number; // a mark may bring its number by its style
  const style = getComputedStyle(element);
  const found = [];
  if (element instanceof HTMLCanvasElement) {
    found.push(svg("image", { href: element.toDataURL(), x: exact(x - box.width / 2), y: exact(y - box.height / 2), width: exact(box.width), height: exact(box.height) }));
  } else if (own) {
    const text = svg("text", { x, y, fill: style.color, stroke: style.backgroundColor === "rgba(0, 0, 0, 0)" ? "none" : style.backgroundColor, "stroke-width": 3, "paint-order": "stroke", "font-size": style.fontSize, "font-weight": style.fontWeight, "text-anchor": "middle", "dominant-baseline": "central" });
    text.textContent = own;
    found.push(text);
  } else if (parseFloat(style.borderTopWidth) > 0 && style.borderTopLeftRadius.includes("%")) {
    found.push(svg("circle", { cx: x, cy: y, r: exact(box.width / 2), fill: "none", stroke: style.borderTopColor, "stroke-width": parseFloat(style.borderTopWidth) }));
  } else if (!element.children.length && box.width > 0) {
    const half = box.width / 2;
    found.push(svg("path", { d: `M${x - half},${y}h${box.width}M${x},${y - half}v${box.width}`, stroke: inks.text, "stroke-width": 3 }));
  }
  for (const child of element.children) found.push(...drawnPin(/** @type {HTMLElement} */ (child), room, inks));
  return found;
}

/**
 * What stands above the dots, with its style in itself.
 * @param {Plane} plane
 * @param {import("./planepaper.js").Inks} inks
 */
function drawnAbove(plane, inks) {
  const { above } = plane;
  const shapes = /** @type {SVGElement} */ (above.scaled.cloneNode(true));
  const [from, to] = [[...above.scaled.querySelectorAll("*")], [...shapes.querySelectorAll("*")]];
  from.forEach((element, k) => {
    const style = getComputedStyle(element);
    for (const name of DRAWN) to[k].setAttribute(name, style.getPropertyValue(name));
    to[k].removeAttribute("class");
  });
  const room = above.element.getBoundingClientRect();
  const inside = (/** @type {HTMLElement} */ element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    return width > 0 && x >= room.left && y >= room.top && x <= room.right && y <= room.bottom;
  };
  const pins = [...above.pins.values()].flat().filter(({ element }) => inside(element));
  return [shapes, ...pins.flatMap(({ element }) => drawnPin(element, room, inks))];
}

/**
 * A plane as an SVG document.
 * @param {Plane} plane One that is drawn.
 * @param {string} back Colour of the page.
 * @returns {SVGElement}
 */
export function drawingOf(plane, back) {
  const pane = /** @type {import("../plane/pane.js").Pane} */ (plane.pane);
  const margins = /** @type {import("./planepaper.js").Margins} */ (plane.margins);
  const inks = /** @type {import("./planepaper.js").Inks} */ (plane.known); // it is drawn
  const [width, height] = [plane.square.clientWidth, plane.square.clientHeight];
  const [across, up] = paneTicks(pane, plane.axes);
  const line = (/** @type {number} */ x1, /** @type {number} */ y1, /** @type {number} */ x2, /** @type {number} */ y2, /** @type {string} */ stroke) => svg("line", { x1, y1, x2, y2, stroke });
  const words = (/** @type {string} */ text, /** @type {Record<string, string | number>} */ where, /** @type {string} */ fill) => {
    const element = svg("text", { ...where, fill });
    element.textContent = text;
    return element;
  };
  const clip = svg("clipPath", { id: "pane" }, svg("rect", { width: pane.width, height: pane.height }));
  const inside = svg(
    "g",
    { "clip-path": "url(#pane)" },
    ...across.map(({ value }) => line(exact(pane.px(value)), 0, exact(pane.px(value)), pane.height, value === 0 ? inks.zero : inks.grid)),
    ...up.map(({ value }) => line(0, exact(pane.py(value)), pane.width, exact(pane.py(value)), value === 0 ? inks.zero : inks.grid)),
    svg("image", { href: dotsOf(plane), width: pane.width, height: pane.height }),
    ...drawnAbove(plane, inks),
  );
  const middle = `${exact(13 - margins.left)} ${exact(pane.height / 2)}`;
  const body = svg(
    "g",
    { transform: `translate(${margins.left} ${margins.top})`, "font-family": inks.font, "font-size": 11.5, "text-anchor": "middle" },
    clip,
    inside,
    svg("rect", { x: -0.5, y: -0.5, width: pane.width + 1, height: pane.height + 1, fill: "none", stroke: inks.line }),
    ...across.map(({ value, text }) => words(text, { x: exact(pane.px(value)), y: pane.height + 15 }, inks.soft)),
    ...up.map(({ value, text }) => words(text, { x: -5, y: exact(pane.py(value) + 4), "text-anchor": "end" }, inks.soft)),
    words(plane.axes.titles[0], { x: pane.width / 2, y: pane.height + margins.bottom - 6, "font-size": 13 }, inks.text),
    words(plane.axes.titles[1], { transform: `translate(${middle}) rotate(-90)`, "font-size": 13 }, inks.text),
  );
  const whole = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` });
  whole.append(svg("rect", { width, height, fill: back }), body);
  return whole;
}

/**
 * A plane as a file.
 * @param {Plane} plane
 * @param {"png" | "svg"} kind
 * @returns {Promise<Blob>}
 */
export async function planeFile(plane, kind) {
  const back = getComputedStyle(plane.element).getPropertyValue("--xp-back").trim() || "#ffffff";
  const drawing = drawingOf(plane, back);
  const text = new XMLSerializer().serializeToString(drawing);
  if (kind === "svg") return new Blob([text], { type: "image/svg+xml" });
  const image = new Image();
  const [width, height] = [plane.square.clientWidth, plane.square.clientHeight];
  image.setAttribute("src", `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = TIMES * width;
  canvas.height = TIMES * height;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this browser gave no picture of the plane; save it as SVG."))), "image/png");
  });
}
