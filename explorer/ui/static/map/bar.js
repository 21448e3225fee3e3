/** The controls of a map: plane, colours, layers, tools. */

import { button, dropdown, freshId, h, segmented } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { levelOf } from "../latent/latent.js";
import { source } from "../source/source.js";
import { byName, choices, MOST_CLASSES, THE_LARGEST } from "./colours.js";
import { canUnfold, FIT } from "./unfold.js";

/** @param {import("../latent/latent.js").Direction[]} pca */
function pcaHint(pca) {
  const two = pca.slice(0, 2).map(({ name, note }) => `${name}: ${note}`);
  return `The plane in which the encoded data varies most (${two.join(", ")})`;
}

/**
 * What an axis is called in a list: with what it carries, and its level where there are several.
 * @param {import("../latent/latent.js").Direction} axis
 * @param {number[]} [sizes] Axes of each level.
 */
export function axisText({ name, note, vector }, sizes) {
  const level = sizes ? levelOf({ vector }, sizes) : null;
  return level === null ? `${name} (${note})` : `${name} · level ${level} (${note})`;
}

/** @type {[import("./layers.js").LayerName, string, string][]} */
const LAYERS = [
  ["names", "Class names", "The name of every class at the middle of its dots"],
  ["prior", "Prior circles", "1, 2 and 3 standard deviations of the prior N(0, I)"],
  ["density", "Density lines (25, 50, 75, 95 %)", "Each line holds that share of the images drawn"],
  ["spread", "Posterior ellipses", "Where the encoder thinks an image may lie: two standard deviations of the posteriors of up to 150 images"],
  ["classes", "An image per class", "The image in the middle of each class, at the place of its latent"],
  ["pictures", "Pictures as dots", "Images in the place of dots, one for each spot of the map; zoomed in far they are shown anyway"],
  ["backdrop", "Decodes behind", "What the decoder makes of the places of this window, under the dots"],
];

const HOW =
  "Every dot is a test image at the place that the encoder gives it. Click a dot for its numbers and neighbours; click where no dot is to decode " +
  "a place where no image is. Drag to move the map, zoom with the buttons, with Ctrl and the wheel, or with plus and minus; zoomed in far, dots become their images. " +
  "Without the data set the small pictures are decodes.";

/** The controls above the map, and what lies behind More. */
export class MapBar {
  /** @param {import("./tab.js").Tab} tab */
  constructor(tab) {
    this.tab = tab;
    /** @type {any} */
    this.strength = null;
    /** Of the decodes behind the dots, per cent. */
    this.opacity = 55;
    /** Runs whose maps can stand beside this one. @type {{name: string, text: string}[]} */
    this.others = [];
    this.element = h("div.xp-bar");
    this.checks = h("div.xp-bar.xp-layers", { role: "group", "aria-label": "what is laid over the map" });
    this.chosenNote = h("p.xp-hint", { role: "status" });
    this.pointing = h("div.xp-bar");
    this.unkept = h("p.xp-hint", {}, "How this map unfolded during the fit is not known: the run kept no codes of its epochs. A new fit keeps them.");
    const all = button("Select all shown", "Select every dot that is drawn: hide classes first to select others", () => tab.choose(Array.from(tab.main.rows)));
    /** What a map has beyond its first look. */
    this.more = more("More", tab.note, h("p.xp-hint.xp-prose", {}, HOW), this.pointing, h("h3", {}, "Layers"), this.checks, h("div.xp-bar", {}, all), this.unkept);
  }

  /** Make the controls anew for the run, its plane and its colours. */
  rebuild() {
    const { info } = this.tab;
    if (!info) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const places = [this.element, this.pointing];
    const held = focused && places.some((place) => place.contains(focused)) ? focused.closest("[data-control]") : null;
    const name = held instanceof HTMLElement ? held.dataset.control : null;
    this.element.replaceChildren(...this.planes(), ...this.colours(), ...this.besides());
    this.pointing.replaceChildren(this.hovers(), this.rest());
    const again = name ? places.map((place) => place.querySelector(`[data-control="${name}"] :is(select, input:checked)`)).find(Boolean) : null;
    if (again instanceof HTMLElement) again.focus();
    this.checks.replaceChildren(...this.layers());
    this.told(0, () => {});
    this.mark();
  }

