/** Training: how a run and its twin were fitted, epoch by epoch and dimension by dimension. */

import { button, dropdown, freshId, h, segmented, shown, useStyle } from "./dom.js";
import { Figure } from "./figure.js";
import { context, fitWhole } from "./pixels.js";
import { address, askJson, stored } from "./transport.js";
import { follow, view } from "./view.js";

/**
 * @typedef {{epoch: number, url: string}} Sheet
 * @typedef {{group: string, name: string, meaning: string, text: string, detail: string}} Row
 * @typedef {{axis: number, rate: number, variance: number, active: boolean}} Axis
 * @typedef {{name: string, dataset: string | null, latent_dim: number | null, twin: string | null, error: string | null}} Listed
 *
 * What the server tells of a run (explorer/ui/training.py, `story`).
 * @typedef {object} Story
 * @property {string} name
 * @property {string} family
 * @property {boolean} point Whether codes are points, as an autoencoder's: no rate, no prior.
 * @property {string | null} note What of the curves is missing, and why.
 * @property {string[]} parts Which curves its history tells.
 * @property {boolean} has_rates Whether the rate of each dimension is known over the epochs.
 * @property {boolean} has_deviations The same of the posterior deviations.
 * @property {boolean} has_levels The same of the rates of levels of latents.
 * @property {number | null} beta
 * @property {boolean} varies_beta
 * @property {number | null} epochs The last one of the fit.
 * @property {Sheet[]} sheets In order of their epochs.
 * @property {Axis[]} axes Strongest first.
 * @property {Record<string, string | null>} scale What its nats are nats of; null where that is not known.
 * @property {{reparameterised: number, score: number} | null} gradient Variance of the encoder's gradient.
 * @property {Row[]} card
 *
 * A place of the scrubber.
 * @typedef {object} Stop
 * @property {number} share Of the fit, in [0, 1].
 * @property {(number | null)[]} epochs After which each run's sheet is shown there.
 * @property {string} text
 * @property {string} spoken
 */

const FRAME_MS = 450;
const SHEET_WIDTH = 460;

/**
 * Where the scrubber stops: after every epoch for which any of the runs kept a sheet. Fits of different lengths are
 * linked by their share, so that the end of one stands beside the end of the other.
 * @param {Pick<Story, "name" | "sheets" | "epochs">[]} stories
 * @returns {{linked: boolean, stops: Stop[]}} `linked`: whether the places are shares of the fits.
 */
