/** A pad to draw on with mouse, finger, pen or keys, light on dark with a soft brush. */

import { button, h } from "./dom.js";

const SIZE = 280; // pixels of the pad's own canvas: ten times MNIST's
const BRUSH = 22; // of a digit some 180 pixels high; MNIST's strokes are about as wide in proportion
const SOFT = 0.35; // share of the brush that fades
const STEP = 7; // pixels that an arrow key moves
const MOST_STROKES = 200;

/** (x, y) of a three, in pixels of the pad. */
const EXAMPLE = [[92, 82], [98, 71], [106, 62], [115, 54], [126, 49], [139, 46], [151, 46], [163, 50], [173, 58], [179, 68], [182, 80], [180, 92], [174, 103], [165, 113], [154, 121], [143, 126], [132, 128], [143, 130], [155, 134], [166, 141], [176, 150], [184, 160], [189, 171], [190, 183], [187, 195], [181, 206], [172, 216], [162, 223], [151, 228], [139, 230], [126, 229], [114, 225], [104, 219], [95, 210], [88, 200]];

/**
 * A stroke: where it went, and how thick it was there.
 * @typedef {object} Stroke
 * @property {string} colour
 * @property {{x: number, y: number, width: number}[]} points
 */

/**
 * How thick a pen draws.
 * @param {number} brush Pixels.
 * @param {{pointerType: string, pressure: number}} event
 */
export function widthOf(brush, { pointerType, pressure }) {
  return pointerType === "pen" && pressure > 0 ? brush * (0.5 + pressure) : brush;
}

