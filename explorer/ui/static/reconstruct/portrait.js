/** One image and everything that a run and its twin make of it: pictures, prices, draws, axes, neighbours. */

import { button, freshId, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { ERROR_COLOURS, context, dim, fitWhole, paint, paintError, shownWidth } from "../kit/pixels.js";
import { onTheme, theme } from "../kit/theme.js";
import { percent, shown } from "../latent/numbers.js";
import { ALPHA, verdict } from "../latent/vacancy.js";
import { Stream } from "../page/stream.js";
import { briefly, showVerdict } from "../page/trust.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Answers } from "./answers.js";
import { askBound, askSpoilt, askSpread, costVerdict, majority, shareBelow, standing, topLevels, typicalVerdict, unpacked } from "./look.js";
import { errorScale, scoreTable } from "./prices.js";

/** @typedef {import("./look.js").Look} Look */
/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("./prices.js").Found} Found */
/** @typedef {import("./prices.js").Late} Late */

const WIDTH = 224; // CSS pixels of a large picture
const SMALL = 128;
const BARS = 12;
const NEAREST = 8;

/**
 * What is shown.
 * @typedef {object} Subject
 * @property {string} title
 * @property {string | null} detail
 * @property {number | null} index Of a test image.
 * @property {Decoded} image
 * @property {Found[]} found The run's, then its twin's.
 * @property {boolean} passing Whether another one follows at once: then only what is quick is shown.
 */

/** @param {HTMLCanvasElement} canvas @param {Decoded} grey @param {import("../kit/pixels.js").Theme} now */
function paintSpread(canvas, { pixels, shape }, now) {
  const [, height, width] = shape;
  canvas.width = width;
  canvas.height = height;
  const [, none, most] = ERROR_COLOURS[now];
  const rgba = new Uint8ClampedArray(4 * height * width);
  for (let i = 0; i < height * width; i++) {
    const t = pixels[i] / 255;
    rgba.set([...none.map((from, c) => from + t * (most[c] - from)), 255], 4 * i);
  }
  context(canvas).putImageData(new ImageData(/** @type {any} */ (rgba), width, height), 0, 0);
}

export class Portrait {
  /**
   * @param {object} events
   * @param {(index: number) => void} events.chosen A test image among the neighbours was chosen.
   * @param {import("../kit/status.js").StatusLine} events.status
   */
  constructor({ chosen, status }) {
    this.chosen = chosen;
    this.status = status;
    /** @type {Subject | null} */
    this.subject = null;
    this.subjects = new Latest(); // what arrives late for an older one is dropped
    this.completed = 0; // subjects of which all is told
    this.answers = new Answers();
    this.original = h("div.xp-original");
    this.seed = 0;
    this.level = 0.3; // of the noise
    /** @type {Map<string, Late>} */
    this.late = new Map();
    /** @type {(() => void)[]} What is drawn in the theme's colours, drawn again. */
    this.repaint = [];
    /** @type {(() => void)[]} */
    this.repaintDraws = [];
    onTheme(() => [...this.repaint, ...this.repaintDraws].forEach((draw) => draw()));
    this.noises = new Stream(
      (/** @type {{subject: Subject, noise: {kind: string, level: number}}} */ { subject, noise }) =>
        Promise.all(subject.found.map(({ info }) => askSpoilt(info.name, subject.image, noise))),
      (answer, request) => this.showNoise(answer, request),
      { status, failed: "No spoilt image", pictures: () => [this.noisePictures], limit: 2 },
    );
    this.build();
  }

  build() {
    this.verdict = h("p.xp-trust", { "aria-live": "polite", "data-verdict": "" });
    /** What the verdict rests on. */
    this.reason = h("p.xp-hint.xp-reason");
    this.pictures = h("div.xp-pictures");
    this.levels = h("section.xp-section", { hidden: true });
    this.noise = h("section.xp-section", { hidden: true });
    this.draws = h("section.xp-section", { hidden: true });
    this.table = h("div.xp-scroll", { tabIndex: 0, role: "group", "aria-label": "numbers of this image" });
    this.axes = h("section.xp-section", { hidden: true });
    this.near = h("section.xp-section", { hidden: true });
    this.element = h(
      "div.xp-portrait",
      {},
      this.reason,
      this.pictures,
      this.levels,
      this.noise,
      this.draws,
      h("div.xp-columns", {}, this.table, h("div", {}, this.near, this.axes)),
    );
  }

