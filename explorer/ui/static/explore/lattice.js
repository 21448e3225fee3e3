/** A sheet of decoded pictures over two directions: what lies around a latent, at a glance. */

import { dropdown, h, segmented } from "../kit/dom.js";
import { context, dim, toRgba } from "../kit/pixels.js";
import { directionAt, directionName, directionsOf, keyOf, SETS } from "../latent/directions.js";
import { coordinate, cosine, sheet } from "../latent/latent.js";
import { captionOf } from "../latent/numbers.js";
import { isPoint } from "../latent/run.js";
import { dataSpacing, priorOffsets } from "../latent/spacing.js";
import { view } from "../page/view.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

export const [LEAST_SIZE, MOST_SIZE] = [9, 21];
const SIZE = 15;
const RANGE = 2;
const [LEAST_RANGE, MOST_RANGE] = [0.1, 6];
const LANES = 2; // requests in flight
const PIXELS_AT_ONCE = 64000; // numbers of one answer: five rows of digits, one row of faces
const PARALLEL = 0.999; // cosine above which two directions span no sheet
const MOST_OPTIONS = 200; // directions of a set that the drop-downs offer

/**
 * What is decoded.
 * @typedef {object} LatticeSheet
 * @property {string} run
 * @property {Float32Array} latents (rows * columns * d,), row by row.
 * @property {number[]} columns Coordinates along the first direction.
 * @property {number[]} rows Along the second, from the top.
 * @property {Direction} first
 * @property {Direction} second
 * @property {[number, number, number]} shape Of a picture: channels, height, width.
 */

/**
 * What a lattice asks of its page.
 * @typedef {object} LatticeHost
 * @property {() => Float32Array} latent The latent on show, (d,).
 * @property {() => Float32Array} start Where it was started from.
 * @property {() => string} active Key of the active direction.
 * @property {(latent: Float32Array) => void} go Stand on the latent of a cell.
 * @property {() => void} changed Something that a link carries changed.
 */

/**
 * The place of the number of a sorted list that is nearest to a value; null well outside of the list.
 * @param {number[]} sorted Ascending or descending, two or more.
 * @param {number} value
 */
export function nearestPlace(sorted, value) {
  const place = sorted.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(sorted[best] - value) ? i : best), 0);
  const gap = Math.abs(sorted[place] - sorted[place === 0 ? 1 : place - 1]);
  return Math.abs(sorted[place] - value) <= gap ? place : null;
}

export class Lattice {
  /** @param {LatticeHost} host */
  constructor(host) {
    this.host = host;
    /** @type {RunInfo | null} */
    this.info = null;
    this.keys = ["axes.0", "axes.1"];
    this.chosen = false; // whether somebody chose the directions
    this.size = SIZE;
    this.range = RANGE;
    this.centre = "start";
    this.generation = 0; // of what is decoded: rows of an older one are dropped
    /** @type {LatticeSheet | null} */
    this.sheet = null;
    /** Row and column under the pointer or the arrow keys. */
    this.cursor = { row: 0, column: 0 };

    this.pictures = new NewestWins(
      (/** @type {LatticeSheet} */ asked) => this.fill(asked),
      () => {},
      (error) => {
        const { message } = /** @type {Error} */ (error);
        dim(this.canvas, true);
        this.status.textContent = error instanceof Unreachable ? message : `No lattice: ${message}`;
        if (!(error instanceof Unreachable && error.again)) this.grid.removeAttribute("aria-busy");
      },
      1,
    );
    this.build();
  }