export function scrubberStops(stories) {
  const total = (/** @type {Pick<Story, "epochs">} */ { epochs }) => epochs || 1;
  const kept = stories.filter(({ sheets }) => sheets.length);
  const linked = new Set(kept.map(total)).size > 1;
  const shares = kept.flatMap((story) => story.sheets.map(({ epoch }) => +(epoch / total(story)).toFixed(6)));
  const stops = [...new Set(shares)]
    .sort((a, b) => a - b)
    .map((share) => {
      const epochs = stories.map((story) => sheetAt(story.sheets, (share + 1e-6) * total(story))?.epoch ?? null);
      if (!linked) {
        const epoch = String(Math.round(share * total(kept[0])));
        return { share, epochs, text: epoch, spoken: `epoch ${epoch}` };
      }
      const text = `${Math.round(100 * share)} %`;
      const each = stories.flatMap(({ name }, i) => (epochs[i] === null ? [] : [`${name} after epoch ${epochs[i]}`]));
      return { share, epochs, text, spoken: `${text} of the fit: ${each.join(", ")}` };
    });
  return { linked, stops };
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
 * @returns {{group: string, name: string, meaning: string, cells: (Row | null)[], differs: boolean}[]} `differs`:
 *   whether it is a setting in which the runs differ.
 */
export function mergedRows(cards) {
  const all = [...cards].sort((a, b) => b.length - a.length).flat(); // the fullest card gives the order
  const groups = [...new Set(all.map((row) => row.group))];
  return groups.flatMap((group) => {
    const names = [...new Set(all.filter((row) => row.group === group).map((row) => row.name))];
    return names.map((name) => {
      const cells = cards.map((rows) => rows.find((row) => row.group === group && row.name === name) ?? null);
      const values = new Set(cells.map((cell) => cell && `${cell.text}\n${cell.detail}`));
      const differs = SETTINGS.includes(group) && values.size > 1;
      return { group, name, meaning: cells.find((cell) => cell)?.meaning ?? "", cells, differs };
    });
  });
}

/** Settings of which a card shows only those that differ, unless all are asked for. */
const FURTHER = "Further settings";
const SETTINGS = ["Settings", FURTHER];

/**
 * In which settings two runs differ, in words.
 * @param {ReturnType<typeof mergedRows>} rows
 */
export function differingWords(rows) {
  const names = rows.filter(({ differs }) => differs).map(({ name }) => name);
  if (!names.length) return "No setting differs between these two runs.";
  return `${names.length === 1 ? "One setting differs" : `${names.length} settings differ`}: ${names.join(", ")}.`;
}

/**
 * Why the nats of two runs do not compare, or "" where they do as far as is known.
 * @param {Pick<Story, "name" | "scale">[]} stories
 */
export function scaleWords(stories) {
  if (stories.length < 2) return "";
  const [one, two] = stories.map(({ scale }) => scale);
  const foreign = one["data set"] !== two["data set"]; // then its copy and its size say nothing more
  const why = Object.keys(one)
    .filter((what) => one[what] !== null && two[what] !== null && one[what] !== two[what])
    .filter((what) => !foreign || !["copy of the data set", "image size"].includes(what))
    .map((what) => `${what} (${one[what]} and ${two[what]})`);
  if (!why.length) return "";
  const [a, b] = stories.map(({ name }) => name);
  const named = why.length > 1 ? `${why.slice(0, -1).join(", ")} and ${why[why.length - 1]}` : why[0];
  return `The nats of ${a} and ${b} do not compare: the runs differ in ${named}.`;
}

/**
 * Which dimensions count, in words.
 * @param {Pick<Story, "axes" | "point">} story
 */
export function activeWords({ axes, point }) {
  const idle = axes.filter(({ active }) => !active).map(({ axis }) => axis);
  const rule = point ? "0.01 of the widest axis's variance" : "0.01";
  const words = `${axes.length - idle.length} of ${axes.length} dimensions are active: their posterior mean varies by more than ${rule} over the test images.`;
  if (!idle.length) return words;
  const sorted = [...idle].sort((a, b) => a - b);
  const named = sorted.slice(0, MOST_NAMED).join(", ") + (sorted.length > MOST_NAMED ? ` and ${sorted.length - MOST_NAMED} more` : "");
  return `${words} Collapsed, and hatched: ${idle.length === 1 ? "axis" : "axes"} ${named}.`;
}

const MOST_NAMED = 24;

/**
 * What the variances of the encoder's gradient mean.
 * @param {{reparameterised: number, score: number}} gradient
 */
export function gradientWords({ reparameterised, score }) {
  const times = score / reparameterised;
  const ratio = times >= 10 ? Math.round(times).toLocaleString("en") : shown(times, 2);
  return (
    `The score-function estimate varies ${ratio} times as much, so a step as steady as a reparameterised one would need ${ratio} times as many draws. ` +
    "Reparameterised, a latent is mean + deviation · noise, and the decoder's own slope tells the encoder which way to move it; " +
    "the score function only learns how good each draw was."
  );
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
  constructor() {
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

  /** @param {number | null} epoch After which a sheet was kept. */
  async show(epoch) {
    const sheet = this.sheets.find((each) => each.epoch === epoch);
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
      if (this.wanted === sheet.url) this.caption.textContent = `The sheet of epoch ${sheet.epoch} did not load; reload the page.`;
    }
  }
}

/** A figure with a line below that says how to read it. */
class Chart {
  /**
   * @param {string} label What it shows, for screen readers.
   * @param {string} hint How to read it.
   * @param {{[name: string]: any}} [listeners]
   */
  constructor(label, hint, listeners = {}) {
    this.figure = calm(label, {
      ...listeners,
      fail: (/** @type {Error} */ error) => (this.caption.textContent = error.message),
      drawn: () => {
        const { drawn, of } = this.figure.meta;
        this.caption.textContent = drawn < of ? `${this.words} The ${drawn} strongest of ${of} are drawn.`.trim() : this.words;
        listeners.drawn?.();
      },
    });
    this.caption = h("figcaption.xp-hint");
    this.element = h("figure.xp-chart", {}, this.figure.element, this.caption);
    this.say(hint);
  }

  /** @param {string} words How to read it. */
  say(words) {
    this.words = words;
    this.caption.textContent = words;
  }

  /**
   * Show the figure of a run, or nothing.
   * @param {boolean} wanted
   * @param {string} run
   * @param {string} name
   * @param {Record<string, string | number>} query
   */
  show(wanted, run, name, query) {
    this.element.hidden = !wanted;
    if (wanted) this.figure.show(run, name, query);
    else this.figure.drop(); // another theme must not draw what is not shown
  }
}

const OVER_EPOCHS = /** @type {const} */ ([
  {
    of: "rates",
    known: "has_rates",
    label: "rate of each latent axis over the epochs",
    hint:
      "What each axis carries of an image: the weaker it is at the end, the fainter its line. Dotted lines are collapsed axes, " +
      "which stay near 0 or sink to it.",
  },
  {
    of: "deviations",
    known: "has_deviations",
    label: "posterior deviation of each latent axis over the epochs",
    hint:
      "How wide the encoder leaves each code, on held-out images; dashed: the prior's 1. Near 1 with a rate near 0 the axis says " +
      "nothing of the image (collapsed); well below 1 the image pins it down.",
  },
  {
    of: "levels",
    known: "has_levels",
    label: "rate of each level of latents over the epochs",
    hint: "What each level of latents carries, level 1 being the top: a level near 0 is skipped, and the others do its work.",
  },
]);

/** What the dimensions of one run carry. */
class Dimensions {
  constructor() {
    this.title = h("h3");
    this.words = h("p.xp-hint");
    this.bars = new Chart("each latent axis, strongest first", "", {
      click: (/** @type {import("./figure.js").Place} */ { index }) => index !== null && this.choose(index),
    });
    this.lines = OVER_EPOCHS.map(({ label, hint }) => new Chart(label, hint));
    this.codes = new Chart("histogram of one latent axis", "", { drawn: () => this.read() });
    this.unknown = h("p.xp-hint", {}, "How these rates settled over the epochs is not known.");
    this.pick = h("div.xp-bar");
    this.codes.caption.setAttribute("role", "status");
    this.element = h(
      "section.xp-half",
      {},
      this.title,
      this.words,
      this.bars.element,
      this.pick,
      this.codes.element,
      this.unknown,
      ...this.lines.map(({ element }) => element),
    );
    /** @type {Story | null} */
    this.story = null;
    /** @type {Record<string, string>} */
    this.beside = {};
  }

  /**
   * @param {Story | null} story
   * @param {Record<string, string>} beside Of a figure's query: the run that it is compared with.
   */
  setStory(story, beside) {
    this.story = story;
    this.beside = beside;
    this.element.hidden = !story;
    if (!story) {
      for (const { figure } of [this.bars, this.codes, ...this.lines]) figure.drop();
      return;
    }
    this.title.textContent = story.name;
    const scale = story.point ? " An autoencoder has no rate: the bars are variances of its codes, on a scale of its own." : "";
    this.words.textContent = activeWords(story) + scale;
    this.bars.show(true, story.name, "axis-bars", beside);
    OVER_EPOCHS.forEach(({ of, known }, i) => this.lines[i].show(story[known], story.name, "axis-lines", { of, ...beside }));
    this.unknown.hidden = story.point || story.has_rates || Boolean(story.note);
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
    this.codes.show(true, this.story.name, "axis-histogram", { axis, ...this.beside });
  }

  read() {
    const { axis, mean, deviation, prior } = this.codes.figure.meta;
    if (mean === undefined) return;
    const words = `Bars: drawn codes of axis ${axis}, mean ${shown(mean, 2)}, standard deviation ${shown(deviation)}.`;
    this.codes.say(
      prior
        ? `${words} Dashed: the prior N(0, 1); where it stands above the bars it draws latents that images seldom use.`
        : `${words} Dashed: a Gaussian of the same mean and deviation. An autoencoder has no prior, so its scale is its own.`,
    );
  }
}

/** The epoch and what moves it. */
class Scrubber {
  /** @param {(stop: Stop) => void} moved */
  constructor(moved) {
    this.moved = moved;
    /** @type {Stop[]} */
    this.stops = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    const id = freshId();
    this.range = h("input", { type: "range", id, min: "0", step: "1", title: "Arrow keys move one sheet at a time", oninput: () => this.halt() });
    this.output = h("output.xp-epoch", { for: id });
    this.play = button("Play", "Show the sheets one after the other", () => this.press());
    this.label = h("label", { for: id }, "Epoch");
    this.element = h("div.xp-scrubber", {}, this.label, this.range, this.output, this.play);
    this.still.addEventListener("change", () => this.halt());
  }

  /**
   * @param {ReturnType<typeof scrubberStops>} stops
   * @param {boolean} stay Whether to stay where it is, and not to go to the end.
   */
  setStops({ linked, stops }, stay) {
    const share = stay ? (this.stops[Number(this.range.value)]?.share ?? 1) : 1;
    this.stops = stops;
    this.label.textContent = linked ? "Share of the fit" : "Epoch";
    const last = Math.max(0, stops.length - 1);
    this.range.max = String(last);
    const near = stops.findIndex((stop) => stop.share >= share - 1e-6);
    this.range.value = String(near < 0 ? last : near);
    this.play.disabled = this.range.disabled = stops.length < 2;
    this.halt();
  }

  halt() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.update();
  }

  press() {
    if (this.timer !== undefined) return this.halt();
    const last = this.stops.length - 1;
    if (this.still.matches) {
      this.range.value = String((Number(this.range.value) + 1) % (last + 1));
      return this.update();
    }
    if (Number(this.range.value) === last) this.range.value = "0";
    this.timer = setTimeout(() => this.advance(), FRAME_MS);
    return this.update();
  }

  advance() {
    const last = this.stops.length - 1;
    this.range.value = String(Math.min(last, Number(this.range.value) + 1));
    const going = Number(this.range.value) < last && this.element.offsetParent; // not on another tab
    this.timer = going ? setTimeout(() => this.advance(), FRAME_MS) : undefined;
    this.update();
  }

  update() {
    this.play.textContent = this.timer !== undefined ? "Pause" : this.still.matches ? "Next sheet" : "Play";
    const stop = this.stops[Number(this.range.value)];
    if (!stop) return;
    this.output.textContent = stop.text;
    this.range.setAttribute("aria-valuetext", stop.spoken);
    this.moved(stop);
  }
}

