/** A sheet of walks between classes, from the most typical image of each; without labels, between images at random. */

import { button, dropdown, h, segmented } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { paint, shownWidth } from "../kit/pixels.js";
import { StatusLine } from "../kit/status.js";
import { percent, shown } from "../latent/numbers.js";
import { ALPHA } from "../latent/vacancy.js";
import { between, KIND_NAMES } from "../latent/walk.js";
import { exportBar } from "../page/export.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { markOf } from "./side.js";

/** @typedef {import("../latent/walk.js").PathKind} PathKind */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * An image that stands for something.
 * @typedef {object} Typical
 * @property {string} name Of its class, or its number.
 * @property {number} image
 */

/**
 * One row of the sheet.
 * @typedef {object} PairRow
 * @property {string} head
 * @property {{from: Typical, to: Typical, t: number}[]} cells
 */

const MOST_CLASSES = 10;
const STRIP = 9; // pictures from one end to the other
const TILE = 56;
const SMALL_TILE = 40;
const NARROW = 700; // CSS pixels

/**
 * Rows of the sheet.
 * @param {Typical[]} classes
 * @param {"midpoints" | "strips"} show Half way between all, or the way from one to the others.
 * @param {number} from Which of the classes the strips start at.
 * @returns {PairRow[]}
 */
export function rowsOf(classes, show, from) {
  if (show === "midpoints") {
    return classes.map((row) => ({ head: row.name, cells: classes.map((column) => ({ from: row, to: column, t: row === column ? 0 : 0.5 })) }));
  }
  const start = classes[Math.min(from, classes.length - 1)];
  return classes.filter((to) => to !== start).map((to) => strip(start, to));
}

/** @param {Typical} from @param {Typical} to @returns {PairRow} */
export function strip(from, to) {
  return { head: `${from.name} → ${to.name}`, cells: Array.from({ length: STRIP }, (_, k) => ({ from, to, t: k / (STRIP - 1) })) };
}

/**
 * How many walks between different images pass a hole at their middle, each pair counted once.
 * @param {PairRow[]} rows
 * @param {number[][]} p Vacancy of each cell.
 */
export function holesOf(rows, p) {
  const pairs = new Map();
  rows.forEach(({ cells }, r) =>
    cells.forEach(({ from, to, t }, c) => {
      if (from.image === to.image || t !== 0.5) return;
      pairs.set([from.image, to.image].sort((x, y) => x - y).join(), p[r][c] <= ALPHA);
    }),
  );
  return { pairs: pairs.size, holes: [...pairs.values()].filter(Boolean).length };
}