  /** @returns {HTMLElement[]} */
  planes() {
    const { tab } = this;
    const { latent_dim, directions, level_sizes } = /** @type {import("../latent/run.js").RunInfo} */ (tab.info);
    if (latent_dim < 2) return [];
    const axes = directions.axes.map((axis) => ({ value: String(axis.vector.findIndex((v) => Math.abs(v) > 0.5)), text: axisText(axis, level_sizes) }));
    const isAxes = tab.plane.includes(",");
    const [x, y] = isAxes ? tab.plane.split(",") : [axes[0].value, axes[1].value];
    const options = [
      { value: "axes", text: "Two axes", hint: "Two latent dimensions, as they are" },
      { value: "pca", text: "PCA", hint: pcaHint(directions.pca) },
    ];
    if (latent_dim > 2 && source.can("startTsne")) options.push({ value: "tsne", text: "t-SNE", hint: "A layout that keeps neighbours together; computed once, on at most 5,000 images" });
    const parts = [
      named("plane", segmented("Plane", options, isAxes ? "axes" : tab.plane, (plane) => tab.setPlane(plane === "axes" ? `${x},${y}` : plane))),
    ];
    if (isAxes && latent_dim > 2) {
      parts.push(
        named("across", dropdown("Across", axes, x, (value) => tab.setPlane(`${value},${y === value ? x : y}`), "Axis from left to right")),
        named("up", dropdown("Up", axes, y, (value) => tab.setPlane(`${x === value ? y : x},${value}`), "Axis from bottom to top")),
      );
    }
    return parts;
  }

  /** @returns {HTMLElement[]} */
  colours() {
    const { tab } = this;
    const info = /** @type {import("../latent/run.js").RunInfo} */ (tab.info);
    const there = choices(info);
    const field = dropdown("Colour by", there, tab.colour, (colour) => tab.setColour(colour), there.find(({ value }) => value === tab.colour)?.hint);
    const attributes = there.filter(({ value }) => value.startsWith("attribute:")).map(({ value }) => value);
    const options = [...field.querySelectorAll("option")].filter((option) => attributes.includes(option.value));
    if (options.length) {
      const group = h("optgroup", { label: "Attributes" });
      options[0].before(group);
      group.append(...options);
    }
    const parts = [named("colour", field)];
    const names = info.classes ?? [];
    if (tab.colour === "label" && names.length > MOST_CLASSES) parts.push(named("highlight", this.search(names)));
    return parts;
  }

  /**
   * A field that finds classes by their names: of more than are told apart at once some are coloured.
   * @param {string[]} names
   */
  search(names) {
    const { tab } = this;
    const sorted = names.map((name, number) => ({ name, number })).sort((a, b) => byName(a.name, b.name));
    const list = h("datalist", { id: freshId() }, ...sorted.map(({ name }) => h("option", { value: name })));
    const hint = "Type a part of a class's name: it is coloured, beside those found before; the others are grey";
    const field = h("input.xp-number.xp-find", {
      type: "search",
      placeholder: tab.highlight === THE_LARGEST ? "the ten largest are coloured" : "another class",
      title: hint,
      onchange: () => {
        const wanted = field.value.trim().toLowerCase();
        const found = sorted.find(({ name }) => name.toLowerCase() === wanted) ?? sorted.find(({ name }) => wanted && name.toLowerCase().includes(wanted));
        if (found) return tab.findClass(found.number);
        if (wanted) tab.say(`No class is called “${field.value}”.`);
        return undefined;
      },
    });
    field.setAttribute("list", list.id);
    const back = button("The ten largest", "Colour the ten largest classes again", () => tab.setColour("label"));
    back.hidden = tab.highlight === THE_LARGEST;
    return h("span.xp-bar", {}, h("label.xp-field", { title: hint }, h("span", {}, "Find a class"), field, list), back);
  }

  /** The run whose map stands beside this one. @returns {HTMLElement[]} */
  besides() {
    const { tab } = this;
    const info = /** @type {import("../latent/run.js").RunInfo} */ (tab.info);
    const fit = canUnfold(info) ? [{ value: FIT, text: "its fit, epoch by epoch" }] : [];
    if (!this.others.length && !fit.length) return [];
    const options = [{ value: "", text: "nothing" }, ...fit, ...this.others.map(({ name, text }) => ({ value: name, text }))];
    const hint = "Another run over the same images, or this one after earlier epochs: selection, colours and the pointer are shared";
    return [named("beside", dropdown("Beside it", options, tab.besideName ?? "", (name) => tab.setBeside(name), hint))];
  }

