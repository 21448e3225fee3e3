/** Training: how a run and its twin were fitted, epoch by epoch and dimension by dimension. */

import { button, dropdown, freshId, h, shown, useStyle } from "./dom.js";
import { Figure } from "./figure.js";
import { context, fitWhole } from "./pixels.js";
import { address, askJson, stored } from "./transport.js";
import { follow, view } from "./view.js";

/**
 * @typedef {{epoch: number, url: string}} Sheet
 * @typedef {{group: string, name: string, meaning: string, text: string, detail: string}} Row
 * @typedef {{axis: number, rate: number, variance: number, active: boolean}} Axis
 *
 * What the server tells of a run (explorer/ui/training.py, `story`).
 * @typedef {object} Story
 * @property {string} name
 * @property {string} family
 * @property {boolean} point Whether codes are points, as an autoencoder's: no rate, no prior.
 * @property {string | null} note Why there are no curves.
 * @property {boolean} has_curves
 * @property {boolean} has_rates Whether the rate of each dimension is known over the epochs.
 * @property {boolean} varies_beta
 * @property {Sheet[]} sheets In order of their epochs.
 * @property {Axis[]} axes Strongest first.
 * @property {Row[]} card
 */

const FRAME_MS = 450;
const SHEET_WIDTH = 460;

/**
 * Epochs after which any of the runs kept a sheet, in order.
 * @param {Pick<Story, "sheets">[]} stories
 */
export function sheetEpochs(stories) {
  return [...new Set(stories.flatMap(({ sheets }) => sheets.map(({ epoch }) => epoch)))].sort((a, b) => a - b);
}

/**
 * The last sheet kept up to an epoch; before the first one, the first.
 * @param {Sheet[]} sheets In order.
 * @param {number} epoch
 * @returns {Sheet | null}
 */
export function sheetAt(sheets, epoch) {
  return sheets.filter((sheet) => sheet.epoch <= epoch).at(-1) ?? sheets[0] ?? null;
}

/**
 * The cards of several runs as one table: a row for every name that any of them has, groups together.
 * @param {Row[][]} cards
 * @returns {{group: string, name: string, meaning: string, cells: (Row | null)[]}[]}
 */
export function mergedRows(cards) {
  const all = [...cards].sort((a, b) => b.length - a.length).flat(); // the fullest card gives the order
  const groups = [...new Set(all.map((row) => row.group))];
  return groups.flatMap((group) => {
    const names = [...new Set(all.filter((row) => row.group === group).map((row) => row.name))];
    return names.map((name) => {
      const cells = cards.map((rows) => rows.find((row) => row.group === group && row.name === name) ?? null);
      return { group, name, meaning: cells.find((cell) => cell)?.meaning ?? "", cells };
    });
  });
}

/**
 * Which dimensions are in use, and by name those that are not.
 * @param {Pick<Story, "axes" | "point">} story
 */
export function activeWords({ axes, point }) {
  const idle = axes.filter(({ active }) => !active).map(({ axis }) => axis);
  const rule = point ? "0.01 of the widest axis's variance" : "0.01";
  const words = `${axes.length - idle.length} of ${axes.length} dimensions are active: their posterior mean varies by more than ${rule} over the test images.`;
  if (!idle.length) return words;
  const named = [...idle].sort((a, b) => a - b).join(", ");
  return `${words} Collapsed, and hatched: ${idle.length === 1 ? "axis" : "axes"} ${named}.`;
}

/**
 * A figure that lets the page scroll under a finger or a wheel.
 * @param {string} label
 * @param {{[name: string]: any}} [listeners]
 */