export class PairSheet {
  /**
   * @param {object} tab
   * @param {() => PathKind} tab.kind
   * @param {(one: number, other: number) => void} tab.choose Walk between two test images.
   * @param {() => (RunInfo | null)[]} tab.models The run, and its twin if it has one.
   */
  constructor(tab) {
    this.tab = tab;
    /** @type {"midpoints" | "strips"} */
    this.show = "midpoints";
    this.from = 0;
    this.model = 0;
    this.asks = new Latest();
    this.status = new StatusLine();
    /** @type {Typical[]} */
    this.classes = [];
    /** @type {Set<string>} */
    this.shown = new Set();
    this.paired = false; // whether its images are paired at random, for want of labels
    /** @type {{rows: PairRow[], latents: Float32Array[], run: string, kind: PathKind} | null} */
    this.made = null;
    this.controls = h("div.xp-bar");
    this.choice = h("div");
    this.heading = h("h3");
    this.intro = h("p.xp-hint");
    this.place = h("div.xp-scroll");
    this.exports = exportBar({ label: "export the sheet", only: ({ captioned }) => captioned, what: () => this.wanted() });
    this.element = h("section.xp-pairs.xp-column", { "aria-label": "sheet of walks" }, this.heading, this.intro, this.controls, this.choice, this.status.element, this.place, this.exports.element);
    this.table = h("table.xp-sheet");
    this.place.append(this.table);
    this.table.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    // what is far below the fold is not computed before somebody scrolls there
    new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      if (this.inSight && this.stale) this.draw();
    }).observe(this.element);
  }

  /**
   * @param {RunInfo} info
   * @param {Int32Array | null} labels
   */
  async setRun(info, labels) {
    const signal = this.asks.next(view.signal);
    this.exports.offer(info.formats);
    this.made = null;
    this.classes = []; // those of the run before
    for (const part of [this.table, this.controls, this.choice]) part.replaceChildren();
    this.paired = !labels;
    if (!labels) this.shuffle(info.count);
    else {
      try {
        const { medoids } = await source.ask("medoids", info.name);
        if (signal.aborted) return;
        this.classes = medoids.map((/** @type {any} */ { name, image }) => ({ name, image }));
      } catch (error) {
        if (!signal.aborted) this.status.say(`No classes: ${/** @type {Error} */ (error).message}`);
        return;
      }
    }
    this.shown = new Set(this.classes.slice(0, MOST_CLASSES).map(({ name }) => name));
    const { sheet, from, model } = view.state("interpolate");
    this.show = sheet === "strips" ? "strips" : "midpoints";
    this.model = model === "twin" ? 1 : 0;
    const start = Number(from ?? 0);
    this.from = Number.isInteger(start) && start >= 0 && start < this.chosen.length ? start : 0;
    this.build();
    this.update();
  }

  /** @param {number} count */
  shuffle(count) {
    this.classes = Array.from({ length: 2 * 6 }, () => Math.floor(Math.random() * count)).map((image) => ({ name: String(image), image }));
  }

  /** @param {string} words */
  say(words) {
    if (words) this.status.tell(words);
    else this.status.clear();
  }

  /** Controls for what there is. */
  build() {
    const models = this.tab.models().filter((info) => info !== null);
    if (this.model >= models.length) this.model = 0;
    const anew = () => {
      this.tell();
      this.update();
    };
    const parts = [];
    if (models.length > 1) {
      const options = models.map(({ name }, k) => ({ value: String(k), text: name, hint: `The same images through ${name}` }));
      parts.push(segmented("Model of the sheet", options, String(this.model), (k) => ((this.model = Number(k)), anew())));
    }
    if (this.paired) parts.push(button("Other images", "Pair other test images at random", () => (this.shuffle(models[0].count), anew())));
    else {
      const shows = [
        { value: "midpoints", text: "Midpoints", hint: "What is decoded half way between every two classes" },
        { value: "strips", text: "Strips", hint: "The whole way from one class to every other" },
      ];
      parts.push(segmented("Sheet", shows, this.show, (show) => ((this.show = /** @type {any} */ (show)), this.build(), anew())));
      if (this.show === "strips") {
        const options = this.chosen.map(({ name }, k) => ({ value: String(k), text: name }));
        parts.push(dropdown("From class", options, String(this.from), (k) => ((this.from = Number(k)), anew()), "Where every strip starts"));
      }
    }
    this.controls.replaceChildren(...parts);
    this.heading.textContent = this.paired ? "Between images" : "Between classes";
    this.intro.textContent = this.paired
      ? "This data set has no classes, so these are walks between test images paired at random. Choose a picture to walk between its pair."
      : "From each class's most typical image, the encoded one nearest to the mean of its class, to the others. Choose a picture to walk between its two classes; arrow keys move over the sheet.";
    this.buildChoice();
  }

  buildChoice() {
    if (this.paired || this.classes.length < 3) return this.choice.replaceChildren();
    const boxes = this.classes.map(({ name }) => {
      const box = h("input", {
        type: "checkbox",
        checked: this.shown.has(name),
        onchange: () => {
          if (box.checked && this.shown.size >= MOST_CLASSES) {
            box.checked = false;
            return this.say(`At most ${MOST_CLASSES} classes at once: take one away first.`);
          }
          if (!box.checked && this.shown.size <= 2) {
            box.checked = true;
            return this.say("A walk needs two classes.");
          }
          if (box.checked) this.shown.add(name);
          else this.shown.delete(name);
          this.from = 0;
          this.build();
          this.choice.querySelector("details").open = true;
          this.update();
        },
      });
      return h("label.xp-check", {}, box, name);
    });
    const open = this.choice.querySelector("details")?.open ?? false;
    this.choice.replaceChildren(
      h("details", { open }, h("summary", {}, `Classes: ${this.shown.size} of ${this.classes.length}`), h("div.xp-bar", { role: "group", "aria-label": "classes of the sheet" }, ...boxes)),
    );
  }

  get chosen() {
    return this.classes.filter(({ name }) => this.shown.has(name));
  }

  /** @returns {PairRow[]} */
  get rows() {
    if (!this.paired) return rowsOf(this.chosen, this.show, this.from);
    return Array.from({ length: this.classes.length / 2 }, (_, k) => strip(this.classes[2 * k], this.classes[2 * k + 1]));
  }

  /** The address names what is not usual. */
  tell() {
    const [info] = this.tab.models();
    const strips = this.show === "strips";
    if (info) view.setState(info.name, "interpolate", { sheet: strips ? "strips" : "", from: strips && this.from ? String(this.from) : "", model: this.model ? "twin" : "" });
  }

  /** Something changed: draw it anew, once it is in sight. */
  update() {
    this.stale = true;
    if (this.inSight) this.draw();
  }

  async draw() {
    const info = this.tab.models()[this.model] ?? this.tab.models()[0];
    if (!info || this.classes.length < 2) return;
    this.stale = false;
    const signal = this.asks.next(view.signal);
    this.status.clear();
    const kind = this.tab.kind();
    const { rows } = this;
    const midpoints = !this.paired && this.show === "midpoints";
    this.made = null;
    this.element.removeAttribute("data-ready");
    this.element.setAttribute("aria-busy", "true");
    const body = h("tbody");
    const head = midpoints ? [h("thead", {}, h("tr", {}, h("td"), ...rows.map((row) => h("th", { scope: "col" }, row.head))))] : [];
    const caption = midpoints ? `Half way along the ${KIND_NAMES[kind]}; on the diagonal the typical images themselves.` : `Along the ${KIND_NAMES[kind]}.`;
    this.table.replaceChildren(h("caption", {}, `${info.name}. ${caption} ⚠ marks a hole.`), ...head, body);
    /** @type {number[][]} */
    const vacancies = [];
    /** @type {Float32Array[]} */
    const latents = [];
    try {
      const points = await view.points(info.name);
      const d = info.latent_dim;
      const code = (/** @type {Typical} */ { image }) => points.subarray(image * d, (image + 1) * d);
      for (const row of rows) {
        const z = new Float32Array(row.cells.length * d);
        row.cells.forEach(({ from, to, t }, k) => z.set(between(kind, code(from), code(to), t), k * d));
        const asked = source.ask("vacancies", info.name, { query: { among: "means" }, body: z, signal });
        const [decoded, p] = await Promise.all([source.decode(info.name, z, row.cells.length, { signal }), asked]);
        if (signal.aborted) return;
        latents.push(z);
        vacancies.push(Array.from(p));
        body.append(this.rowOf(row, decoded, p, body.children.length === 0));
        if (latents.length < rows.length) this.say(`Row ${latents.length} of ${rows.length}…`);
      }
      this.made = { rows, latents, run: info.name, kind };
      this.say(this.verdict(info.name, kind, rows, vacancies));
      this.element.dataset.ready = `${info.name} ${midpoints ? "midpoints" : "strips"} ${kind}`;
    } catch (error) {
      if (!signal.aborted) this.status.say(`No sheet: ${/** @type {Error} */ (error).message}`);
    } finally {
      if (!signal.aborted) this.element.removeAttribute("aria-busy");
    }
  }

  /**
   * @param {string} run
   * @param {PathKind} kind
   * @param {PairRow[]} rows
   * @param {number[][]} vacancies
   */
  verdict(run, kind, rows, vacancies) {
    const { pairs, holes } = holesOf(rows, vacancies);
    if (!pairs) return "";
    if (kind === "linear") return `${run}: choose the arc to count holes half way. The middle of a straight line is nearer to the centre, where every place looks usual.`;
    return `${run}: ${holes} of ${pairs} middles of arcs (${percent(holes / pairs)}) lie in holes (p ≤ ${ALPHA}); of images themselves 5 % do.`;
  }

  /**
   * @param {PairRow} row
   * @param {import("../kit/pixels.js").Decoded} decoded
   * @param {Float32Array} p
   * @param {boolean} first Whether it is the first row, whose first picture the tabulator key stops at.
   */
  rowOf({ head, cells }, decoded, p, first) {
    const [, height, width] = decoded.shape;
    const room = this.element.clientWidth < NARROW ? SMALL_TILE : TILE;
    const wide = shownWidth(width, room, height);
    const drawn = cells.map(({ from, to, t }, k) => {
      const canvas = h("canvas.xp-image", { width, height, "aria-hidden": "true" });
      canvas.style.width = `${wide}px`;
      paint(canvas, decoded, k);
      const mark = markOf(p[k]);
      const same = from.image === to.image;
      const place = same ? `${from.name} itself` : `${shown(t, 2)} of the way from ${from.name} to ${to.name}`;
      const words = `${place}${mark ? ", in a hole" : ""}`;
      const hint = `${place}: p = ${shown(p[k], 2)}`;
      return h(
        "td",
        {},
        h(
          "button.xp-tile",
          { type: "button", title: hint, "aria-label": words, tabIndex: first && k === 0 ? 0 : -1, onclick: () => !same && this.tab.choose(from.image, to.image) },
          canvas,
          mark ? h("span.xp-hole-mark", { "aria-hidden": "true" }, mark) : null,
        ),
      );
    });
    return h("tr", {}, h("th", { scope: "row" }, head), ...drawn);
  }

  /** Arrow keys move over the pictures. @param {KeyboardEvent} event */
  onKey(event) {
    const step = /** @type {Record<string, [number, number]>} */ ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] })[event.key];
    const cell = /** @type {HTMLElement} */ (event.target).closest("td");
    if (!step || !cell) return;
    event.preventDefault();
    const rows = [...this.table.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("button")]);
    const r = rows.findIndex((buttons) => buttons.includes(/** @type {any} */ (event.target)));
    const c = rows[r].indexOf(/** @type {any} */ (event.target));
    const next = rows[r + step[0]]?.[c + step[1]];
    if (!next) return;
    rows[r][c].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  wanted() {
    if (!this.made) return null;
    const { rows, latents, run, kind } = this.made;
    const d = latents[0].length / rows[0].cells.length;
    const all = new Float32Array(latents.length * latents[0].length);
    latents.forEach((row, k) => all.set(row, k * row.length));
    const cells = rows.flatMap((row) => row.cells);
    const captions = cells.map(({ from, to, t }) => (from.image === to.image ? from.name : t === 0.5 && this.show === "midpoints" && !this.paired ? `${from.name} - ${to.name}` : shown(t, 2)));
    return {
      run,
      latents: all,
      count: all.length / d,
      columns: rows[0].cells.length,
      name: this.paired ? "pairs" : `classes-${this.show}`,
      title: `${this.paired ? rows.map((row) => row.head).join(", ") : this.show === "strips" ? `strips from ${rows[0].cells[0].from.name} to ${rows.map((row) => row.cells[0].to.name).join(", ")}` : "midpoints of classes"}, ${KIND_NAMES[kind]}`,
      captions,
      facts: { kind, cells: cells.map(({ from, to, t }) => ({ from: from.image, to: to.image, position: t })) },
    };
  }
}