  hovers() {
    const { tab } = this;
    const options = [
      { value: "image", text: "Image", hint: "The image of the dot under the pointer" },
      { value: "decode", text: "Decode", hint: "What the decoder makes of the place under the pointer, all the time" },
    ];
    this.hover = named(
      "hover",
      segmented("Pointing shows", options, tab.hoverMode, (mode) => {
        tab.hoverMode = mode;
        for (const side of tab.sides) side.tip.hide();
      }),
    );
    return this.hover;
  }

  /** What a decoded place has in all other directions. */
  rest() {
    const { tab } = this;
    const options = [
      { value: "mean", text: "The mean", hint: "Places are decoded on the plane through the mean of the codes" },
      { value: "chosen", text: "The chosen image", hint: "Places are decoded on the parallel plane through what is chosen on the map" },
    ];
    this.anchor = named(
      "anchor",
      segmented("All else as in", options, tab.anchor, (anchor) => {
        tab.anchor = anchor;
        tab.main.backdrop.follow();
      }),
    );
    return this.anchor;
  }

  /** @returns {HTMLElement[]} */
  layers() {
    const { tab } = this;
    const { on } = tab;
    return LAYERS.map(([name, text, hint]) => {
      const box = h("input", {
        type: "checkbox",
        checked: on[name],
        onchange: () => {
          on[name] = box.checked;
          tab.showLayer(name);
          this.mark();
        },
      });
      const check = h("label.xp-check", { title: hint, "data-layer": name }, box, h("span", {}, text));
      if (name !== "backdrop") return check;
      this.strength = h("input", {
        type: "range",
        min: 5,
        max: 100,
        step: 5,
        value: this.opacity,
        title: "How strong the decodes behind the dots are, per cent",
        "aria-label": "Strength of the decodes, per cent",
        oninput: () => this.fade(),
      });
      this.fade();
      return h("span.xp-bar", { "data-layer": name }, check, this.strength);
    });
  }

  fade() {
    this.opacity = this.strength.valueAsNumber;
    for (const { backdrop } of this.tab.sides) {
      backdrop.opacity = this.opacity / 100;
      backdrop.lay();
    }
  }

  /** Offer only what this run and plane have. */
  mark() {
    const { tab } = this;
    const { info } = tab;
    if (!info) return;
    const isLinear = tab.plane !== "tsne";
    if (this.hover) this.hover.hidden = !isLinear || matchMedia("(hover: none)").matches;
    if (this.anchor) this.anchor.hidden = !isLinear || info.latent_dim <= 2 || !tab.card.chosen;
    const isFlat = isLinear && info.latent_dim > 1;
    const hasSpread = Boolean(info.stored.rate) && isFlat;
    const hasClasses = tab.colour === "label" || Boolean(tab.colouring?.entries?.some((entry) => entry.named));
    /** @type {Partial<Record<string, boolean>>} */
    const offered = { prior: hasSpread, spread: hasSpread, backdrop: isFlat, names: hasClasses, classes: hasClasses || tab.colour.startsWith("attribute:") };
    for (const element of this.checks.children) element.hidden = offered[element.dataset.layer ?? ""] === false;
    this.unkept.hidden = info.epochs?.length !== 0;
    if (this.strength) this.strength.hidden = !tab.on.backdrop;
  }

  /**
   * Say how many images are selected, beside the tools: the summary may be out of sight.
   * @param {number} count
   * @param {() => void} go
   */
  told(count, go) {
    if (!count) return this.chosenNote.replaceChildren();
    const link = h("button.xp-link", { type: "button", title: "Go to what they have in common", onclick: go }, "Summary");
    return this.chosenNote.replaceChildren(`${count.toLocaleString("en")} selected. `, link);
  }
}

/**
 * Name a control, so that it can be found again when the bar is made anew.
 * @param {string} name
 * @param {any} element
 */
function named(name, element) {
  element.dataset.control = name;
  return element;
}