/** The cards of the runs in one table. */
class Cards {
  constructor() {
    this.words = h("p.xp-hint");
    this.box = h("input", { type: "checkbox", onchange: () => this.fill() });
    this.all = h("label.xp-check", {}, this.box, "Show all settings");
    this.room = h("div.xp-scroll", { tabIndex: 0, role: "group", "aria-label": "card, scrollable" });
    this.element = h("section", {}, h("h3", {}, "Card"), this.words, this.all, this.room);
    /** @type {Story[]} */
    this.stories = [];
  }

  /** @param {Story[]} stories */
  setStories(stories) {
    this.stories = stories;
    this.words.hidden = stories.length < 2;
    if (stories.length > 1) this.words.textContent = differingWords(mergedRows(stories.map(({ card }) => card)));
    this.fill();
  }

  fill() {
    const { stories } = this;
    const body = [];
    let group = "";
    for (const row of mergedRows(stories.map(({ card }) => card))) {
      if (row.group === FURTHER && !row.differs && !this.box.checked) continue;
      if (row.group !== group) {
        group = row.group;
        body.push(h("tr.xp-group", {}, h("th", { scope: "rowgroup", colSpan: stories.length + 1 }, group)));
      }
      const cells = row.cells.map((cell) => h("td", {}, cell?.text ?? "–", cell?.detail ? h("small", {}, cell.detail) : null));
      const mark = row.differs ? h("span.xp-differs", {}, "differs") : null;
      body.push(h("tr", {}, h("th", { scope: "row" }, row.name, mark && " ", mark, h("small", {}, row.meaning)), ...cells));
    }
    const heads = stories.map(({ name }) => h("th", { scope: "col" }, name));
    this.room.replaceChildren(
      h("table.xp-table", { "aria-label": "card of the run" }, h("thead", {}, h("tr", {}, h("td"), ...heads)), h("tbody", {}, ...body)),
    );
  }
}

