/** What some chosen images of a map have in common: their number, classes, mean, and the direction towards them. */

import { button, h } from "../kit/dom.js";
import { dim, fitWhole, paint } from "../kit/pixels.js";
import { percent } from "../latent/numbers.js";
import { Stream } from "../page/stream.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

const MOST_CLASSES = 12;

/**
 * How many of some images each class has, the largest first.
 * @param {ArrayLike<number>} labels (N,)
 * @param {number[]} rows
 * @returns {{label: number, count: number}[]}
 */
export function classCounts(labels, rows) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const row of rows) counts.set(labels[row], (counts.get(labels[row]) ?? 0) + 1);
  return [...counts].map(([label, count]) => ({ label, count })).sort((a, b) => b.count - a.count || a.label - b.label);
}

/**
 * A table's cell as CSV; a text that a spreadsheet would take for a formula is made a text.
 * @param {string | number} value
 */
export function csvCell(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(9)));
  const plain = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/**
 * Images and their latents as CSV.
 * @param {number[]} rows Images of the evaluation split.
 * @param {ArrayLike<number>} index Their rows in the data set, (N,).
 * @param {((row: number) => string) | null} label
 * @param {Float32Array} points Posterior means, (N * d).
 * @param {number} d
 */
export function csvOf(rows, index, label, points, d) {
  const head = ["image", "dataset_row", ...(label ? ["label"] : []), ...Array.from({ length: d }, (_, j) => `z${j}`)];
  const lines = rows.map((row) => [row, index[row], ...(label ? [label(row)] : []), ...points.subarray(row * d, (row + 1) * d)].map(csvCell).join(","));
  return `${[head.join(","), ...lines].join("\r\n")}\r\n`;
}

/** @param {number} share In [0, 1]. */
function shareBar(share) {
  const full = h("span");
  full.style.width = `${100 * share}%`;
  return h("span.xp-share", { "aria-hidden": "true" }, full);
}

/** The panel of the chosen images. */
export class Selection {
  /**
   * @param {() => void} cleared
   * @param {import("../kit/status.js").StatusLine} status
   */
  constructor(cleared, status) {
    this.status = status;
    /** @type {number[]} */
    this.rows = [];
    /** @type {import("../latent/run.js").RunInfo | null} */
    this.info = null;
    /** @type {Int32Array | null} */
    this.labels = null;
    /** @type {any} */
    this.found = null;
    this.title = h("h3");
    this.shares = h("dl.xp-facts.xp-shares");
    this.image = h("canvas.xp-image", { role: "img", "aria-label": "mean of the selected images", width: 28, height: 28 });
    this.decode = h("canvas.xp-image", { role: "img", "aria-label": "decode of the mean latent of the selected images", width: 28, height: 28 });
    this.imageLabel = h("figcaption");
    const first = h("figure", {}, this.image, this.imageLabel);
    const second = h("figure", {}, this.decode, h("figcaption", {}, "decode of their mean latent"));
    this.fits = [fitWhole(this.image, first, 140), fitWhole(this.decode, second, 140)];
    this.offer = button("Offer direction in Explore", "Add the direction from the rest of the images to these to Explore's directions", () => this.offerDirection());
    this.told = h("p.xp-hint", { role: "status" });
    this.element = h(
      "section.xp-selection",
      { hidden: true, "aria-label": "selected images" },
      this.title,
      this.shares,
      h("div.xp-pair", {}, first, second),
      h(
        "div.xp-bar",
        {},
        button("Open mean in Explore", "Take their mean latent to the sliders", () => this.open()),
        this.offer,
        button("Export CSV", "Save the numbers and latents of these images as a table", () => this.save()),
        button("Clear selection", "Select nothing", () => {
          this.clear();
          cleared();
        }),
      ),
      this.told,
    );
    this.requests = new Stream(
      (/** @type {{run: string, rows: number[]}} */ request) => this.find(request),
      (answer, { run, rows }) => run === view.run && rows === this.rows && this.showFound(answer),
      { status, pictures: () => [this.image, this.decode], limit: 2 },
    );
  }

  clear() {
    this.requests.drop();
    this.rows = [];
    this.found = null;
    this.element.hidden = true;
  }

  /**
   * @param {import("../latent/run.js").RunInfo} info
   * @param {Int32Array | null} labels
   * @param {(label: number) => string} nameOf
   * @param {number[]} rows One or more.
   */
  show(info, labels, nameOf, rows) {
    Object.assign(this, { info, labels, nameOf, rows, found: null });
    const n = rows.length.toLocaleString("en");
    this.title.textContent = rows.length === 1 ? "1 image selected" : `${n} images selected`;
    this.told.textContent = "";
    this.offer.disabled = true;
    const counts = labels ? classCounts(labels, rows) : [];
    const rest = counts.slice(MOST_CLASSES).reduce((sum, { count }) => sum + count, 0);
    const listed = counts.slice(0, MOST_CLASSES).map(({ label, count }) => /** @type {[string, number]} */ ([nameOf(label), count]));
    if (rest) listed.push(["all others", rest]);
    this.shares.replaceChildren(
      ...listed.flatMap(([name, count]) => [
        h("dt", {}, name),
        h("dd", {}, shareBar(count / rows.length), `${percent(count / rows.length)} (${count.toLocaleString("en")})`),
      ]),
    );
    this.element.hidden = false;
    for (const picture of [this.image, this.decode]) dim(picture, true); // they are of another selection
    delete this.element.dataset.ready;
    this.requests.ask({ run: info.name, rows });
  }

  /** @param {{run: string, rows: number[]}} request */
  async find({ run, rows }) {
    const body = Int32Array.from(rows);
    const [found, image] = await Promise.all([source.ask("selection", run, { body }), source.ask("selectionImage", run, { body })]);
    return { found, image, decoded: await source.decode(run, Float32Array.from(found.mean), 1) };
  }

  /** @param {{found: any, image: import("../kit/pixels.js").Decoded, decoded: import("../kit/pixels.js").Decoded}} answer */
  showFound({ found, image, decoded }) {
    this.found = found;
    paint(this.image, image);
    paint(this.decode, decoded);
    this.imageLabel.textContent = this.info?.has_images ? "mean of the images" : "mean of their decodes";
    this.offer.disabled = !found.direction;
    if (!found.direction) this.told.textContent = "A direction needs ten images or more on either side.";
    this.element.dataset.ready = String(this.rows.length);
    this.fits.forEach((fit) => fit());
  }

  open() {
    if (!this.info || !this.found) return;
    const text = `the mean of ${this.rows.length.toLocaleString("en")} selected images`;
    view.open(this.info.name, Float32Array.from(this.found.mean), { kind: "place", text });
  }

  offerDirection() {
    if (!this.info || !this.found?.direction) return;
    view.offer(this.info.name, this.found.direction);
    this.told.textContent = `“${this.found.direction.name}” is now among the directions of Explore.`;
  }

  async save() {
    const { info, rows, labels, nameOf } = this;
    if (!info) return;
    try {
      const [points, index] = await Promise.all([view.points(info.name), source.ask("index", info.name)]);
      const label = labels && nameOf ? (/** @type {number} */ row) => nameOf(labels[row]) : null;
      const text = csvOf(rows, index, label, points, info.latent_dim);
      const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      h("a", { href, download: `${info.name}-selection.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
      this.status.say("", this);
    } catch (error) {
      this.status.say(/** @type {Error} */ (error).message, this);
    }
  }

  /** @type {((label: number) => string) | undefined} */
  nameOf = undefined;
}