function calm(label, listeners) {
  const figure = new Figure(label, listeners);
  figure.scrollZoom = false;
  figure.prepare = (_, layout) => (layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom");
  return figure;
}

/** The sheets of one run. */
class Sheets {
  /** @param {(words: string) => void} say */
  constructor(say) {
    this.say = say;
    /** @type {Sheet[]} */
    this.sheets = [];
    /** @type {Map<string, Promise<HTMLImageElement>>} */
    this.pictures = new Map();
    this.canvas = h("canvas.xp-image", { width: 64, height: 64, role: "img" });
    this.title = h("h3");
    this.caption = h("p.xp-hint");
    this.missing = h("p.xp-hint", {}, "This run kept no sheets; train.py keeps one every --save-every epochs.");
    const room = h("div.xp-sheet", {}, this.canvas);
    this.element = h("section.xp-half", {}, this.title, room, this.caption, this.missing);
    this.fit = fitWhole(this.canvas, room, SHEET_WIDTH);
  }

  /** @param {Story | null} story */
  setStory(story) {
    this.sheets = story?.sheets ?? [];
    this.pictures.clear();
    this.wanted = "";
    this.element.hidden = !story;
    this.title.textContent = story?.name ?? "";
    this.family = story?.point ? "one Gaussian of its codes" : "the prior";
    this.canvas.hidden = this.caption.hidden = !this.sheets.length;
    this.missing.hidden = this.sheets.length > 0;
    delete this.canvas.dataset.epoch;
  }

  /** @param {Sheet} sheet @returns {Promise<HTMLImageElement>} */
  picture({ url }) {
    let found = this.pictures.get(url);
    if (!found) {
      const image = h("img", { src: stored(url).href, alt: "" });
      found = image.decode().then(() => image);
      this.pictures.set(url, /** @type {Promise<HTMLImageElement>} */ (found));
      found?.catch(() => this.pictures.delete(url));
    }
    return /** @type {Promise<HTMLImageElement>} */ (found);
  }

  /** @param {number} epoch */
  async show(epoch) {
    const sheet = sheetAt(this.sheets, epoch);
    if (!sheet) return;
    this.wanted = sheet.url;
    try {
      const image = await this.picture(sheet);
      if (this.wanted !== sheet.url) return;
      this.canvas.width = image.naturalWidth;
      this.canvas.height = image.naturalHeight;
      context(this.canvas).drawImage(image, 0, 0);
      this.canvas.dataset.epoch = String(sheet.epoch);
      this.canvas.setAttribute("aria-label", `decodes of ${this.title.textContent} after epoch ${sheet.epoch}`);
      this.caption.textContent = `After epoch ${sheet.epoch}, latents from ${this.family}.`;
      this.fit();
    } catch {
      if (this.wanted === sheet.url) this.say(`The sheet of epoch ${sheet.epoch} did not load; reload the page.`);
    }
  }
}

/** What the dimensions of one run carry. */
class Dimensions {
  /** @param {(words: string) => void} say */
  constructor(say) {
    const fail = (/** @type {Error} */ error) => say(error.message);
    this.title = h("h3");
    this.words = h("p.xp-hint");
    this.bars = calm("each latent axis, strongest first", {
      fail,
      click: (/** @type {import("./figure.js").Place} */ { index }) => index !== null && this.choose(index),
    });
    this.rates = calm("rate of each latent axis over the epochs", { fail });
    this.histogram = calm("histogram of one latent axis", { fail, drawn: () => this.read() });
    this.rateHint = h("p.xp-hint");
    this.pick = h("div.xp-bar");
    this.reading = h("p.xp-hint", { role: "status" });
    this.element = h(
      "section.xp-half",
      {},
      this.title,
      this.words,
      this.bars.element,
      this.pick,
      this.histogram.element,
      this.reading,
      this.rateHint,
      this.rates.element,
    );
    /** @type {Story | null} */
    this.story = null;
  }

  /** @param {Story | null} story */
  setStory(story) {
    this.story = story;
    this.element.hidden = !story;
    if (!story) return;
    this.title.textContent = story.name;
    const scale = story.point ? " An autoencoder has no rate: the bars are variances of its codes, on a scale of its own." : "";
    this.words.textContent = activeWords(story) + scale;
    this.bars.show(story.name, "axis-bars");
    this.rates.element.hidden = !story.has_rates;
    this.rateHint.hidden = story.point || Boolean(story.note);
    this.rateHint.textContent = story.has_rates
      ? "How the rate of each axis settled; the weaker the axis, the fainter its line, and lines of collapsed axes are dotted."
      : "How these rates settled over the epochs is not known.";
    if (story.has_rates) this.rates.show(story.name, "axis-rates");
    const options = story.axes.map(({ axis, rate, variance, active }) => ({
      value: String(axis),
      text: `axis ${axis}, ${story.point ? `variance ${shown(variance)}` : `${shown(rate)} nats`}${active ? "" : ", collapsed"}`,
    }));
    const field = dropdown("Codes of", options, options[0].value, (axis) => this.choose(Number(axis)), "Which dimension's codes to look at");
    this.select = field.querySelector("select");
    this.pick.replaceChildren(field);
    this.choose(story.axes[0].axis);
  }

  /** @param {number} axis */
  choose(axis) {
    if (!this.story) return;
    if (this.select) this.select.value = String(axis);
    this.histogram.show(this.story.name, "axis-histogram", { axis });
  }

  read() {
    const { axis, mean, deviation, prior } = this.histogram.meta;
    if (mean === undefined) return;
    const words = `Bars: drawn codes of axis ${axis}, mean ${shown(mean, 2)}, standard deviation ${shown(deviation)}.`;
    this.reading.textContent = prior
      ? `${words} Dashed: the prior N(0, 1).`
      : `${words} Dashed: a Gaussian of the same mean and deviation. An autoencoder has no prior, so its scale is its own.`;
  }
}

/** The epoch and what moves it. */
class Scrubber {
  /** @param {(epoch: number) => void} moved */
  constructor(moved) {
    this.moved = moved;
    /** @type {number[]} */
    this.epochs = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    const id = freshId();
    this.range = h("input", { type: "range", id, min: "0", step: "1", title: "Arrow keys move one sheet at a time", oninput: () => this.halt() });
    this.output = h("output.xp-epoch", { for: id });
    this.play = button("Play", "Show the sheets one after the other", () => this.press());
    this.element = h("div.xp-scrubber", {}, h("label", { for: id }, "Epoch"), this.range, this.output, this.play);
    this.still.addEventListener("change", () => this.halt());
  }

  /** @param {number[]} epochs */
  setEpochs(epochs) {
    this.epochs = epochs;
    this.range.max = String(Math.max(0, epochs.length - 1));
    this.range.value = this.range.max;
    this.play.disabled = this.range.disabled = epochs.length < 2;
    this.halt();
  }

  halt() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.update();
  }

  press() {
    if (this.timer !== undefined) return this.halt();
    const last = this.epochs.length - 1;
    if (this.still.matches) {
      this.range.value = String((Number(this.range.value) + 1) % (last + 1));
      return this.update();
    }
    if (Number(this.range.value) === last) this.range.value = "0";
    this.timer = setTimeout(() => this.advance(), FRAME_MS);
    return this.update();
  }

  advance() {
    const last = this.epochs.length - 1;
    this.range.value = String(Math.min(last, Number(this.range.value) + 1));
    const going = Number(this.range.value) < last && this.element.offsetParent; // not on another tab
    this.timer = going ? setTimeout(() => this.advance(), FRAME_MS) : undefined;
    this.update();
  }

  update() {
    this.play.textContent = this.timer !== undefined ? "Pause" : this.still.matches ? "Next sheet" : "Play";
    const epoch = this.epochs[Number(this.range.value)];
    if (epoch === undefined) return;
    this.output.textContent = String(epoch);
    this.range.setAttribute("aria-valuetext", `epoch ${epoch}`);
    this.moved(epoch);
  }
}

