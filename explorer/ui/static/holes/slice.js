/** Which slice of a latent space with many dimensions Holes shows: through three images, or along two directions. */

import { button, dropdown, h, segmented } from "../kit/dom.js";
import { sliceDirections, threeOf } from "./grid.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {"images" | "directions"} SliceWay */

const IMAGES_HINT = "The slice runs through three real images, marked 1, 2 and 3: the best-supported places there are, so few holes show here.";
const DIRECTIONS_HINT =
  "The slice runs through the middle of the codes. Axes and components are each model's own, by strength; classes and attributes mean the same in both.";

export class SliceChoice {
  /**
   * @param {object} wishes
   * @param {() => void} wishes.chosen Another slice.
   * @param {(words: string) => void} wishes.say
   */
  constructor(wishes) {
    this.wishes = wishes;
    /** @type {SliceWay} */
    this.way = "images";
    /** @type {RunInfo[]} */
    this.pair = [];
    /** Images that somebody chose, or null for typical ones. @type {number[] | null} */
    this.images = null;
    this.directions = ["", ""];
    this.boxes = [0, 1, 2].map((k) =>
      h("input.xp-number", { type: "number", min: 0, step: 1, "aria-label": `Test image ${k + 1} of the slice`, onchange: () => this.typed(k) }),
    );
    this.thumbs = [0, 1, 2].map(() => h("canvas.xp-image", { width: 28, height: 28, "aria-hidden": "true" }));
    this.fields = h("div.xp-bar");
    this.hint = h("p.xp-hint");
    this.levels = h("p.xp-hint");
    this.switch = h("div");
    this.element = h("div.xp-holes-slice", {}, h("div.xp-bar", {}, this.switch, this.fields), this.hint, this.levels);
    view.addEventListener("ends", () => this.offerEnds());
  }

  /** How a figure asks for the slice; nothing for the usual one. @returns {Record<string, string>} */
  get query() {
    if ((this.pair[0]?.latent_dim ?? 0) <= 2) return {};
    if (this.way === "directions") return { directions: this.directions.join(",") };
    return this.images ? { anchors: this.images.join(",") } : {};
  }

  /** The slice as the address says it; "" for the usual one. */
  get told() {
    const { directions, anchors } = this.query;
    return directions ?? anchors ?? "";
  }

  /**
   * @param {RunInfo[]} pair
   * @param {string} [cut] As the address says it: numbers of three images, or the keys of two directions.
   */
  setPair(pair, cut = "") {
    this.pair = pair;
    this.images = null;
    this.way = "images";
    this.levels.textContent = "";
    this.element.hidden = (pair[0]?.latent_dim ?? 0) <= 2 || !source.can("holePlane");
    if (this.element.hidden) return;
    const options = sliceDirections(pair[0]);
    this.directions = [options[0].value, options[Math.min(1, options.length - 1)].value];
    const parts = cut.split(",");
    const most = Math.min(...pair.map(({ count }) => count));
    const numbers = parts.map(Number);
    if (parts.length === 2 && parts[0] !== parts[1] && parts.every((part) => options.some(({ value }) => value === part))) {
      this.way = "directions";
      this.directions = parts;
    } else if (new Set(numbers).size === 3 && numbers.length === 3 && numbers.every((n) => Number.isInteger(n) && n >= 0 && n < most)) {
      this.images = numbers;
    }
    this.show();
  }

  show() {
    const ways = [
      { value: "images", text: "Three images", hint: "The plane through three encoded test images" },
      { value: "directions", text: "Two directions", hint: "The plane through the middle of the codes along two directions" },
    ];
    this.switch.replaceChildren(
      segmented("Slice through", ways, this.way, (way) => {
        this.way = /** @type {SliceWay} */ (way);
        this.show();
        this.wishes.chosen();
      }),
    );
    this.hint.textContent = this.way === "images" ? IMAGES_HINT : DIRECTIONS_HINT;
    if (this.way === "images") this.showImages();
    else this.showDirections();
  }

