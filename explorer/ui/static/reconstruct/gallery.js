/** A hundred test images at once beside what a run and its twin make of them, sortable by error. */

import { button, dropdown, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { context, shownWidth, toRgba } from "../kit/pixels.js";
import { StatusLine } from "../kit/status.js";
import { shown } from "../latent/numbers.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { askErrors } from "./look.js";

const COUNT = 100;
const GAP = 2; // pixels between the pictures of a tile
const TILE = 180; // CSS pixels that a tile may be wide
const EXPORT_SCALE = 2;
const EXPORT_COLUMNS = 10;

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

/**
 * Orders of the gallery.
 * @type {{value: string, text: string}[]}
 */
const ORDERS = [
  { value: "number", text: "number" },
  { value: "run", text: "error of the run, worst first" },
  { value: "run-best", text: "error of the run, best first" },
  { value: "twin", text: "error of the twin, worst first" },
  { value: "difference", text: "where the run does worse than its twin" },
];

/**
 * As many numbers as asked for, spread evenly over a list.
 * @param {number[]} all
 * @param {number} count
 */
export function evenly(all, count) {
  if (all.length <= count) return [...all];
  return Array.from({ length: count }, (_, k) => all[Math.round((k * (all.length - 1)) / (count - 1))]);
}

/**
 * Places of a list in an order of the gallery.
 * @param {string} order One of `ORDERS`.
 * @param {ArrayLike<number>} run Errors of the run.
 * @param {ArrayLike<number> | null} twin Errors of its twin.
 * @returns {number[]}
 */
export function placesBy(order, run, twin) {
  const places = Array.from(run, (_, k) => k);
  const other = (/** @type {number} */ k) => (twin ? twin[k] : 0);
  const keys = /** @type {Record<string, (k: number) => number>} */ ({
    run: (k) => -run[k],
    "run-best": (k) => run[k],
    twin: (k) => -other(k),
    difference: (k) => other(k) - run[k],
  });
  const key = keys[order];
  return key ? places.sort((a, b) => key(a) - key(b)) : places;
}

export class Gallery {
  /** @param {(index: number) => void} chosen An image was clicked. */
  constructor(chosen) {
    this.chosen = chosen;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {RunInfo | null} */
    this.twin = null;
    /** @type {() => number[]} */
    this.among = () => [];
    this.order = "number";
    this.asks = new Latest();
    this.status = new StatusLine();
    /** @type {{image: number, canvas: HTMLCanvasElement, errors: number[]}[]} */
    this.tiles = [];
    this.bar = h("div.xp-bar");
    this.grid = h("div.xp-gallery", { role: "group", "aria-label": "gallery of test images" });
    this.legend = h("p.xp-hint");
    this.showButton = button(`Show ${COUNT} test images`, "Test images, spread evenly, beside what the models make of them", () => this.load());
    this.body = h("div", { hidden: true }, this.bar, this.legend, this.grid);
    this.element = h("section.xp-section", {}, h("h3", {}, "Gallery"), this.showButton, this.status.element, this.body);
  }

  /**
   * @param {RunInfo} info
   * @param {RunInfo | null} twin
   * @param {() => number[]} among The images of the chosen class.
   */
  setRun(info, twin, among) {
    this.asks.stop();
    [this.info, this.twin, this.among] = [info, twin, among];
    this.body.hidden = true;
    this.showButton.hidden = !info.has_images;
    this.showButton.disabled = false;
    this.status.clear();
    if (!info.has_images) this.status.say("Without the data set there are no originals to compare with.");
  }

  async load() {
    const { info, twin, among } = this;
    if (!info) return;
    const signal = this.asks.next();
    const images = evenly(among(), COUNT);
    this.showButton.disabled = true;
    this.status.tell("Decoding…");
    try {
      const models = twin ? [info, twin] : [info];
      const [sprites, ...found] = await Promise.all([view.sprites(info.name), ...models.map((model) => reconstructed(model, images))]);
      const tiles = [];
      for (const [k, image] of images.entries()) {
        const canvas = h("canvas.xp-image");
        await paintTile(canvas, info, sprites, image, found.map(({ decoded }) => decoded), k);
        tiles.push({ image, canvas, errors: found.map(({ errors }) => errors[k]) });
      }
      if (signal.aborted) return;
      this.tiles = tiles;
      this.status.clear();
      this.body.hidden = false;
      this.buildBar();
      this.arrange();
    } catch (error) {
      if (!signal.aborted) this.status.say(/** @type {Error} */ (error).message);
    } finally {
      if (!signal.aborted) this.showButton.disabled = false;
    }
  }

  buildBar() {
    const { info, twin } = this;
    if (!info) return;
    const orders = twin ? ORDERS : ORDERS.filter(({ value }) => value !== "twin" && value !== "difference");
    if (!orders.some(({ value }) => value === this.order)) this.order = "number";
    this.bar.replaceChildren(
      dropdown("Sorted by", orders, this.order, (order) => this.arrange(order), "In which order the images stand"),
      button("Save as PNG", "All pictures in this order as one file, for yourself: it holds images of the data set", () => this.save(true)),
      button("Save decodes only", "The same without the data set's images, so that it may be passed on", () => this.save(false)),
    );
    this.legend.textContent =
      `Of each: the image, what ${info.name} makes of it${twin ? `, what ${twin.name} does` : ""}; below them the mean squared errors, ` +
      "pixels in [0, 1]. Click one to see it above.";
  }

  /** @param {string} [order] */
  arrange(order = this.order) {
    this.order = order;
    const twins = this.twin ? this.tiles.map(({ errors }) => errors[1]) : null;
    const places = placesBy(order, this.tiles.map(({ errors }) => errors[0]), twins);
    this.grid.replaceChildren(
      ...places.map((k) => {
        const { image, canvas, errors } = this.tiles[k];
        const words = errors.map((error) => shown(error, 2)).join(" · ");
        return h(
          "button.xp-film",
          { type: "button", title: `Test image ${image}: MSE ${words}`, "aria-label": `test image ${image}, mean squared error ${words}`, "data-image": image, onclick: () => this.chosen(image) },
          canvas,
          h("span", {}, words),
        );
      }),
    );
    this.grid.dataset.order = order;
  }

  /** @param {boolean} withImages */
  save(withImages) {
    const { info, twin } = this;
    if (!info) return;
    const [, height, width] = info.image_shape;
    const skip = withImages ? 0 : width + GAP;
    const columns = Math.min(EXPORT_COLUMNS, this.tiles.length);
    const tile = { width: this.tiles[0].canvas.width - skip, height };
    const step = { x: tile.width + 4 * GAP, y: tile.height + 4 * GAP };
    const sheet = h("canvas", { width: EXPORT_SCALE * step.x * columns, height: EXPORT_SCALE * step.y * Math.ceil(this.tiles.length / columns) });
    const pen = context(sheet);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.imageSmoothingEnabled = false;
    const shownNow = [...this.grid.querySelectorAll("canvas")];
    shownNow.forEach((canvas, k) => {
      const [x, y] = [(k % columns) * step.x + 2 * GAP, Math.floor(k / columns) * step.y + 2 * GAP];
      pen.drawImage(canvas, skip, 0, tile.width, tile.height, EXPORT_SCALE * x, EXPORT_SCALE * y, EXPORT_SCALE * tile.width, EXPORT_SCALE * tile.height);
    });
    sheet.toBlob((/** @type {Blob | null} */ blob) => {
      if (!blob) {
        this.status.say("This browser cannot make a PNG of it.");
        return;
      }
      const url = URL.createObjectURL(blob);
      h("a", { href: url, download: `${info.name}${twin ? `-${twin.name}` : ""}-${withImages ? "gallery" : "decodes"}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    });
  }
}

/**
 * Reconstructions of test images and their errors.
 * @param {RunInfo} info
 * @param {number[]} images
 */
async function reconstructed({ name, latent_dim: d }, images) {
  const points = await view.points(name);
  const latents = new Float32Array(images.length * d);
  images.forEach((image, k) => latents.set(points.subarray(image * d, (image + 1) * d), k * d));
  const [decoded, errors] = await Promise.all([source.decode(name, latents, images.length), askErrors(name, images)]);
  return { decoded, errors };
}

/**
 * A test image and its reconstructions side by side.
 * @param {HTMLCanvasElement} canvas
 * @param {RunInfo} info
 * @param {import("../page/sprites.js").Sprites} sprites
 * @param {number} image
 * @param {import("../kit/pixels.js").Decoded[]} decoded Of several images.
 * @param {number} k Which of them.
 */
async function paintTile(canvas, info, sprites, image, decoded, k) {
  const [channels, height, width] = info.image_shape;
  const original = h("canvas");
  await sprites.paint(original, image);
  canvas.width = (decoded.length + 1) * (width + GAP) - GAP;
  canvas.height = height;
  canvas.style.width = `${shownWidth(canvas.width, TILE)}px`;
  const pen = context(canvas);
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, canvas.width, height);
  pen.drawImage(original, 0, 0);
  decoded.forEach(({ pixels }, m) => {
    const rgba = toRgba(pixels, channels, k * height * width * channels, height * width);
    pen.putImageData(new ImageData(/** @type {any} */ (rgba), width, height), (m + 1) * (width + GAP), 0);
  });
}
