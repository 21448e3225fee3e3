/** Fit here: the form that begins a fit on this machine. Only the person at the machine is offered it; the server decides. */

import { button, dropdown, h, segmented } from "../kit/dom.js";
import { source } from "../source/source.js";
import { openDialog } from "./dialog.js";
import { view } from "./view.js";

/**
 * A data set that may be fitted (explorer/views/fitting.py, `fit_form`).
 * @typedef {object} FitData
 * @property {string} name
 * @property {string} title
 * @property {string | null} place Where it was found; null of a folder that is yet to be named.
 * @property {boolean} folder Whether it takes a folder of pictures.
 * @property {number} latent_dim The usual one.
 * @property {number} epochs
 *
 * @typedef {{title: string, hint: string, wish: object}} FitRecipe
 *
 * What may be fitted.
 * @typedef {object} FitOffer
 * @property {FitData[]} datasets
 * @property {{name: string, title: string, beta: boolean}[]} families
 * @property {Record<string, [number, number]>} ranges Least and most, by setting.
 * @property {FitRecipe[]} recipes
 */

/** Whether fits may be begun here. @returns {Promise<boolean>} */
export async function canFit() {
  return Promise.resolve(source.fitHere?.("look")).then((told) => Boolean(told?.offered), () => false);
}

/**
 * A button that offers to fit a model, once it is known that this may be done here.
 * @param {string} text
 * @param {() => HTMLElement} within Where the form opens.
 * @param {() => void} [pressed] Called before it does.
 * @returns {HTMLButtonElement}
 */
export function fitButton(text, within, pressed = () => {}) {
  const open = () => {
    pressed();
    openFitForm(within());
  };
  const element = button(text, "Fit a model on this machine, and watch it grow", open);
  element.hidden = true;
  canFit().then((can) => (element.hidden = !can));
  return element;
}

const MINUTES = 2;