/**
 * The cards of the runs as a table.
 * @param {Story[]} stories
 */
function cardTable(stories) {
  const body = [];
  let group = "";
  for (const row of mergedRows(stories.map((story) => story.card))) {
    if (row.group !== group) {
      group = row.group;
      body.push(h("tr.xp-group", {}, h("th", { scope: "rowgroup", colSpan: stories.length + 1 }, group)));
    }
    const cells = row.cells.map((cell) => h("td", {}, cell?.text ?? "–", cell?.detail ? h("small", {}, cell.detail) : null));
    body.push(h("tr", {}, h("th", { scope: "row" }, row.name, h("small", {}, row.meaning)), ...cells));
  }
  const heads = stories.map(({ name }) => h("th", { scope: "col" }, name));
  return h("table.xp-table", { "aria-label": "card of the run" }, h("thead", {}, h("tr", {}, h("td"), ...heads)), h("tbody", {}, ...body));
}

const PANELS = /** @type {const} */ (["sum", "distortion", "rate", "beta"]);

const LOSS_HINT =
  "Solid: training images; dashed, open markers: images held out for validation. Their sum is, for a VAE, the negative ELBO. " +
  "The frames leave out what the first epochs lost; double-click one for all of it, drag to zoom.";

const SHEET_HINT =
  "What the decoder made of 64 latents after each kept epoch: a VAE's come from its prior, an autoencoder's from one Gaussian " +
  "fitted to its codes, and with two dimensions they are a lattice over ±2 standard deviations. These are decodes, never images of the data set.";

class TrainingTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.status = h("p.xp-status", { role: "status" });
    const say = (/** @type {string} */ words) => (this.status.textContent = words);
    this.say = say;
    this.note = h("p.xp-hint");
    this.legend = h("p.xp-legend");
    this.panels = PANELS.map((part) =>
      calm(`${part === "sum" ? "distortion plus rate" : part} over the epochs`, {
        fail: (/** @type {Error} */ error) => say(error.message),
        drawn: () => part === "sum" && this.drawLegend(),
      }),
    );
    this.losses = h(
      "section",
      {},
      h("h3", {}, "Loss curves"),
      this.legend,
      h("p.xp-hint", {}, LOSS_HINT),
      h("div.xp-losses", {}, ...this.panels.map((panel) => panel.element)),
    );
    this.sheets = [new Sheets(say), new Sheets(say)];
    this.scrubber = new Scrubber((epoch) => this.sheets.forEach((sheets) => sheets.show(epoch)));
    this.decodes = h(
      "section",
      {},
      h("h3", {}, "Decodes by epoch"),
      h("p.xp-hint", {}, SHEET_HINT),
      this.scrubber.element,
      h("div.xp-twins", {}, ...this.sheets.map((sheets) => sheets.element)),
    );
    this.noSheets = h("p.xp-hint", {}, "No sheets of decodes were kept; train.py keeps one every --save-every epochs.");
    this.dimensions = [new Dimensions(say), new Dimensions(say)];
    this.card = h("div.xp-scroll");
    this.body = h(
      "div.xp-training",
      {},
      this.note,
      this.losses,
      this.decodes,
      this.noSheets,
      h(
        "section",
        {},
        h("h3", {}, "Latent dimensions"),
        h("p.xp-hint", {}, "What each axis carries at the end, on the test images. Click a bar, or choose an axis, for its codes."),
        h("div.xp-twins", {}, ...this.dimensions.map((dimensions) => dimensions.element)),
      ),
      h("section", {}, h("h3", {}, "Card"), this.card),
    );
    root.replaceChildren(this.body, this.status);
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.body.hidden = true;
    this.say("");
    if (!run) return;
    /** @type {Story[]} */
    let stories;
    try {
      const info = await view.info(run);
      const tell = (/** @type {string} */ name) => askJson(address(name, "training"));
      const twin = info.twin ? tell(info.twin).catch(() => null) : null;
      stories = [await tell(run), await twin].filter((story) => story !== null);
    } catch (error) {
      if (view.run === run) this.say(/** @type {Error} */ (error).message);
      return;
    }
    if (view.run !== run) return;
    stories.sort((a, b) => Number(b.point) - Number(a.point)); // as in Holes: the autoencoder on the left
    this.body.hidden = false;
    const notes = stories.filter(({ note }) => note).map(({ note, name }) => ({ note, name }));
    const same = notes.length === stories.length && new Set(notes.map(({ note }) => note)).size === 1;
    this.note.textContent = same ? notes[0].note : notes.map(({ note, name }) => `${name}: ${note}`).join(" ");
    this.note.hidden = !notes.length;
    const curves = stories.some((story) => story.has_curves);
    this.losses.hidden = !curves;
    PANELS.forEach((part, i) => {
      const panel = this.panels[i];
      const rated = stories.some((story) => story.has_curves && !story.point);
      const wanted = part === "beta" ? stories.some((story) => story.varies_beta) : part !== "rate" || rated;
      panel.element.hidden = !wanted || !curves;
      if (!panel.element.hidden) panel.show(run, "losses", { part });
    });
    const epochs = sheetEpochs(stories);
    this.decodes.hidden = !epochs.length;
    this.noSheets.hidden = epochs.length > 0 || stories.every((story) => story.note);
    this.sheets.forEach((sheets, i) => sheets.setStory(stories[i] ?? null));
    this.scrubber.setEpochs(epochs);
    this.dimensions.forEach((dimensions, i) => dimensions.setStory(stories[i] ?? null));
    this.card.replaceChildren(cardTable(stories));
    this.body.dataset.shown = run;
  }

  drawLegend() {
    const runs = /** @type {{name: string, colour: string, symbol: string}[]} */ (this.panels[0].meta.legend ?? []);
    this.legend.replaceChildren(
      ...runs.map(({ name, colour, symbol }) => {
        const mark = h("span.xp-mark", { "aria-hidden": "true" });
        mark.style.background = colour;
        mark.style.borderRadius = symbol === "circle" ? "50%" : "1px";
        return h("span", {}, mark, name);
      }),
    );
  }
}

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const tab = new TrainingTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "training", (run) => tab.setRun(run));
}