export class Pad {
  /**
   * @param {object} events
   * @param {() => void} events.drawn While a stroke grows.
   * @param {() => void} events.done When a stroke ended, or was taken back.
   */
  constructor({ drawn, done }) {
    this.drawn = drawn;
    this.done = done;
    this.brush = BRUSH;
    this.colour = "#ffffff";
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Stroke | null} */
    this.stroke = null;
    this.isExample = false; // whether its strokes are nobody's
    this.pointer = -1;
    this.pen = { x: SIZE / 2, y: SIZE / 2, down: false };
    this.build();
    this.redraw();
  }

  /** Whether nothing is drawn. */
  get empty() {
    return this.strokes.length === 0;
  }

  build() {
    this.canvas = h("canvas.xp-pad", {
      width: SIZE,
      height: SIZE,
      tabIndex: 0,
      role: "application",
      "aria-label": "drawing pad",
      "aria-roledescription": "pad: arrow keys move the pen, space puts it down and lifts it",
      title: "Draw with mouse, finger or pen; or with the arrow keys, and space to put the pen down and lift it",
      onpointerdown: (/** @type {PointerEvent} */ event) => this.start(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.move(event),
      onpointerup: (/** @type {PointerEvent} */ event) => this.end(event),
      onpointercancel: (/** @type {PointerEvent} */ event) => this.end(event),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      onblur: () => this.lift(),
    });
    this.cursor = h("div.xp-pen", { hidden: true });
    const range = h("input", {
      type: "range",
      min: 8,
      max: 48,
      step: 1,
      value: BRUSH,
      title: "How thick the brush is, in pixels of the pad",
      oninput: () => (this.brush = range.valueAsNumber),
    });
    this.colours = h("label.xp-field", { hidden: true }, h("span", {}, "Colour"), this.colourInput());
    const controls = h(
      "div.xp-pad-tools",
      {},
      h("label.xp-field", {}, h("span", {}, "Brush"), range),
      this.colours,
      h(
        "div.xp-bar",
        {},
        button("Undo stroke", "Take the last stroke back", () => this.undo()),
        button("Clear", "An empty pad", () => this.clear()),
      ),
    );
    /** What becomes of a drawing, and how to draw without a pointer. */
    this.hint = h("p.xp-hint", {}, "Draw one thing, as large as you like: it is cut out, scaled and centred as the data set's images were. With keys: arrows move the pen, space puts it down.");
    this.element = h("div.xp-draw", {}, h("div.xp-pad-frame", {}, this.canvas, this.cursor), controls);
  }

  colourInput() {
    const input = h("input", { type: "color", value: this.colour, title: "Colour of the brush", oninput: () => (this.colour = input.value) });
    return input;
  }

  /** @param {boolean} colourful Whether the run sees colours. */
  setColourful(colourful) {
    this.colours.hidden = !colourful;
    if (!colourful) this.colour = "#ffffff";
  }

  /**
   * Where on the canvas a pointer is, in its pixels.
   * @param {PointerEvent} event
   */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIZE, y: ((event.clientY - box.top) / box.height) * SIZE, width: widthOf(this.brush, event) };
  }

  /** @param {PointerEvent} event */
  start(event) {
    if (event.button !== 0 || this.stroke) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.begin(this.at(event));
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) this.extend(this.at(each));
    this.drawn();
  }

  /** @param {PointerEvent} event */
  end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = -1;
    this.finish();
  }

  /** @param {{x: number, y: number, width: number}} point */
  begin(point) {
    if (this.isExample) this.strokes = [];
    this.isExample = false;
    if (this.empty) this.redraw(); // what was shown on the empty pad goes
    if (this.strokes.length >= MOST_STROKES) this.strokes.shift();
    this.stroke = { colour: this.colour, points: [point] };
    this.strokes.push(this.stroke);
    this.paint(this.stroke, 0);
    this.drawn();
  }

  /** @param {{x: number, y: number, width: number}} point */
  extend(point) {
    if (!this.stroke) return;
    this.stroke.points.push(point);
    this.paint(this.stroke, this.stroke.points.length - 1);
  }

  finish() {
    if (!this.stroke) return;
    this.stroke = null;
    this.done();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const steps = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const step = steps[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const { pen } = this;
    if (!step) {
      if (pen.down) return this.lift();
      pen.down = true;
      this.begin({ x: pen.x, y: pen.y, width: this.brush });
    } else {
      const inside = (/** @type {number} */ value) => Math.min(SIZE, Math.max(0, value));
      [pen.x, pen.y] = [inside(pen.x + STEP * step[0]), inside(pen.y + STEP * step[1])];
      if (pen.down) {
        this.extend({ x: pen.x, y: pen.y, width: this.brush });
        this.drawn();
      }
    }
    this.showPen();
  }

  lift() {
    this.cursor.hidden = true;
    if (!this.pen.down) return;
    this.pen.down = false;
    this.finish();
  }

  showPen() {
    this.cursor.hidden = false;
    this.cursor.classList.toggle("xp-down", this.pen.down);
    this.cursor.style.left = `${(100 * this.pen.x) / SIZE}%`;
    this.cursor.style.top = `${(100 * this.pen.y) / SIZE}%`;
  }

  undo() {
    if (this.isExample) return this.clear();
    this.stroke = null;
    this.strokes.pop();
    this.redraw();
    this.done();
  }

  clear() {
    this.stroke = null;
    this.strokes = [];
    this.isExample = false;
    this.redraw();
    this.done();
  }

  /** A three drawn by a hand, until somebody draws. */
  showExample() {
    this.stroke = null;
    this.isExample = true;
    this.strokes = [{ colour: "#ffffff", points: EXAMPLE.map(([x, y]) => ({ x, y, width: BRUSH })) }];
    this.redraw();
    this.done();
  }

  get context() {
    return /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
  }

  /**
   * Show a picture until somebody draws.
   * @param {HTMLCanvasElement} picture
   */
  lay(picture) {
    this.stroke = null;
    this.strokes = [];
    const { context } = this;
    context.globalCompositeOperation = "source-over";
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, SIZE, SIZE);
  }

  redraw() {
    const { context } = this;
    context.globalCompositeOperation = "source-over";
    context.fillStyle = "#000";
    context.fillRect(0, 0, SIZE, SIZE);
    for (const stroke of this.strokes) stroke.points.forEach((_, i) => this.paint(stroke, i));
  }

  /**
   * Paint a stroke from the point before one to that one: soft dots close together, the brighter one wins.
   * @param {Stroke} stroke
   * @param {number} i
   */
  paint({ colour, points }, i) {
    const { context } = this;
    const [from, to] = [points[Math.max(0, i - 1)], points[i]];
    const dots = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 2));
    const white = colour === "#ffffff";
    context.globalCompositeOperation = white ? "lighten" : "source-over"; // of overlapping dots the brighter counts
    for (let k = 1; k <= dots; k++) {
      const t = k / dots;
      const [x, y] = [from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)];
      const radius = (from.width + t * (to.width - from.width)) / 2;
      const soft = context.createRadialGradient(x, y, radius * (1 - SOFT), x, y, radius * (1 + SOFT));
      soft.addColorStop(0, colour);
      soft.addColorStop(1, white ? "#000000" : `${colour}00`);
      context.fillStyle = soft;
      context.fillRect(x - 2 * radius, y - 2 * radius, 4 * radius, 4 * radius);
    }
  }

  /** What is drawn, as a picture file. @returns {Promise<Blob>} */
  picture() {
    return new Promise((resolve, reject) => {
      this.canvas.toBlob((/** @type {Blob | null} */ blob) => (blob ? resolve(blob) : reject(new Error("The drawing cannot be read off this browser's canvas."))));
    });
  }
}