/** The form. */
export class FitForm {
  /**
   * @param {FitOffer} offer
   * @param {(wish: object) => Promise<void>} begin
   */
  constructor({ datasets, families, ranges, recipes }, begin) {
    this.begin = begin;
    this.datasets = datasets;
    this.families = families;
    this.said = h("p.xp-status", { role: "alert" });
    const number = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number | ""} */ value, /** @type {string} */ hint) => {
      const [least, most] = ranges[name];
      const input = h("input.xp-number", { type: "number", name, min: String(least), max: String(most), step: name === "latent_dim" || name === "epochs" ? "1" : "any", value: String(value), required: true });
      return h("label.xp-field", { title: hint }, h("span", {}, label), input);
    };
    this.data = datasets[0];
    this.place = h("p.xp-hint");
    this.folder = h("label.xp-field.xp-fit-folder", {}, h("span", {}, "Folder of pictures on this machine"), h("input", { type: "text", name: "folder", maxLength: 1000, spellcheck: false, autocomplete: "off" }));
    this.latent = number("latent_dim", "Latent dimensions d", "", "How many numbers an image becomes");
    this.beta = number("beta", "beta", 1, "Weight of the rate: 0 for none, 4 to watch a collapse");
    this.minutes = number("minutes", "Minutes of fitting", MINUTES, "As many epochs as fit into this time");
    this.epochs = number("epochs", "Epochs", "", "Passes over the training images");
    this.twin = h("input", { type: "checkbox", name: "twin", checked: false });
    this.whole = h("input", { type: "checkbox", name: "whole", checked: false });
    this.family = "vae";
    this.until = "minutes";
    const options = datasets.map(({ name, title }) => ({ value: name, text: title }));
    const kinds = families.map(({ name, title }) => ({ value: name, text: title }));
    const untils = [
      { value: "minutes", text: "minutes" },
      { value: "epochs", text: "epochs" },
    ];
    this.submit = h("button.xp-button.xp-fit-begin", { type: "submit" }, "Fit");
    this.recipes = recipes.map((recipe) => button(recipe.title, recipe.hint, () => this.send(recipe.wish)));
    const check = (/** @type {HTMLElement} */ box, /** @type {string} */ text) => h("label.xp-fit-check", {}, box, text);
    const fields = h(
      "form.xp-fit-form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.send(this.wish());
        },
      },
      h(
        "div.xp-bar",
        {},
        dropdown("Data set", options, this.data?.name ?? "", (name) => this.choose(name)),
        dropdown("Model", kinds, this.family, (name) => this.suit(name)),
        this.latent,
        this.beta,
      ),
      this.place,
      this.folder,
      h("div.xp-bar", {}, segmented("Until", untils, this.until, (until) => this.limit(until)), this.minutes, this.epochs),
      h("div.xp-bar", {}, check(this.twin, "its autoencoder twin, too"), check(this.whole, "all scores, which take longer")),
      h("div.xp-bar", {}, this.submit),
    );
    this.element = h("div.xp-fit", {}, h("div.xp-bar", { role: "group", "aria-label": "fits to begin with" }, ...this.recipes), fields, this.said);
    this.choose(this.data?.name ?? "");
    this.suit(this.family);
    this.limit(this.until);
  }

  /** @param {HTMLElement} field @returns {HTMLInputElement} */
  input(field) {
    return /** @type {HTMLInputElement} */ (field.querySelector("input"));
  }

  /** Leave a field in or out. @param {HTMLElement} field @param {boolean} is */
  want(field, is) {
    field.hidden = !is;
    this.input(field).disabled = !is;
  }

  /** @param {string} name Of a data set. */
  choose(name) {
    const found = this.datasets.find((each) => each.name === name);
    if (!found) return;
    this.data = found;
    this.place.textContent = found.place ? `${found.title}: ${found.place}.` : "Its sub-folders, if it has some, are classes.";
    this.want(this.folder, found.folder);
    this.input(this.folder).required = found.folder;
    this.input(this.latent).value = String(found.latent_dim);
    this.input(this.epochs).value = String(found.epochs);
  }

  /** @param {string} name Of a family. */
  suit(name) {
    this.family = name;
    this.want(this.beta, this.families.find((each) => each.name === name)?.beta ?? false);
  }

  /** @param {string} until */
  limit(until) {
    this.until = until;
    this.want(this.minutes, until === "minutes");
    this.want(this.epochs, until === "epochs");
  }

  /** What the form asks for. */
  wish() {
    const told = (/** @type {HTMLElement} */ field) => (field.hidden ? {} : { [this.input(field).name]: Number(this.input(field).value) });
    const folder = this.data?.folder ? { folder: this.input(this.folder).value } : {};
    const switches = { twin: this.twin.checked, quick: !this.whole.checked };
    return { dataset: this.data?.name, family: this.family, ...folder, ...told(this.latent), ...told(this.beta), ...told(this.minutes), ...told(this.epochs), ...switches };
  }

  /** @param {object} wish */
  async send(wish) {
    const all = [this.submit, ...this.recipes];
    for (const each of all) each.disabled = true;
    this.said.textContent = "";
    try {
      await this.begin(wish);
    } catch (error) {
      this.said.textContent = /** @type {Error} */ (error).message;
    }
    for (const each of all) each.disabled = false;
  }
}

/**
 * Open the form; once a fit is begun, Report shows it.
 * @param {HTMLElement} within Whose style it takes.
 */
export async function openFitForm(within) {
  const body = h("div", {}, h("p", { role: "status" }, "Looking for data sets…"));
  const dialog = openDialog(within, "Fit here", body);
  try {
    const offer = await source.fitHere?.("form");
    if (!offer?.offered) throw new Error(offer?.why ?? "Nothing can be fitted here.");
    const begin = async (/** @type {object} */ wish) => {
      await source.fitHere?.("start", wish);
      dialog.close();
      view.dispatchEvent(new Event("fit"));
      if (view.run) view.goTo({ tab: "report" }); // a page without runs shows it where it stands
    };
    body.replaceChildren(h("p", {}, "A model is fitted on this machine, beside this page; Report shows it growing."), new FitForm(offer, begin).element);
  } catch (error) {
    body.replaceChildren(h("p.xp-status", { role: "alert" }, /** @type {Error} */ (error).message));
  }
}