  /** Nothing is shown any more. */
  clear() {
    this.subjects.stop();
    this.subject = null;
    this.noises.drop();
    this.element.hidden = true;
    this.say(null, "");
    this.original.replaceChildren();
    this.answers.clear();
  }

  /** Whether what is shown is of another image than is asked about. @param {boolean} stale */
  fade(stale) {
    for (const part of [this.element, this.verdict, this.original, ...this.answers.said]) dim(part, stale);
  }

  /**
   * @param {Parameters<typeof showVerdict>[1]} said
   * @param {string} reason
   */
  say(said, reason) {
    showVerdict(this.verdict, briefly(said), "");
    this.reason.textContent = said ? `${said.text}. ${reason}` : reason;
  }

  /** @param {Subject} subject */
  show(subject) {
    const signal = this.subjects.next();
    this.subject = subject;
    this.element.hidden = false;
    this.draws.classList.add("xp-stale"); // they are of the image before
    this.fade(false);
    if (!subject.passing) this.say(null, "");
    this.late = new Map(subject.found.map(({ info }) => [info.name, { ranks: {} }]));
    this.showPictures(subject);
    this.showTable();
    this.rank(signal);
    this.showNear(subject, signal);
    this.showAxes(subject);
    this.showLevels(subject, signal);
    if (subject.passing) return;
    this.seed = 0;
    this.showNoiseControls(subject);
    this.follow(signal);
  }

  /**
   * The pictures alone, of an image that another one follows at once: what is told of the one before waits.
   * @param {{title: string, detail: string, image: Decoded, found: import("./answers.js").Answer[]}} seen
   */
  preview(seen) {
    this.element.hidden = false;
    this.fade(false);
    this.verdict.classList.add("xp-stale");
    this.draws.classList.add("xp-stale");
    this.showPictures(seen);
  }

  /**
   * What the image costs more than; from stored scores, so that it is there almost at once.
   * @param {AbortSignal} signal
   */
  async rank(signal) {
    const { subject } = this;
    if (!subject) return;
    await Promise.all(
      subject.found.map(async ({ info, look }) => {
        const [distortion, rate] = await Promise.all([view.scalar(info.name, "distortion"), look.rate === null ? null : view.scalar(info.name, "rate")]);
        const ranks = this.late.get(info.name)?.ranks;
        if (signal.aborted || !ranks) return;
        ranks.distortion = distortion;
        ranks.rate = rate;
        ranks.cost = distortion && rate ? distortion.map((value, i) => value + rate[i]) : distortion;
      }),
    ).catch(() => {});
    if (signal.aborted) return;
    this.showTable();
    const { info, look } = subject.found[0];
    const costs = this.late.get(info.name)?.ranks.cost;
    const nats = costOf(look);
    const parts = look.rate === null ? "the distortion alone, for this model has no rate" : "distortion and rate together";
    if (look.typical) {
      const felt = look.typical.features === null ? "cost and code, for no feature net of these images lies beside the run" : "cost, code and features";
      const cost = nats === null ? "" : `Cost: ${shown(nats, 4)} nats, ${parts}. `;
      return this.say(typicalVerdict(look.typical, info.noun), `${cost}Judged by ${felt}; of real ${info.noun.many} ${percent(ALPHA)} are called odd.`);
    }
    const share = shareBelow(costs ?? null, nats);
    if (share === null || nats === null || !costs) return this.say(null, "");
    const said = costVerdict({ nats, share, count: costs.length });
    this.say(said, `Cost: ${parts}. ${whereIs(look.vacancy)}. Whether cost, code and features are usual together is not measured for this run.`);
  }