const LOSSES = /** @type {const} */ ([
  {
    part: "sum",
    label: "distortion plus rate over the epochs",
    hint: "For a VAE at beta 1 this is the negative ELBO, which the fit lowers. Held-out images far above, or rising: the net learns its training images by heart.",
  },
  { part: "distortion", label: "distortion over the epochs", hint: "What is lost in decoding: lower is a closer reconstruction." },
  {
    part: "rate",
    label: "rate over the epochs",
    hint: "What the codes carry of an image. Near 0 they carry nothing: posterior collapse.",
  },
  { part: "penalty", label: "penalty over the epochs", hint: "What this family adds to the loss; its scale is its own." },
]);

const SETTING_CURVES = /** @type {const} */ ([
  {
    part: "active",
    label: "active units over the epochs",
    hint:
      "Dimensions that carry at least 0.01 nats of the training images. A fit that keeps losing them is collapsing; " +
      "the count at the end, below, goes by the posterior means of the test images.",
  },
  { part: "beta", label: "beta over the epochs", hint: "Weight of the rate. A warm-up lets the codes carry something before it costs them." },
  {
    part: "lr",
    label: "learning rate over the epochs",
    hint: "At the end of each epoch. A fit makes its last gains while it comes down; one that ends while it is high has not settled.",
  },
]);

