/** Reconstruct: a test image, what the run makes of it and what its twin does, with the error as colours. */

import { button, dropdown, h, shown, useStyle } from "./dom.js";
import { fetchPixels } from "./map.js";
import { ERROR_COLOURS, fitWhole, paint, paintError } from "./pixels.js";
import { onTheme, theme } from "./theme.js";
import { NewestWins, address, askJson } from "./transport.js";
import { percent } from "./trust.js";
import { follow, view } from "./view.js";

const WIDTH = 224;

/**
 * Indices in an order of a score.
 * @param {Float32Array} scores (N,)
 * @param {number[]} among Which images.
 * @param {boolean} worst Highest first.
 * @returns {number[]}
 */
export function ranked(scores, among, worst) {
  return [...among].sort((a, b) => (worst ? scores[b] - scores[a] : scores[a] - scores[b]));
}

/**
 * Share of scores below one of them, in [0, 1].
 * @param {Float32Array} scores
 * @param {number} index
 */
export function shareBelow(scores, index) {
  let below = 0;
  for (const score of scores) if (score < scores[index]) below++;
  return below / scores.length;
}

/**
 * Everything about one image under one run.
 * @typedef {object} Found
 * @property {string} run
 * @property {any} facts
 * @property {import("./transport.js").Decoded} reconstruction
 * @property {{distortion: number | null, rate: number | null}} shares Of test images with less.
 */

class ReconstructTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.index = 0;
    this.label = "any";
    /** @type {number[]} */
    this.order = [];
    /** @type {import("./view.js").RunInfo | null} */
    this.info = null;
    /** @type {import("./view.js").RunInfo | null} */
    this.twin = null;
    this.requests = new NewestWins(
      (/** @type {{run: string, twin: string | null, index: number, original: boolean}} */ request) => this.fetchAll(request),
      (answer, request) => this.showAll(answer, request),
      (error) => this.say(/** @type {Error} */ (error).message),
      2,
    );
    /** @type {(() => void)[]} What is drawn in the theme's colours, drawn again. */
    this.repaint = [];
    onTheme(() => this.repaint.forEach((draw) => draw()));
    this.build();
  }

  build() {
    this.bar = h("div.xp-bar");
    this.status = h("p.xp-status", { role: "status" });
    this.pictures = h("div.xp-pictures");
    this.table = h("div.xp-scroll");
    this.body = h("div", {}, this.bar, this.pictures, this.table);
    this.root.replaceChildren(this.body, this.status);
  }

  /** @param {string} words */
  say(words) {
    this.status.textContent = words;
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.requests.drop();
    this.body.hidden = !run;
    if (!run) return;
    try {
      const info = await view.info(run);
      const twin = info.twin ? await view.info(info.twin).catch(() => null) : null;
      const labels = await view.labels(run);
      if (view.run !== run) return;
      this.info = info;
      this.twin = twin?.count === info.count ? twin : null;
      this.labels = labels;
    } catch (error) {
      if (view.run !== run) return;
      this.body.hidden = true;
      return this.say(/** @type {Error} */ (error).message);
    }
    this.say("");
    if (this.index >= this.info.count) this.index = 0;
    this.order = this.among();
    this.buildBar();
    this.choose(this.index);
  }

  /** @returns {number[]} The images of the chosen class. */
  among() {
    const all = Array.from({ length: this.info?.count ?? 0 }, (_, i) => i);
    const { labels } = this;
    return this.label === "any" || !labels ? all : all.filter((i) => labels[i] === Number(this.label));
  }

  buildBar() {
    if (!this.info) return;
    const { count, classes } = this.info;
    if (this.label !== "any" && Number(this.label) >= (classes?.length ?? 0)) this.label = "any";
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      max: count - 1,
      step: 1,
      value: this.index,
      title: `An image's number, 0 to ${count - 1}`,
      onchange: () => {
        const index = this.number.valueAsNumber;
        if (Number.isInteger(index) && index >= 0 && index < count) this.choose(index);
        else {
          this.number.value = String(this.index);
          this.say(`There is no such image: images 0 to ${count - 1}.`);
        }
      },
    });
    const parts = [h("label.xp-field", {}, h("span", {}, "Test image"), this.number)];
    if (classes && this.labels) {
      parts.push(
        dropdown(
          "Class",
          [{ value: "any", text: "any" }, ...classes.map((name, i) => ({ value: String(i), text: name }))],
          this.label,
          (label) => {
            this.label = label;
            this.order = this.among();
            if (this.order.length) this.choose(this.order[Math.floor(Math.random() * this.order.length)]);
            else this.say("No test image has this label.");
          },
          "Only images of this class",
        ),
      );
    }
    parts.push(
      h(
        "div.xp-bar",
        { role: "group", "aria-label": "choose an image" },
        button("Shuffle", "An image at random", () => {
          this.order = this.among().sort(() => Math.random() - 0.5);
          this.choose(this.order[0]);
        }),
        button("Worst", "The image with the largest distortion; Next goes on from there", () => this.extreme(true)),
        button("Best", "The image with the smallest distortion; Next goes on from there", () => this.extreme(false)),
        button("Previous", "The image before in this order", () => this.along(-1)),
        button("Next", "The next image in this order", () => this.along(1)),
        button("Open in Explore", "Take this image's code to the sliders", () => this.open()),
      ),
    );
    this.bar.replaceChildren(...parts);
  }

  /** @param {boolean} worst */
  async extreme(worst) {
    if (!this.info) return;
    const scores = await view.scalar(this.info.name, "distortion");
    if (!scores) return this.say("This run has no likelihood, so its images have no distortion.");
    this.order = ranked(scores, this.among(), worst);
    if (this.order.length) this.choose(this.order[0]);
  }

  /** @param {number} steps */
  along(steps) {
    const { order } = this;
    if (order.length) this.choose(order[(order.indexOf(this.index) + steps + order.length) % order.length]);
  }

  async open() {
    if (!this.info) return;
    const { index } = this;
    const { name, latent_dim: d } = this.info;
    const points = await view.points(name);
    view.open(name, points.slice(index * d, (index + 1) * d), { kind: "image", index });
  }

  /** @param {number} index */
  choose(index) {
    if (!this.info || index === undefined) return;
    this.index = index;
    if (this.number) this.number.value = String(index);
    const { name, has_images } = this.info;
    this.requests.ask({ run: name, twin: this.twin?.name ?? null, index, original: has_images });
  }

  /**
   * @param {string} run
   * @param {number} index
   * @returns {Promise<Found>}
   */
  async fetchOne(run, index) {
    const [facts, reconstruction, distortion, rate] = await Promise.all([
      askJson(address(run, `reconstruct/${index}`)),
      fetchPixels(run, index, "reconstruction"),
      view.scalar(run, "distortion"),
      view.scalar(run, "rate"),
    ]);
    const shares = {
      distortion: distortion && shareBelow(distortion, index),
      rate: rate && shareBelow(rate, index),
    };
    return { run, facts, reconstruction, shares };
  }

  /** @param {{run: string, twin: string | null, index: number, original: boolean}} request */
  async fetchAll({ run, twin, index, original }) {
    const [mine, other, image] = await Promise.all([
      this.fetchOne(run, index),
      twin ? this.fetchOne(twin, index) : null,
      original ? fetchPixels(run, index, "original") : null,
    ]);
    return { found: other ? [mine, other] : [mine], image };
  }

  /**
   * @param {{found: Found[], image: import("./transport.js").Decoded | null}} answer
   * @param {{run: string, index: number}} request
   */
  showAll({ found, image }, { run, index }) {
    if (run !== view.run) return;
    this.say("");
    const cards = [];
    this.repaint = [];
    if (image) cards.push(this.picture(`test image ${index}`, found[0].facts.label, (canvas) => paint(canvas, image), "original"));
    for (const { run: name, reconstruction } of found) {
      cards.push(this.picture("reconstruction", name, (canvas) => paint(canvas, reconstruction), `reconstruction ${name}`));
      if (!image) continue;
      const draw = (/** @type {HTMLCanvasElement} */ canvas) => paintError(canvas, image, reconstruction, theme());
      const card = this.picture("error", name, draw, `error ${name}`);
      this.repaint.push(() => draw(card.querySelector("canvas")));
      cards.push(card);
    }
    this.pictures.replaceChildren(...cards);
    if (image) {
      const { element, paint: colour } = errorScale();
      this.pictures.append(element);
      this.repaint.push(colour);
    }
    this.table.replaceChildren(scoreTable(found));
    this.root.dataset.ready = `${run} ${index}`;
  }

  /**
   * @param {string} title
   * @param {string | null} detail
   * @param {(canvas: HTMLCanvasElement) => void} draw
   * @param {string} name For tests and screen readers.
   */
  picture(title, detail, draw, name) {
    const canvas = h("canvas.xp-image", { role: "img", "aria-label": name });
    draw(canvas);
    const card = h("figure.xp-card", {}, canvas, h("figcaption", {}, h("strong", {}, title), detail ? h("span", {}, detail) : null));
    fitWhole(canvas, card, WIDTH);
    return card;
  }
}

