/** Holes: an autoencoder and its VAE twin on one plane each, in standard deviations of their own codes. */

import { button, h, segmented, shown, useStyle } from "./dom.js";
import { Figure } from "./figure.js";
import { onPlane } from "./latent.js";
import { dim, fitWhole, paint } from "./pixels.js";
import { NewestWins, decoder } from "./transport.js";
import { showVerdict, verdict } from "./trust.js";
import { follow, view } from "./view.js";

/**
 * Value of an even grid over [-extent, extent] at the cell nearest to (a, b).
 * @param {ArrayLike<number>[] | ArrayLike<number>} grid Rows from below, or all of them in one.
 * @param {number} size Cells on a side.
 * @param {number} extent
 * @param {number} a
 * @param {number} b
 */
export function gridValue(grid, size, extent, a, b) {
  const place = (/** @type {number} */ v) => Math.min(size - 1, Math.max(0, Math.round(((v + extent) / (2 * extent)) * (size - 1))));
  const [row, column] = [place(b), place(a)];
  const first = /** @type {any} */ (grid)[0];
  return typeof first === "number" ? /** @type {any} */ (grid)[row * size + column] : /** @type {any} */ (grid)[row][column];
}

/**
 * Numbers of a typed array as plotly's JSON carries it.
 * @param {any} spec `{dtype: "f4", bdata: base64, shape: "101, 101"}`, or plain numbers.
 * @returns {{values: ArrayLike<number>, size: number}}
 */
export function typedGrid(spec) {
  if (Array.isArray(spec)) return { values: spec.flat(), size: spec.length };
  const bytes = Uint8Array.from(atob(spec.bdata), (c) => c.charCodeAt(0));
  const values = spec.dtype === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  return { values, size: Number(String(spec.shape).split(",")[0]) };
}

/**
 * Three different numbers of images.
 * @param {number} count Images there are, three at least.
 * @param {() => number} [random] In [0, 1).
 * @returns {number[]}
 */
export function threeOf(count, random = Math.random) {
  /** @type {number[]} */
  const chosen = [];
  for (let left = count; left > count - 3; left--) {
    let number = Math.floor(random() * left); // among those that are left
    for (const taken of [...chosen].sort((a, b) => a - b)) if (number >= taken) number++;
    chosen.push(number);
  }
  return chosen;
}

const LATTICE_INK = "#ff9a3d";

