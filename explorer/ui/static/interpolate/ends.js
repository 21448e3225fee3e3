/** The ends of a walk: which latents they are, and the controls that choose them. */

import { button, dropdown, h } from "../kit/dom.js";
import { dim, paint, shownWidth } from "../kit/pixels.js";
import { shown } from "../latent/numbers.js";
import { norm, sourceWords } from "../latent/walk.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").Chosen} Chosen */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const THUMB = 84; // CSS pixels

/**
 * A test image as a run encodes it.
 * @param {number} index
 * @param {RunInfo} info
 * @returns {Promise<Chosen>}
 */
export async function imageEnd(index, { name, latent_dim: d }) {
  const points = await view.points(name);
  return { run: name, latent: points.slice(index * d, (index + 1) * d), whence: { kind: "image", index } };
}

/**
 * An end as a run has it: the same test image by its own encoding, a bare latent only by the run that it is of.
 * @param {Chosen} chosen
 * @param {RunInfo} info
 * @returns {Promise<Chosen | null>}
 */
export async function endFor(chosen, info) {
  const { run, whence } = chosen;
  if (run === info.name) return chosen.latent.length === info.latent_dim ? chosen : null;
  if (whence.kind !== "image" || whence.index === undefined) return null;
  const other = await view.info(run).catch(() => null);
  return other?.dataset === info.dataset && other.count === info.count ? imageEnd(whence.index, info) : null;
}

/**
 * An end as a link names it.
 * @param {import("../latent/address.js").PathEnd} named
 * @param {RunInfo} info
 * @returns {Promise<Chosen | null>} Null where the run has no such image or latent.
 */
export async function linkedEnd(named, info) {
  if (typeof named === "number") return named < info.count ? imageEnd(named, info) : null;
  return named.length === info.latent_dim ? { run: info.name, latent: named, whence: { kind: "link" } } : null;
}

/**
 * What a link calls an end.
 * @param {Chosen} chosen
 * @returns {import("../latent/address.js").PathEnd}
 */
export const namedEnd = ({ latent, whence: { kind, index } }) => (kind === "image" && index !== undefined ? index : latent);

/** One end: above the fold its picture and another one at a press; what it is and what else it could be behind More. */
export class EndCard {
  /**
   * @param {"a" | "b"} end
   * @param {object} wishes
   * @param {(index: number) => void} wishes.image Another test image is to be the end.
   * @param {() => void} wishes.draw A draw from the prior is to be it.
   * @param {() => void} wishes.take Explore's latent is to be it.
   * @param {(words: string, who?: unknown) => void} wishes.say
   */
  constructor(end, wishes) {
    this.name = end.toUpperCase();
    this.wishes = wishes;
    this.label = "any";
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {Int32Array | null} */
    this.labels = null;
    /** @type {Chosen | null} */
    this.chosen = null;
    this.canvas = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": `end ${this.name}` });
    this.caption = h("p.xp-caption", { "aria-live": "polite" });
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      step: 1,
      "aria-label": `Test image at ${this.name}`,
      onchange: () => this.typed(),
    });
    this.classes = h("div");
    const controls = h(
      "div.xp-bar",
      {},
      h("label.xp-field", { title: "Number of a test image" }, h("span", {}, "Test image"), this.number),
      this.classes,
      button("Shuffle", "A test image at random, of this class if one is chosen", () => this.shuffle()),
      button("Prior draw", "A latent drawn from the prior, or from the Gaussian of the codes of an autoencoder", () => wishes.draw()),
      button("Explore's latent", "The latent that Explore shows", () => wishes.take()),
    );
    this.element = h("fieldset.xp-end", {}, h("legend", {}, `End ${this.name}`), this.caption, controls);
    const another = h("button.xp-button", { type: "button", "aria-label": `another image at ${this.name}`, title: "A test image at random, of the class that is chosen behind More", onclick: () => this.shuffle() }, "Another");
    this.fold = h("figure.xp-end-fold", {}, h("figcaption", {}, this.name), this.canvas, another);
  }

  typed() {
    const index = this.number.valueAsNumber;
    const count = this.info?.count ?? 1;
    if (Number.isInteger(index) && index >= 0 && index < count) return this.wishes.image(index);
    this.number.value = String(this.chosen?.whence.kind === "image" ? this.chosen.whence.index : "");
    this.wishes.say(`There is no such image: images 0 to ${count - 1}.`);
  }

  /**
   * @param {RunInfo} info
   * @param {Int32Array | null} labels
   */
  setRun(info, labels) {
    this.info = info;
    this.labels = labels;
    this.number.max = String(info.count - 1);
    const classes = labels ? (info.classes ?? []) : [];
    if (this.label !== "any" && Number(this.label) >= classes.length) this.label = "any";
    const options = [{ value: "any", text: "any" }, ...classes.map((text, i) => ({ value: String(i), text }))];
    const chosen = (/** @type {string} */ label) => {
      this.label = label;
      this.shuffle();
    };
    this.classes.hidden = !classes.length;
    this.classes.replaceChildren(dropdown("Class", options, this.label, chosen, "Only images of this class"));
  }

  shuffle() {
    const { info, label, labels } = this;
    if (!info) return;
    const all = Array.from({ length: info.count }, (_, i) => i);
    const among = label === "any" || !labels ? all : all.filter((i) => labels[i] === Number(label));
    if (among.length) this.wishes.image(among[Math.floor(Math.random() * among.length)]);
    else this.wishes.say("No test image has this label.");
  }

  /** @param {Chosen | null} chosen */
  async show(chosen) {
    const { canvas, info, labels } = this;
    this.chosen = chosen;
    if (!chosen || !info) return;
    const { index, kind } = chosen.whence;
    const isImage = kind === "image" && index !== undefined;
    const label = isImage && labels && info.classes ? (info.classes[labels[index]] ?? null) : null;
    const words = sourceWords(chosen.whence, label);
    this.caption.textContent = `${words}: norm ${shown(norm(chosen.latent))} latent units`;
    canvas.setAttribute("aria-label", `end ${this.name}: ${words}`);
    this.number.value = isImage ? String(index) : "";
    dim(canvas, true); // until it is this end's picture
    const [, height, width] = info.image_shape;
    canvas.style.width = `${shownWidth(width, THUMB, height)}px`;
    try {
      // without the data set its small pictures are decodes as well, and a sheet of them takes seconds to come
      if (isImage && info.has_images) await (await view.sprites(info.name)).paint(canvas, index);
      else {
        canvas.dataset.wanted = "a decode"; // of no test image that may still be loading
        const decoded = await source.decode(info.name, chosen.latent, 1);
        if (this.chosen === chosen) paint(canvas, decoded);
      }
      if (this.chosen === chosen) {
        dim(canvas, false);
        this.wishes.say("", this);
      }
    } catch (error) {
      if (this.chosen === chosen) this.wishes.say(`No picture of ${this.name}: ${/** @type {Error} */ (error).message}`, this);
    }
  }
}