/** The colours of the error map with their numbers. */
function errorScale() {
  const strip = h("div.xp-scale-strip");
  const colour = () => {
    const stops = ERROR_COLOURS[theme()].map((rgb) => `rgb(${rgb.join(",")})`);
    strip.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  };
  colour();
  const element = h(
    "div.xp-scale",
    { role: "img", "aria-label": "scale of the error map, from minus one, blue, to plus one, orange" },
    strip,
    h("div", {}, h("span", {}, "−1: too dark"), h("span", {}, "0"), h("span", {}, "+1: too bright")),
    h("small", {}, "error = reconstruction − original, in units of the full grey scale"),
  );
  return { element, paint: colour };
}

/** @param {Found[]} found */
function scoreTable(found) {
  /** @type {[string, string, string, (f: Found) => number | null, (f: Found) => number | null][]} */
  const rows = [
    ["MSE", "mean squared error, pixels in [0, 1]", "", (f) => f.facts.mse, () => null],
    ["Distortion", "−log p(x|z) at the posterior mean", "nats", (f) => f.facts.distortion, (f) => f.shares.distortion],
    ["Rate", "KL from posterior to prior", "nats", (f) => f.facts.rate, (f) => f.shares.rate],
    ["ELBO, grey image, 16 draws", "mean of log p(x|z) over codes drawn from the posterior, minus the rate", "nats", (f) => f.facts.elbo, () => null],
  ];
  return h(
    "table.xp-table",
    {},
    h("caption", {}, "The numbers of this image; below each, how many of the test images have a smaller value."),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, ""), ...found.map((f) => h("th", { scope: "col" }, f.run)))),
    h(
      "tbody",
      {},
      ...rows.map(([name, meaning, unit, value, share]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, name, h("small", {}, meaning)),
          ...found.map((f) => {
            const number = value(f);
            const part = share(f);
            if (number === null || number === undefined) return h("td", {}, "–");
            return h("td", {}, `${shown(number, 4)} ${unit}`, part === null ? null : h("small", {}, `more than ${percent(part)}`));
          }),
        ),
      ),
    ),
  );
}

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const tab = new ReconstructTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "reconstruct", (run) => tab.setRun(run));
}