  showImages() {
    const most = Math.min(...this.pair.map(({ count }) => count)) - 1;
    this.taken = button("Images A and B", "Put the test images at the ends of Interpolate's walk in the place of images 1 and 2", () => this.takeEnds());
    this.fields.replaceChildren(
      ...this.boxes.map((box, k) => {
        box.max = String(most);
        const row = h("span.xp-holes-pick", {}, this.thumbs[k], box);
        return h("label.xp-field", { title: `Number of a test image, 0 to ${most}` }, h("span", {}, `Image ${k + 1}`), row);
      }),
      button("Other slice", "Span the slice by three other test images, picked at random", () => {
        this.images = threeOf(most + 1);
        this.wishes.chosen();
      }),
      this.taken,
    );
    this.offerEnds();
  }

  showDirections() {
    const options = sliceDirections(this.pair[0]);
    this.fields.replaceChildren(
      ...["Across", "Upwards"].map((name, k) =>
        dropdown(
          name,
          options,
          this.directions[k],
          (value) => {
            this.directions[k] = value;
            if (this.directions[0] === this.directions[1]) this.wishes.say("These are one and the same direction; choose two that differ.");
            else this.wishes.chosen();
          },
          `Direction of the ${k ? "vertical" : "horizontal"} axis`,
        ),
      ),
    );
  }

  /**
   * The slice is there: show the images that span it, and for latents of several levels which ones it moves.
   * @param {number[]} images
   * @param {string} levels
   */
  drawn(images, levels) {
    this.levels.textContent = levels;
    if (this.way !== "images" || images.length !== 3) return;
    this.spanning = images;
    this.boxes.forEach((box, k) => (box.value = String(images[k])));
    const { name } = this.pair[0];
    view
      .sprites(name)
      .then((sprites) => Promise.all(images.map((image, k) => sprites.paint(this.thumbs[k], image))))
      .catch(() => {}); // the numbers say which they are
  }

  /** @param {number} k */
  typed(k) {
    const numbers = this.boxes.map((box) => box.valueAsNumber);
    const most = Number(this.boxes[k].max);
    if (numbers.some((n) => !(Number.isInteger(n) && n >= 0 && n <= most))) {
      this.boxes[k].value = String(this.spanning?.[k] ?? 0);
      return this.wishes.say(`There is no such image: images 0 to ${most}.`);
    }
    if (new Set(numbers).size < 3) {
      this.boxes[k].value = String(this.spanning?.[k] ?? 0);
      return this.wishes.say("Three different images span a slice; choose another one.");
    }
    this.images = numbers;
    this.wishes.chosen();
  }

  /** The images at the ends of Interpolate's walk; -1 where there is none. */
  ends() {
    const most = Math.min(...this.pair.map(({ count }) => count));
    const dataset = this.pair[0]?.dataset;
    return ["a", "b"].map((end) => {
      const chosen = view.ends[/** @type {"a" | "b"} */ (end)];
      const { kind, index = -1 } = chosen?.whence ?? {};
      const here = chosen && this.pair.some(({ name }) => name === chosen.run);
      return here && dataset && kind === "image" && index < most ? index : -1;
    });
  }

  offerEnds() {
    if (this.taken) this.taken.hidden = this.ends().every((image) => image < 0);
  }

  takeEnds() {
    const wanted = this.ends();
    const kept = (this.spanning ?? [0, 1, 2]).filter((image) => !wanted.includes(image));
    this.images = [0, 1, 2].map((k) => (k < 2 && wanted[k] >= 0 ? wanted[k] : /** @type {number} */ (kept.shift())));
    if (new Set(this.images).size === 3) return this.wishes.chosen();
    this.images = this.spanning ?? null;
    this.wishes.say("Both ends of Interpolate's walk are the same image; choose another one there.");
  }
}