const PANELS = [...LOSSES, ...SETTING_CURVES];

const LOSS_HINT =
  "Solid: training images; dashed, open markers: images held out for validation. " +
  "The frames leave out what the first epochs lost; double-click one for all of it, drag to zoom.";

const SHEET_HINT =
  "What the decoder made of 64 latents after each kept epoch: a VAE's come from its prior, an autoencoder's from one Gaussian " +
  "fitted to its codes, and with two dimensions they are a lattice over ±2 standard deviations. These are decodes, never images of the data set.";

class TrainingTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.asked = 0;
    /** What was last wished for, as in `view.other`. @type {string | undefined} */
    this.wished = undefined;
    this.status = h("p.xp-status", { role: "status" });
    /** @type {Map<string, string>} */
    this.refused = new Map();
    this.picker = h("div.xp-bar");
    this.note = h("p.xp-hint");
    this.scale = h("p.xp-caution");
    /** @type {Map<string, {colour: string, symbol: string}>} */
    this.marks = new Map();
    this.legends = [h("p.xp-legend"), h("p.xp-legend")];
    this.panels = PANELS.map(({ label, hint }) => {
      /** @type {Chart} */
      const chart = new Chart(label, hint, { drawn: () => this.drawLegends(chart.figure.meta.legend ?? []) });
      return chart;
    });
    this.across = h("div.xp-bar.xp-across");
    const grid = (/** @type {Chart[]} */ charts) => h("div.xp-losses", {}, ...charts.map(({ element }) => element));
    this.losses = h(
      "section",
      {},
      h("h3", {}, "Loss curves"),
      this.legends[0],
      h("p.xp-hint", {}, LOSS_HINT),
      this.across,
      grid(this.panels.slice(0, LOSSES.length)),
    );
    this.course = h("section", {}, h("h3", {}, "Course of the fit"), this.legends[1], grid(this.panels.slice(LOSSES.length)));
    this.sheets = [new Sheets(), new Sheets()];
    this.scrubber = new Scrubber(({ epochs }) => this.sheets.forEach((sheets, i) => sheets.show(epochs[i] ?? null)));
    this.linked = h("p.xp-hint", {}, "These fits differ in length, so their sheets are linked by the share of the fit.");
    this.decodes = h(
      "section",
      {},
      h("h3", {}, "Decodes by epoch"),
      h("p.xp-hint", {}, SHEET_HINT),
      this.linked,
      this.scrubber.element,
      h("div.xp-twins", {}, ...this.sheets.map((sheets) => sheets.element)),
    );
    this.noSheets = h("p.xp-hint", {}, "No sheets of decodes were kept; train.py keeps one every --save-every epochs.");
    this.dimensions = [new Dimensions(), new Dimensions()];
    this.gradients = [0, 1].map(() => new Chart("variance of the encoder's gradient", ""));
    this.gradientTitles = this.gradients.map(() => h("h3"));
    this.noise = h(
      "section",
      {},
      h("h3", {}, "Noise of the gradient"),
      h("p.xp-hint", {}, "How much the encoder's gradient varies from draw to draw of the latents, by the two ways to estimate it."),
      h(
        "div.xp-twins",
        {},
        ...this.gradients.map(({ element }, i) => h("section.xp-half", {}, this.gradientTitles[i], element)),
      ),
    );
    this.cards = new Cards();
    this.body = h(
      "div.xp-training",
      {},
      this.note,
      this.scale,
      this.losses,
      this.course,
      this.decodes,
      this.noSheets,
      h(
        "section",
        {},
        h("h3", {}, "Latent dimensions"),
        h("p.xp-hint", {}, "What each axis carries at the end, on the test images. Click a bar, or choose an axis, for its codes."),
        h("div.xp-twins", {}, ...this.dimensions.map((dimensions) => dimensions.element)),
      ),
      this.noise,
      this.cards.element,
    );
    root.replaceChildren(h("div.xp-compare", {}, this.picker, this.status), this.body);
    view.addEventListener("link", () => {
      if (this.body.dataset.shown === view.run && view.other !== this.wished) this.setRun(view.run);
    });
  }

  /** @param {string} words A message about the whole tab; one about a part of it stands in its place. */
  say(words) {
    this.status.textContent = words;
  }

  /**
   * Show a run, and beside it its twin or the run that the address names.
   * @param {string | null} run
   */
  async setRun(run) {
    const mine = ++this.asked;
    this.body.hidden = this.picker.hidden = true;
    this.say("");
    if (!run) return;
    try {
      const runs = /** @type {Listed[]} */ (await askJson(stored("explorer/api/runs")));
      if (mine !== this.asked || view.run !== run) return;
      const twin = runs.find(({ name }) => name === run)?.twin ?? null;
      const others = runs.filter(({ name }) => name !== run).sort((a, b) => Number(b.name === twin) - Number(a.name === twin));
      const wished = (this.wished = view.other);
      const there = wished === "" || others.some(({ name }) => name === wished);
      const other = wished !== undefined && there ? wished : (twin ?? "");
      this.refused = new Map(others.flatMap(({ name, error }) => (error ? [[name, error]] : [])));
      this.fillPicker(run, others, twin, other);
      const current = await this.compare(run, other, false);
      if (current && wished !== undefined && !there && wished !== run) this.say(`There is no run ${wished} to compare with.`);
    } catch (error) {
      if (mine === this.asked) this.say(/** @type {Error} */ (error).message);
    }
  }

  /**
   * @param {string} run
   * @param {Listed[]} others
   * @param {string | null} twin
   * @param {string} other Chosen at first.
   */
  fillPicker(run, others, twin, other) {
    const options = others.map(({ name, error }) => ({
      value: name,
      text: error ? `${name} (cannot be opened)` : name === twin ? `${name} (its twin)` : name,
    }));
    const choose = (/** @type {string} */ chosen) => {
      this.wished = chosen === (twin ?? "") ? undefined : chosen;
      view.setOther(this.wished);
      this.compare(run, chosen, true);
    };
    const hint = "Any other run: its curves in the same frames, its decodes and its card beside this one's";
    this.picker.hidden = false;
    this.picker.replaceChildren(dropdown("Compare with", [{ value: "", text: "no other run" }, ...options], other, choose, hint));
  }

  /**
   * @param {string} run
   * @param {string} other The run to show beside it, or "".
   * @param {boolean} stay Whether the same run was on show, so that the scrubber stays where it is.
   * @returns {Promise<boolean>} Whether the run is on show now: nothing else was wished for meanwhile, and it is sound.
   */
  async compare(run, other, stay) {
    const mine = ++this.asked;
    this.say("");
    this.body.setAttribute("aria-busy", "true");
    const tell = async (/** @type {string} */ name) => {
      const refusal = this.refused.get(name);
      if (refusal) throw new Error(refusal);
      return /** @type {Story} */ (await askJson(address(name, "training")));
    };
    const failed = (/** @type {Error} */ error) => error;
    const [first, second] = await Promise.all([tell(run).catch(failed), other ? tell(other).catch(failed) : null]);
    if (mine !== this.asked || view.run !== run) return false;
    this.body.removeAttribute("aria-busy");
    if (first instanceof Error) {
      this.say(first.message);
      return false;
    }
    const sound = second !== null && !(second instanceof Error);
    this.show(sound ? [first, second] : [first], stay);
    this.body.dataset.with = sound ? other : "";
    this.body.dataset.shown = run;
    if (second instanceof Error) this.say(`${other} cannot be shown beside it: ${second.message}`);
    return true;
  }

  /**
   * @param {Story[]} stories The run's, and that of the one it is compared with.
   * @param {boolean} stay As in `compare`.
   */
  show(stories, stay) {
    const [run, other] = stories;
    /** @type {(story: Story) => Record<string, string>} */
    const beside = (story) => (other ? { with: story === run ? other.name : run.name } : {});
    const inOrder = [...stories].sort((a, b) => Number(b.point) - Number(a.point)); // as in Holes: the autoencoder on the left
    this.body.hidden = false;
    const notes = inOrder.filter(({ note }) => note).map(({ note, name }) => ({ note, name }));
    const same = notes.length === stories.length && new Set(notes.map(({ note }) => note)).size === 1;
    this.note.textContent = same ? notes[0].note : notes.map(({ note, name }) => `${name}: ${note}`).join(" ");
    this.note.hidden = !notes.length;
    this.scale.textContent = scaleWords(inOrder);
    this.scale.hidden = !this.scale.textContent;

    this.names = stories.map(({ name }) => name);
    this.marks.clear();
    const lengths = new Set(stories.filter(({ parts }) => parts.length).map(({ epochs }) => epochs));
    this.across.hidden = lengths.size < 2;
    const draw = (/** @type {string} */ across) => {
      PANELS.forEach(({ part }, i) => {
        const query = { part, ...beside(run), ...(across === "share" ? { across } : {}) };
        this.panels[i].show(isTold(part, stories), run.name, "losses", query);
      });
    };
    this.across.replaceChildren(
      segmented(
        "Across",
        [
          { value: "epochs", text: "epochs" },
          { value: "share", text: "share of the fit", hint: "So that fits of different lengths end at the same place" },
        ],
        "epochs",
        draw,
      ),
    );
    draw("epochs");
    this.losses.hidden = !LOSSES.some(({ part }) => isTold(part, stories));
    this.course.hidden = !SETTING_CURVES.some(({ part }) => isTold(part, stories));

    const stops = scrubberStops(inOrder);
    this.decodes.hidden = !stops.stops.length;
    this.noSheets.hidden = stops.stops.length > 0 || stories.every(({ parts }) => !parts.length);
    this.linked.hidden = !stops.linked;
    this.sheets.forEach((sheets, i) => sheets.setStory(inOrder[i] ?? null));
    this.scrubber.setStops(stops, stay);
    this.dimensions.forEach((dimensions, i) => dimensions.setStory(inOrder[i] ?? null, inOrder[i] ? beside(inOrder[i]) : {}));

    this.noise.hidden = !stories.some(({ gradient }) => gradient);
    this.gradients.forEach((chart, i) => {
      const story = inOrder[i];
      const gradient = story?.gradient;
      /** @type {HTMLElement} */ (chart.element.parentElement).hidden = !gradient;
      this.gradientTitles[i].textContent = story?.name ?? "";
      chart.say(gradient ? gradientWords(gradient) : "");
      chart.show(Boolean(gradient), story?.name ?? "", "gradient", story ? beside(story) : {});
    });
    this.cards.setStories(inOrder);
  }

  /** @param {{name: string, colour: string, symbol: string}[]} runs */
  drawLegends(runs) {
    for (const { name, colour, symbol } of runs) this.marks.set(name, { colour, symbol });
    for (const legend of this.legends) {
      legend.replaceChildren(
        ...(this.names ?? []).flatMap((name) => {
          const found = this.marks.get(name);
          if (!found) return [];
          const mark = h("span.xp-mark", { "aria-hidden": "true" });
          mark.style.background = found.colour;
          mark.style.borderRadius = found.symbol === "circle" ? "50%" : "1px";
          return [h("span", {}, mark, name)];
        }),
      );
    }
  }
}

/**
 * Whether a panel has anything to tell of these runs.
 * @param {string} part
 * @param {Story[]} stories
 */
function isTold(part, stories) {
  if (!stories.some(({ parts }) => parts.includes(part))) return false;
  if (part === "sum") return stories.some(({ point }) => !point); // of autoencoders it is the distortion itself
  if (part === "beta") {
    const betas = new Set(stories.filter(({ point, beta }) => !point && beta !== null).map(({ beta }) => beta));
    return betas.size > 1 || stories.some(({ varies_beta }) => varies_beta);
  }
  return true;
}

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const tab = new TrainingTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "training", (run) => tab.setRun(run));
}