/** One model: its plane, its cursor, what is decoded there. */
class Side {
  /** @param {HolesTab} tab */
  constructor(tab) {
    this.tab = tab;
    /** @type {import("./view.js").RunInfo | null} */
    this.info = null;
    /** @type {string | undefined} */
    this.ink = undefined; // the theme's own ink for the hatching
    this.lost = false; // whether the picture is not that of the place
    this.figure = new Figure("vacancy on a plane of latent space", {
      click: ({ x, y }) => tab.point(x, y, true),
      fail: (error) => tab.say(error.message),
      drawn: () => tab.moveCursors(),
    });
    this.figure.prepare = (data, layout) => {
      this.ink = undefined; // every theme brings its own
      this.grid = typedGrid(data[0].z);
      this.applyLayers(data, layout);
    };
    this.cursor = h("div.xp-cursor", { hidden: true, "aria-hidden": "true" });
    this.figure.element.append(this.cursor);
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img" });
    this.words = h("p.xp-trust");
    this.title = h("h3");
    this.openButton = button("Open in Explore", "Take this place of this model to the sliders", () => this.open());
    const thumb = h("div.xp-cell", {}, this.canvas);
    this.element = h("section.xp-half", {}, this.title, this.figure.element, h("div.xp-reading", {}, thumb, h("div", {}, this.words, this.openButton)));
    this.fit = fitWhole(this.canvas, thumb, 112);
    this.figure.plot.addEventListener("mousemove", (/** @type {MouseEvent} */ e) => {
      const at = this.figure.dataAt(e.clientX, e.clientY);
      if (at && !tab.pinned) tab.point(at.x, at.y, false);
    });
    this.figure.plot.tabIndex = 0;
    this.figure.plot.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => tab.onKey(e));
    this.decodes = new NewestWins(
      (/** @type {{run: string, z: Float32Array}} */ { run, z }) => decoder.decode(run, z, 1),
      (decoded, { z }) => {
        paint(this.canvas, decoded);
        this.canvas.dataset.latent = Array.from(z).join(",");
        this.fit();
        if (this.lost) tab.say("");
        this.lost = false;
        dim(this.canvas, false);
      },
      (error) => {
        this.lost = true;
        dim(this.canvas, true);
        tab.say(/** @type {Error} */ (error).message);
      },
      2,
    );
  }

  /**
   * @param {any[]} data
   * @param {any} layout
   */
  applyLayers(data, layout) {
    const lattice = this.tab.layer === "lattice";
    const { points } = this.tab;
    data.forEach((trace) => {
      if (trace.type === "heatmap") Object.assign(trace, { opacity: lattice ? 0 : 1, showscale: !lattice });
      if (trace.type === "scattergl") trace.visible = points;
    });
    (layout.images ?? []).forEach((/** @type {any} */ image) => (image.visible = lattice));
    for (const shape of layout.shapes ?? []) {
      if (shape.name !== "hatching") continue;
      this.ink ??= shape.line.color;
      // dark ink would be lost on the dark pictures of the lattice
      shape.line = lattice ? { color: LATTICE_INK, width: 1.5 } : { color: this.ink, width: 1 };
      shape.opacity = lattice ? 0.9 : 0.45;
    }
  }

  relayer() {
    const { traces, layout, plot } = this.figure;
    if (!traces) return;
    this.applyLayers(traces, layout);
    // without the colour bar the axes are wider, and the cursor stands elsewhere
    /** @type {any} */ (globalThis).Plotly.react(plot, traces, layout).then(() => this.tab.moveCursors());
  }

  get plane() {
    return this.figure.meta.plane;
  }

  get latent() {
    return this.plane && onPlane(this.plane, this.tab.at.x, this.tab.at.y);
  }

  open() {
    const { latent, info } = this;
    if (!latent || !info) return;
    const { x, y } = this.tab.at;
    const source = /** @type {const} */ ({ kind: "place", text: `the place u = (${shown(x)}, ${shown(y)}) of Holes` });
    view.open(info.name, latent, source);
  }

  /** Show cursor, p-value and decode at the tab's place. */
  read() {
    const { x, y } = this.tab.at;
    const pixel = this.figure.pixelAt(x, y);
    this.cursor.hidden = !pixel || !this.grid || !this.plane;
    if (!pixel || !this.grid || !this.info || !this.plane) return;
    this.cursor.style.left = `${pixel.left}px`;
    this.cursor.style.top = `${pixel.top}px`;
    const p = 10 ** gridValue(this.grid.values, this.grid.size, this.figure.meta.extent, x, y);
    showVerdict(this.words, verdict(p), `p = ${shown(p, 2)} at u = (${shown(x)}, ${shown(y)}) sd`);
    this.canvas.setAttribute("aria-label", `decode of ${this.info.name}`);
    this.decodes.ask({ run: this.info.name, z: /** @type {Float32Array} */ (this.latent) });
  }
}

class HolesTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.layer = "vacancy";
    this.points = true;
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    this.anchors = "";
    this.status = h("p.xp-status", { role: "status" });
    this.bar = h("div.xp-bar");
    this.lead = h("p.xp-hint");
    this.sides = [new Side(this), new Side(this)];
    this.curves = [new Figure("p-values of samples by sampling law"), new Figure("p-values of samples by sampling law")];
    this.curveTitles = [h("h3"), h("h3")];
    this.curveCards = this.curves.map((figure, i) => h("section.xp-half", {}, this.curveTitles[i], figure.element));
    this.planes = h("div.xp-twins", {}, ...this.sides.map((side) => side.element));
    this.distributions = h(
      "div",
      {},
      h(
        "p.xp-hint",
        {},
        "How lonely samples are, by sampling law: the height of a curve at 0.05 is the share of samples that fall in holes. " +
          "Codes of new images follow the thin line; a curve above it means that more samples than images are in empty places.",
      ),
      h("div.xp-twins.xp-curves", {}, ...this.curveCards),
    );
    this.pictures = h("div");
    this.body = h("div", {}, this.bar, this.lead, this.pictures);
    this.root.replaceChildren(this.body, this.status);
  }

  /** @param {string} words */
  say(words) {
    this.status.textContent = words;
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.sides.forEach((side) => side.decodes.drop());
    this.body.hidden = !run;
    if (!run) return;
    let pair;
    try {
      const info = await view.info(run);
      const twin = info.twin ? await view.info(info.twin).catch(() => null) : null;
      pair = twin ? [info, twin].sort((a, b) => Number(a.family !== "ae") - Number(b.family !== "ae")) : [info];
    } catch (error) {
      if (view.run !== run) return;
      this.body.hidden = true;
      return this.say(/** @type {Error} */ (error).message);
    }
    if (view.run !== run) return;
    this.say(pair.length === 1 ? "This run was fitted without a twin, so it stands alone; train.py --twin fits both." : "");
    this.sides.forEach((side, i) => {
      side.info = pair[i] ?? null;
      side.element.hidden = !pair[i];
      this.curveCards[i].hidden = !pair[i];
      if (pair[i]) side.title.textContent = this.curveTitles[i].textContent = pair[i].name;
    });
    const d = pair[0].latent_dim;
    this.anchors = "";
    this.pinned = false;
    this.at = { x: 0, y: 0 };
    this.lead.textContent =
      d > 2
        ? `With ${d} dimensions a flat slice shows little: it misses nearly all codes. The curves come first; the slice below them goes through three encoded test images.`
        : d === 1
          ? "A latent space of one dimension has no plane; the curves say how samples fall."
          : "";
    this.lead.hidden = !this.lead.textContent;
    const slice = d > 1 ? [this.planeBar(d), this.planes] : [];
    this.pictures.replaceChildren(...(d === 2 ? [...slice, this.distributions] : [this.distributions, ...slice]));
    this.draw(d);
  }

  /** @param {number} d */
  planeBar(d) {
    const codes = h("input", {
      type: "checkbox",
      checked: this.points,
      onchange: () => {
        this.points = codes.checked;
        this.sides.forEach((side) => side.relayer());
      },
    });
    const parts = [
      segmented(
        "Show",
        [
          { value: "vacancy", text: "Vacancy", hint: "How lonely each place is; holes are hatched" },
          { value: "lattice", text: "Decoded lattice", hint: "What each place decodes to; holes are hatched" },
        ],
        this.layer,
        (layer) => {
          this.layer = layer;
          this.points = codes.checked = layer === "vacancy"; // thousands of codes would hide the pictures
          this.sides.forEach((side) => side.relayer());
        },
      ),
      h("label.xp-check", { title: "The encoded test images" }, codes, h("span", {}, "Codes")),
    ];
    if (d > 2) {
      parts.push(
        button("Other slice", "Span the slice by three other test images, picked at random", () => {
          const counts = this.sides.flatMap((side) => (side.info ? [side.info.count] : []));
          this.anchors = threeOf(Math.min(...counts)).join(",");
          this.draw(d);
        }),
      );
    }
    this.pinLabel = h("p.xp-hint", {}, PIN_HINT);
    const slice = d > 2 && h("p.xp-hint", {}, SLICE_HINT);
    return h("div", {}, h("div.xp-bar", {}, ...parts), slice, this.pinLabel);
  }

  /** @param {number} d */
  draw(d) {
    this.sides.forEach((side, i) => {
      if (!side.info) return;
      this.curves[i].show(side.info.name, "p-values");
      if (d > 1) side.figure.show(side.info.name, "holes", this.anchors ? { anchors: this.anchors } : { lead: view.run ?? side.info.name });
    });
  }

  /**
   * Move the linked cursor.
   * @param {number} x In standard deviations of the codes.
   * @param {number} y
   * @param {boolean} pin Whether the place was clicked: it stays until the next click.
   */
  point(x, y, pin) {
    const extent = this.sides[0].figure.meta.extent ?? 3;
    const within = (/** @type {number} */ v) => Math.min(extent, Math.max(-extent, v));
    if (pin) this.pinned = !this.pinned;
    if (this.pinLabel) this.pinLabel.textContent = this.pinned ? "The cursor is held here. Click again to let it go." : PIN_HINT;
    this.at = { x: within(x), y: within(y) };
    this.moveCursors();
  }

  moveCursors() {
    this.sides.forEach((side) => side.info && side.read());
    this.root.dataset.at = `${this.at.x},${this.at.y}`;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const steps = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.5 : 0.1;
    this.point(this.at.x + size * step[0], this.at.y + size * step[1], false);
  }
}

const SLICE_HINT =
  "The slice runs through three real images, the best-supported places there are, so few holes show here; " +
  "the table and the curves tell the rest.";
const PIN_HINT = "Move over either plane, or use its arrow keys: both models decode the same place. Click to hold the cursor.";

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const tab = new HolesTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "holes", (run) => tab.setRun(run));
}