  build() {
    this.places = h("div.xp-bar");
    const number = (/** @type {Record<string, any>} */ properties) => h("input.xp-number", { type: "number", ...properties });
    this.sizeBox = number({ min: LEAST_SIZE, max: MOST_SIZE, step: 1, value: SIZE, title: `Pictures along each side, ${LEAST_SIZE} to ${MOST_SIZE}`, onchange: () => this.typed() });
    this.rangeBox = number({ min: LEAST_RANGE, max: MOST_RANGE, step: 0.1, value: RANGE, onchange: () => this.typed() });
    this.rangeWords = h("span", {});
    this.centres = segmented(
      "Middle",
      [
        { value: "start", text: "Where I started", hint: "Centred on the latent that you started from" },
        { value: "data", text: "The data", hint: "Centred on the middle of the prior, or of the encoded data" },
      ],
      this.centre,
      (centre) => {
        this.centre = centre;
        this.show();
      },
    );
    this.canvas = h("canvas.xp-image", { width: 1, height: 1, "aria-hidden": "true" }); // the group around it has the name
    this.mark = h("div.xp-here", { hidden: true });
    this.pointer = h("div.xp-pointer", { hidden: true });
    this.readout = h("p.xp-readout", { "aria-live": "polite" });
    this.status = h("p.xp-status", { role: "status" });
    this.grid = h(
      "div.xp-lattice",
      {
        tabIndex: 0,
        role: "group",
        "aria-label": "lattice of pictures: arrow keys move the frame, Enter goes there",
        title: "Click a picture, or press Enter on it, to go there",
        onclick: (/** @type {MouseEvent} */ event) => this.point(event) && this.goThere(),
        onpointermove: (/** @type {MouseEvent} */ event) => this.point(event),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event),
        onfocus: () => this.showCursor(),
      },
      this.canvas,
      this.mark,
      this.pointer,
    );
    this.element = h(
      "details.xp-fold",
      { ontoggle: () => this.toggled() },
      h("summary", {}, "Lattice over two directions"),
      h("p.xp-hint", {}, "Each picture is one latent: the first direction changes from left to right, the second from the bottom up, all else stays."),
      h("div.xp-bar", {}, this.places, h("label.xp-field", {}, h("span", {}, "Pictures a side"), this.sizeBox), h("label.xp-field", {}, this.rangeWords, this.rangeBox), this.centres),
      this.status,
      this.grid,
      this.readout,
    );
    new ResizeObserver(() => this.fit()).observe(this.element);
  }

  /** Whether it is unfolded and has something to span. */
  get open() {
    return this.element.open && !this.element.hidden;
  }

  /** What a link says of it; nothing while it is folded. */
  get key() {
    return this.open && !this.keys.some((key) => key.startsWith("found")) ? `${this.keys.join(",")},${this.size}` : undefined;
  }

  /**
   * Another run, or other directions, or a link.
   * @param {RunInfo} info
   * @param {string} [key] As `key` gives it.
   */
  setRun(info, key) {
    const another = info !== this.info;
    this.info = info;
    if (another) {
      this.chosen = false;
      this.generation++;
      this.pictures.drop();
      this.canvas.width = this.canvas.height = 1;
      this.sheet = null;
    }
    const [first, second, size] = key?.split(",") ?? [];
    if (second && directionAt(info, first, view.found) && directionAt(info, second, view.found)) {
      this.keys = [first, second];
      this.chosen = true;
      this.size = Math.min(MOST_SIZE, Math.max(LEAST_SIZE, Number(size)));
      this.sizeBox.value = String(this.size);
      this.element.open = true;
    }
    this.element.hidden = info.latent_dim < 2;
    this.rangeWords.textContent = isPoint(info) ? "Range, ± sd of quantiles" : "Range, ± prior sd";
    this.rangeBox.title =
      isPoint(info)
        ? "How much of the encoded data the lattice spans, as if it were Gaussian: ±2 is the middle 95 %"
        : "How far the lattice reaches from its middle, in standard deviations of the prior";
    this.offer();
  }

  /** Put the directions of the run into the drop-downs. */
  offer() {
    const { info } = this;
    if (!info) return;
    this.settleKeys();
    const select = (/** @type {string} */ label, /** @type {number} */ place) => {
      const field = dropdown(label, [], "", (key) => this.choose(place, key), place ? "From the bottom up" : "From left to right");
      const box = /** @type {HTMLSelectElement} */ (field.querySelector("select"));
      for (const { value, text } of SETS) {
        const directions = directionsOf(info, value, view.found).slice(0, MOST_OPTIONS);
        if (!directions.length) continue;
        box.append(
          h(
            "optgroup",
            { label: text },
            ...directions.map((direction, i) =>
              h("option", { value: keyOf(value, i), selected: keyOf(value, i) === this.keys[place] }, directionName(direction, info.level_sizes)),
            ),
          ),
        );
      }
      return field;
    };
    this.places.replaceChildren(select("Across", 0), select("Up", 1));
  }

  /** Until somebody chooses, the lattice spans the active direction and the next of its set. */
  settleKeys() {
    const { info } = this;
    if (!info) return;
    const there = this.keys.every((key) => directionAt(info, key, view.found));
    if (this.chosen && there) return;
    this.chosen = false;
    const [set, place] = this.host.active().split(".");
    const count = directionsOf(info, set, view.found).length;
    this.keys = count > 1 ? [keyOf(set, Number(place)), keyOf(set, Number(place) + 1 < count ? Number(place) + 1 : 0)] : ["axes.0", "axes.1"];
  }

  /**
   * @param {number} place
   * @param {string} key
   */
  choose(place, key) {
    this.keys[place] = key;
    this.chosen = true;
    this.host.changed();
    this.show();
  }

  toggled() {
    this.offer();
    this.host.changed();
    this.show();
  }

  /** A size or a range was typed: what makes no sense goes back to what it was. */
  typed() {
    const size = Math.round(this.sizeBox.valueAsNumber);
    const range = this.rangeBox.valueAsNumber;
    if (size >= LEAST_SIZE && size <= MOST_SIZE) this.size = size;
    if (range >= LEAST_RANGE && range <= MOST_RANGE) this.range = range;
    this.sizeBox.value = String(this.size);
    this.rangeBox.value = String(this.range);
    this.host.changed();
    this.show();
  }

  /**
   * Coordinates along a direction.
   * @param {Direction} direction
   * @returns {Promise<number[]>} Ascending.
   */
  async coordinates(direction) {
    const info = /** @type {RunInfo} */ (this.info);
    const own = coordinate(direction, this.host.start());
    if (!isPoint(info)) {
      const middle = this.centre === "start" ? own : -direction.offset / direction.scale;
      return priorOffsets(this.size, this.range).map((offset) => middle + offset / direction.scale);
    }
    const d = info.latent_dim;
    const points = await view.points(info.name);
    const values = Array.from({ length: points.length / d }, (_, i) => coordinate(direction, points.subarray(i * d, (i + 1) * d)));
    const { median, offsets } = dataSpacing(values, this.size, this.range);
    return offsets.map((offset) => (this.centre === "start" ? own : median) + offset);
  }

  /** Decode the lattice around the latent on show, where it is in sight and not the one on show already. */
  async show() {
    const { info } = this;
    if (!info || !this.open) return;
    const mine = ++this.generation;
    const found = this.keys.map((key) => directionAt(info, key, view.found)?.direction);
    const [first, second] = found;
    if (!first || !second) return;
    if (Math.abs(cosine(first, second)) > PARALLEL) {
      this.status.textContent = "Both directions point the same way; choose two that differ.";
      dim(this.canvas, true);
      return;
    }
    let columns, rows;
    try {
      columns = await this.coordinates(first);
      rows = (await this.coordinates(second)).reverse();
    } catch (error) {
      if (mine === this.generation) this.status.textContent = `No lattice: ${/** @type {Error} */ (error).message}`;
      return;
    }
    if (mine !== this.generation) return;
    const latents = sheet(first, second, this.host.latent(), columns, rows);
    const asked = { run: info.name, latents, columns, rows, first, second, shape: info.image_shape };
    const there = this.grid.dataset.ready || this.grid.hasAttribute("aria-busy");
    this.status.textContent = "";
    if (this.sheet && sameSheet(this.sheet, asked) && there) {
      dim(this.canvas, false);
      return this.showHere();
    }
    this.sheet = asked;
    this.showHere();
    this.grid.removeAttribute("data-ready");
    this.grid.setAttribute("aria-busy", "true");
    this.pictures.ask(asked);
  }

  /**
   * Decode rows from the top and paint them as they come; stop where another lattice is wanted.
   * @param {LatticeSheet} asked
   */
  async fill(asked) {
    const { columns, rows, latents, run, shape } = asked;
    const [channels, height, width] = shape;
    const d = latents.length / (columns.length * rows.length);
    const step = Math.max(1, Math.floor(PIXELS_AT_ONCE / (columns.length * channels * height * width)));
    let next = 0;
    let painted = false;
    const lane = async () => {
      while (next < rows.length && this.sheet === asked) {
        const row = next;
        const count = Math.min(step, rows.length - row);
        next += count;
        const part = latents.subarray(row * columns.length * d, (row + count) * columns.length * d);
        const decoded = await source.decode(run, part, count * columns.length);
        if (this.sheet !== asked) return;
        if (!painted) {
          painted = true;
          this.canvas.width = columns.length * width; // which also wipes out the lattice before
          this.canvas.height = rows.length * height;
          dim(this.canvas, false);
          this.fit();
        }
        this.paint(decoded, row, columns.length);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (this.sheet !== asked) return;
    this.status.textContent = "";
    this.grid.removeAttribute("aria-busy");
    this.grid.dataset.ready = run;
  }

  /**
   * @param {import("../kit/pixels.js").Decoded} decoded Whole rows.
   * @param {number} row Of the first.
   * @param {number} columns
   */
  paint({ pixels, shape }, row, columns) {
    const [count, height, width, channels] = shape;
    const pen = context(this.canvas);
    for (let k = 0; k < count; k++) {
      const rgba = toRgba(pixels, channels, k * height * width * channels, height * width);
      pen.putImageData(new ImageData(/** @type {any} */ (rgba), width, height), (k % columns) * width, (row + Math.floor(k / columns)) * height);
    }
  }

  /** Keep every pixel a square of the same size where there is room, and all of the lattice in sight where there is not. */
  fit() {
    const room = Math.min(this.readout.clientWidth, 900); // the width inside of the frame's padding
    if (!room || this.canvas.width < 2) return;
    const times = Math.floor(room / this.canvas.width);
    this.canvas.style.width = `${times >= 1 ? times * this.canvas.width : room}px`;
    this.canvas.style.height = "auto";
    this.showHere();
  }

  /** Frame the cell that the latent on show is nearest to, if it is on the lattice. */
  showHere() {
    if (!this.sheet) return;
    const z = this.host.latent();
    const column = nearestPlace(this.sheet.columns, coordinate(this.sheet.first, z));
    const row = nearestPlace(this.sheet.rows, coordinate(this.sheet.second, z));
    this.mark.hidden = row === null || column === null || this.canvas.width < 2;
    if (row !== null && column !== null) this.frame(this.mark, row, column);
    if (!this.pointer.hidden) this.frame(this.pointer, this.cursor.row, this.cursor.column);
  }

  /**
   * @param {HTMLElement} box
   * @param {number} row
   * @param {number} column
   */
  frame(box, row, column) {
    if (!this.sheet) return;
    const [rows, columns] = [this.sheet.rows.length, this.sheet.columns.length];
    box.style.left = `${(100 * column) / columns}%`;
    box.style.top = `${(100 * row) / rows}%`;
    box.style.width = `${100 / columns}%`;
    box.style.height = `${100 / rows}%`;
  }

  showCursor() {
    if (!this.sheet) return;
    const { row, column } = this.cursor;
    const { rows, columns, first, second } = this.sheet;
    if (row >= rows.length || column >= columns.length) this.cursor = { row: 0, column: 0 };
    this.pointer.hidden = false;
    this.frame(this.pointer, this.cursor.row, this.cursor.column);
    const sizes = this.info?.level_sizes;
    this.readout.textContent = `${directionName(first, sizes)} = ${captionOf(columns[this.cursor.column])}, ${directionName(second, sizes)} = ${captionOf(rows[this.cursor.row])}`;
  }

  /**
   * Put the cursor under the mouse.
   * @param {MouseEvent} event
   * @returns {boolean} Whether there is a cell.
   */
  point(event) {
    if (!this.sheet) return false;
    const box = this.canvas.getBoundingClientRect();
    const place = (/** @type {number} */ share, /** @type {number} */ count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    this.cursor = {
      row: place((event.clientY - box.top) / box.height, this.sheet.rows.length),
      column: place((event.clientX - box.left) / box.width, this.sheet.columns.length),
    };
    this.showCursor();
    return true;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.sheet || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      this.cursor.row = Math.min(this.sheet.rows.length - 1, Math.max(0, this.cursor.row + step[0]));
      this.cursor.column = Math.min(this.sheet.columns.length - 1, Math.max(0, this.cursor.column + step[1]));
      this.showCursor();
    } else if (event.key === "Enter" || event.key === " ") this.goThere();
    else return;
    event.preventDefault(); // an arrow would scroll the page
  }

  goThere() {
    if (!this.sheet) return;
    const d = this.host.latent().length;
    const cell = this.cursor.row * this.sheet.columns.length + this.cursor.column;
    this.host.go(this.sheet.latents.slice(cell * d, (cell + 1) * d));
  }
}

/**
 * Whether two lattices hold the same pictures: a walk within the sheet moves nothing but the frame.
 * @param {LatticeSheet} one
 * @param {LatticeSheet} other
 */
function sameSheet(one, other) {
  return (
    one.run === other.run &&
    one.first === other.first &&
    one.second === other.second &&
    one.latents.length === other.latents.length &&
    one.latents.every((v, i) => Math.abs(v - other.latents[i]) <= 1e-4 * Math.max(1, Math.abs(v)))
  );
}