  /**
   * The slower questions, one after the other, while the image stays.
   * @param {AbortSignal} signal
   */
  async follow(signal) {
    const { subject } = this;
    if (!subject) return;
    const spreading = subject.found.filter(({ look, info }) => look.rate !== null && look.distortion !== null && !info.caution && source.can("bound"));
    try {
      await this.drawAgain(signal).catch((error) => {
        if (signal.aborted) return;
        this.draws.hidden = true; // what is there is of another image
        this.status.say(error.message, this.draws);
      });
      for (const { info } of spreading) {
        if (signal.aborted) return;
        const { bound } = await askBound(info.name, subject.image).catch(() => ({ bound: null }));
        this.tell(signal, info.name, { bound });
      }
      for (const { info } of subject.found) {
        if (!info.has_images) continue;
        for (const score of /** @type {("mse" | "elbo" | "bound")[]} */ (["mse", "elbo", "bound"])) {
          if (signal.aborted) return;
          if (score !== "mse" && !spreading.some((each) => each.info === info)) continue;
          const ranks = this.late.get(info.name)?.ranks;
          const found = await standing(info.name, score).catch(() => null);
          if (ranks && !signal.aborted) ranks[score] = found;
          this.tell(signal, info.name, {});
        }
      }
      if (!signal.aborted) this.element.dataset.complete = String(++this.completed);
    } catch (error) {
      if (!signal.aborted) this.status.say(/** @type {Error} */ (error).message, this);
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {string} run
   * @param {Partial<Late>} news
   */
  tell(signal, run, news) {
    const late = this.late.get(run);
    if (signal.aborted || !late) return;
    Object.assign(late, news);
    this.showTable();
  }

  /** @param {AbortSignal} signal */
  async drawAgain(signal) {
    const { subject, seed } = this;
    if (!subject) return;
    const spreading = subject.found.filter(({ look }) => look.rate !== null && source.can("spreadOf"));
    this.draws.hidden = !spreading.length;
    const answers = await Promise.all(spreading.map(({ info }) => askSpread(info.name, subject.image, seed)));
    if (signal.aborted || seed !== this.seed) return;
    answers.forEach(({ elbo }, k) => this.tell(signal, spreading[k].info.name, seed === 0 ? { elbo } : {}));
    this.repaintDraws = [];
    const rows = answers.flatMap(({ samples, deviation, deviation_most: most }, k) => {
      const { name } = spreading[k].info;
      const cards = samples.map((sample, i) => this.picture(null, null, (canvas) => paint(canvas, unpacked(sample)), `draw ${i + 1} ${name}`, SMALL));
      const grey = unpacked(deviation);
      const map = this.picture("standard deviation", `0 to ${shown(most, 2)}`, (canvas) => paintSpread(canvas, grey, theme()), `standard deviation ${name}`, SMALL);
      this.repaintDraws.push(() => paintSpread(map.querySelector("canvas"), grey, theme()));
      return [spreading.length > 1 ? h("h4", {}, name) : null, h("div.xp-draws", {}, ...cards, map)];
    });
    this.draws.replaceChildren(
      h(
        "div.xp-bar",
        {},
        h("h3", {}, "What else the posterior allows"),
        button("Draw again", "Eight other draws", () => {
          this.seed++;
          this.drawAgain(signal).catch((error) => signal.aborted || this.status.say(error.message, this.draws));
        }),
      ),
      h("p.xp-hint", {}, "Decodes of eight codes drawn from q(z|x). The last picture says where 32 such draws differ: standard deviation of each pixel, in units of the full grey scale."),
      ...rows.filter((row) => row !== null),
    );
    this.draws.classList.remove("xp-stale");
    this.status.say("", this.draws);
  }

  /** @param {Parameters<Portrait["preview"]>[0] | Subject} subject */
  showPictures({ title, detail, image, found }) {
    this.repaint = [];
    this.original.replaceChildren(this.picture(title, detail, (canvas) => paint(canvas, image), "original"));
    this.answers.show(found, image);
    const cards = [];
    for (const { info, reconstruction } of found) {
      const draw = (/** @type {HTMLCanvasElement} */ canvas) => paintError(canvas, image, reconstruction, theme());
      const card = this.picture("error", info.name, draw, `error ${info.name}`);
      this.repaint.push(() => draw(card.querySelector("canvas")));
      cards.push(card);
    }
    const { element, paint: colour } = errorScale();
    this.repaint.push(colour);
    this.pictures.replaceChildren(...cards, element);
  }

  /**
   * @param {string | null} title
   * @param {string | null} detail
   * @param {(canvas: HTMLCanvasElement) => void} draw
   * @param {string} name For tests and screen readers.
   * @param {number} [width] CSS pixels at most.
   */
  picture(title, detail, draw, name, width = WIDTH) {
    const canvas = h("canvas.xp-image", { role: "img", "aria-label": name });
    draw(canvas);
    const words = title === null ? null : h("figcaption", {}, h("strong", {}, title), detail ? h("span", {}, detail) : null);
    const card = h("figure.xp-card", {}, canvas, words);
    fitWhole(canvas, card, width);
    return card;
  }

  showTable() {
    const { subject } = this;
    if (subject) this.table.replaceChildren(scoreTable(subject.found, this.late));
  }

  /**
   * @param {Subject} subject
   * @param {AbortSignal} signal
   */
  async showNear({ found, index }, signal) {
    const { info, look } = found[0];
    const order = look.neighbours.map((image, k) => ({ image, distance: look.distances[k] }));
    const near = order.filter(({ image }) => image !== index).slice(0, NEAREST);
    const [labels, sprites] = await Promise.all([view.labels(info.name), view.sprites(info.name)]).catch(() => [null, null]);
    if (signal.aborted) return;
    const most = labels && near.length ? majority(near.map(({ image }) => image), labels) : null;
    const nameOf = (/** @type {number} */ label) => info.classes?.[label] ?? String(label);
    const tiles = near.map(({ image, distance }) => {
      const canvas = h("canvas.xp-image");
      sprites?.paint(canvas, image).then(
        () => (canvas.style.width = `${shownWidth(canvas.width, 72)}px`),
        () => {},
      );
      const label = labels ? nameOf(labels[image]) : null;
      return h(
        "button.xp-film",
        {
          type: "button",
          title: `Test image ${image}: show it`,
          "aria-label": `test image ${image}, ${label === null ? "" : `label ${label} · `}${shown(distance, 2)} sd away`,
          onclick: () => this.chosen(image),
        },
        canvas,
        h("span", {}, `${label === null ? "" : `${label} · `}${shown(distance, 2)} sd`),
      );
    });
    this.near.hidden = !near.length;
    const says = most && `${most.count} of ${near.length} have the label ${nameOf(most.label)}.`;
    this.near.replaceChildren(
      h("h3", {}, "Nearest test images"),
      h("p.xp-hint", {}, `By the distance of their codes from this one, in standard deviations of the codes.${says ? ` ${says}` : ""} Click one to see it.`),
      h("div.xp-nearest", {}, ...tiles),
    );
    if (most) this.near.dataset.label = nameOf(most.label);
    else delete this.near.dataset.label;
  }

  /** @param {Subject} subject */
  showAxes({ found }) {
    const with_rates = found.filter(({ look }) => look.rates !== null);
    this.axes.hidden = !with_rates.length;
    if (!with_rates.length) return;
    const { info, look } = with_rates[0];
    const rates = look.rates ?? [];
    const usual = look.usual_rates ?? rates;
    const order = rates.map((_, axis) => axis).sort((a, b) => rates[b] - rates[a]);
    const top = order.slice(0, BARS);
    const most = Math.max(1e-6, ...top.map((axis) => Math.max(rates[axis], usual[axis])));
    const rest = order.slice(BARS);
    const left = rest.reduce((sum, axis) => sum + rates[axis], 0);
    this.axes.replaceChildren(
      h("h3", {}, `Rate of each axis, ${info.name}`),
      h("p.xp-hint", {}, "How many nats each axis of the code says about this image. The mark is the average over the test images."),
      h(
        "ul.xp-rates",
        {},
        ...top.map((axis) => {
          const bar = h("div.xp-rate");
          bar.style.width = `${(100 * rates[axis]) / most}%`;
          const mark = h("div.xp-usual");
          mark.style.left = `${(100 * usual[axis]) / most}%`;
          return h(
            "li",
            { title: `axis ${axis}: ${shown(rates[axis])} nats, on average ${shown(usual[axis])}` },
            h("span", {}, `axis ${axis}`),
            h("div.xp-track", { "aria-hidden": "true" }, bar, mark),
            h("span", {}, `${shown(rates[axis])} nats`),
          );
        }),
      ),
      h("p.xp-hint", {}, rest.length ? `The other ${rest.length} axes: ${shown(left)} nats together.` : ""),
    );
  }

  /**
   * @param {Subject} subject
   * @param {AbortSignal} signal
   */
  async showLevels({ found }, signal) {
    const deep = found.find(({ info }) => (info.level_sizes?.length ?? 1) > 1);
    this.levels.hidden = !deep;
    if (!deep?.info.level_sizes) return;
    const sizes = deep.info.level_sizes;
    const decoded = await source.decode(deep.info.name, topLevels(deep.look.latent, sizes), sizes.length).catch((error) => void (signal.aborted || this.status.say(error.message, this.levels)));
    if (signal.aborted || !decoded) return;
    const cards = sizes.map((_, k) => {
      const title = k === 0 ? "level 1 only" : k + 1 === sizes.length ? "all levels" : `levels 1 to ${k + 1}`;
      return this.picture(title, null, (canvas) => paint(canvas, decoded, k), `top ${k + 1} of ${sizes.length} levels ${deep.info.name}`, SMALL);
    });
    this.levels.replaceChildren(
      h("h3", {}, `From the top levels only, ${deep.info.name}`),
      h("p.xp-hint", {}, "The levels below are left at the mean of the prior that the levels above set."),
      h("div.xp-draws", {}, ...cards),
    );
  }

  /** @param {Subject} subject */
  showNoiseControls(subject) {
    const noisy = subject.found.find(({ look }) => look.corruption);
    this.noise.hidden = !noisy || !source.can("spoilt");
    if (!noisy?.look.corruption || this.noise.hidden) return;
    const { kind, level } = noisy.look.corruption;
    if (!this.noise.firstChild) this.level = level;
    const id = freshId();
    const gaussian = kind === "gaussian";
    const output = h("output", { for: id });
    const say = () => (output.textContent = gaussian ? `${this.level.toFixed(2)} of the grey scale` : `${Math.round(100 * this.level)} % of the pixels`);
    const range = h("input", {
      id,
      type: "range",
      min: 0,
      max: gaussian ? 1 : 0.95,
      step: 0.01,
      value: this.level,
      title: `What the encoder gets to see is spoilt; ${noisy.info.name} was fitted at ${level}`,
      oninput: () => {
        this.level = range.valueAsNumber;
        say();
        this.noises.ask({ subject, noise: { kind, level: this.level } });
      },
    });
    say();
    this.noisePictures = h("div.xp-draws");
    const words = gaussian ? "Gaussian noise" : "Pixels set to 0";
    this.noise.replaceChildren(
      h("h3", {}, "What becomes of a spoilt image"),
      h("p.xp-hint", {}, `${noisy.info.name} was fitted to give back the clean image from one with ${gaussian ? `noise of ${level} of the grey scale` : `${100 * level} % of its pixels set to 0`}.`),
      h("div.xp-noise", {}, h("label", { for: id }, words), range, output),
      this.noisePictures,
    );
    this.noises.ask({ subject, noise: { kind, level: this.level } });
  }

  /**
   * @param {{input: import("./look.js").Packed, reconstruction: import("./look.js").Packed, mse: number}[]} answers
   * @param {{subject: Subject, noise: {level: number}}} request
   */
  showNoise(answers, { subject, noise }) {
    if (subject !== this.subject || !this.noisePictures) return;
    const cards = [this.picture("spoilt input", null, (canvas) => paint(canvas, unpacked(answers[0].input)), "spoilt input", SMALL)];
    answers.forEach(({ reconstruction, mse }, k) => {
      const { name } = subject.found[k].info;
      cards.push(this.picture(name, `MSE ${shown(mse, 3)} to the clean image`, (canvas) => paint(canvas, unpacked(reconstruction)), `restored ${name}`, SMALL));
    });
    this.noisePictures.replaceChildren(...cards);
    this.noisePictures.dataset.level = String(noise.level);
  }
}

/**
 * Distortion and rate together, nats; the distortion alone where there is no rate; null without a likelihood.
 * @param {Look} look
 */
const costOf = ({ distortion, rate }) => (distortion === null ? null : distortion + (rate ?? 0));

/** @param {number} p Vacancy of a code. */
function whereIs(p) {
  return verdict(p).text.replace(" here", " where its code lies");
}
