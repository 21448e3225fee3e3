/** The card beside a map: a test image or a place, with its numbers, its neighbours, and where to take it. */

import { button, h, segmented } from "../kit/dom.js";
import { fitWhole, paint } from "../kit/pixels.js";
import { percent, shown } from "../latent/numbers.js";
import { Stream } from "../page/stream.js";
import { askTrust, showTrust } from "../page/trust.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/vacancy.js").Trust} Trust */
/** @typedef {{image: number, distance: number}} Neighbour */

const METRICS = [
  { value: "euclidean", text: "Euclidean", hint: "Distance in standard deviations of the codes, along every axis alike" },
  { value: "cosine", text: "Cosine", hint: "1 − cosine of the angle seen from the middle of the codes; 0 is the same way" },
];

/** What is known of one image or place. */
export class ChosenCard {
  /**
   * @param {object} listeners
   * @param {(index: number) => void} listeners.choose An image was asked for, by its number or as a neighbour.
   * @param {(neighbours: Neighbour[]) => void} listeners.neighbours The nearest images are known.
   * @param {() => void} listeners.shown Another image or place is on show.
   * @param {import("../kit/status.js").StatusLine} listeners.status
   */
  constructor(listeners) {
    this.listeners = listeners;
    this.metric = "euclidean";
    /** @type {import("../latent/run.js").RunInfo | null} */
    this.info = null;
    /** @type {import("../page/sprites.js").Sprites | null} */
    this.sprites = null;
    /** @type {import("../latent/run.js").Chosen | null} */
    this.chosen = null;
    /** @type {(() => void)[]} */
    this.fits = [];
    /** @type {HTMLElement[]} */
    this.details = [];
    const { status } = listeners;
    this.points = new Stream(
      (/** @type {{run: string, index: number}} */ request) => this.fetchPoint(request),
      (answer, request) => this.showPoint(answer, request),
      { status },
    );
    this.places = new Stream(
      async (/** @type {{run: string, z: Float32Array, text: string, caption: string}} */ { run, z }) => {
        const [decoded, trust] = await Promise.all([source.decode(run, z, 1), askTrust(run, z, "draws")]);
        return { decoded, trust };
      },
      (answer, request) => this.showPlace(answer, request),
      { status },
    );
    this.near = new Stream(
      async (/** @type {{run: string, chosen: import("../latent/run.js").Chosen, metric: string}} */ { run, chosen, metric }) => {
        const { kind, index } = chosen.whence;
        const query = { metric, ...(kind === "image" && index !== undefined ? { without: index } : {}) };
        return /** @type {{neighbours: Neighbour[]}} */ (await source.ask("neighbours", run, { query, body: chosen.latent }));
      },
      ({ neighbours }, { run, chosen, metric }) => run === view.run && chosen === this.chosen && metric === this.metric && this.showNeighbours(neighbours),
      { status, failed: "No neighbours", limit: 2 },
    );
    this.build();
  }

  build() {
    this.picture = h("canvas.xp-image", { width: 28, height: 28, role: "img" });
    this.second = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "reconstruction" });
    this.pictureLabel = h("figcaption");
    this.secondFigure = h("figure", {}, this.second, h("figcaption", {}, "reconstruction"));
    const first = h("figure", {}, this.picture, this.pictureLabel);
    this.title = h("h3", {}, "Nothing chosen yet");
    this.facts = h("dl.xp-facts");
    this.trust = h("p.xp-trust", { "aria-live": "polite" });
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      step: 1,
      title: "Type an image's number and press Enter: the same as a click on its point",
      onchange: () => this.takeNumber(),
    });
    this.told = h("p.xp-hint", { role: "status" });
    const goals = h(
      "div.xp-bar",
      { role: "group", "aria-label": "take this latent to another tab" },
      button("Open in Explore", "Take this latent to the sliders", () => this.chosen && view.open(this.chosen.run, this.chosen.latent, this.chosen.whence)),
      button("Use as A", "Make this latent the beginning of the walk in Interpolate", () => this.useAs("a")),
      button("Use as B", "Make this latent the end of the walk in Interpolate", () => this.useAs("b")),
    );
    this.tiles = h("div.xp-near-tiles", { role: "group", "aria-label": "nearest images" });
    this.neighbours = h(
      "div.xp-neighbours",
      {},
      segmented("Nearest images by latent distance", METRICS, this.metric, (metric) => {
        this.metric = metric;
        this.askNeighbours();
      }),
      this.tiles,
    );
    const pair = h("div.xp-pair", {}, first, this.secondFigure);
    this.element = h(
      "section.xp-chosen",
      { "aria-label": "chosen image or place" },
      this.title,
      pair,
      this.facts,
      this.trust,
      goals,
      this.told,
      h("label.xp-field", {}, h("span", {}, "Image number"), this.number),
      this.neighbours,
    );
    this.details = [pair, this.facts, this.trust, goals, this.neighbours, this.told];
    this.fits = [fitWhole(this.picture, first, 140), fitWhole(this.second, first, 140)];
  }

  takeNumber() {
    if (!this.info) return;
    const index = this.number.valueAsNumber;
    if (Number.isInteger(index) && index >= 0 && index < this.info.count) return this.listeners.choose(index);
    this.number.value = String(this.chosen?.whence.index ?? "");
    this.listeners.status.say(`There is no such image: images 0 to ${this.info.count - 1}.`, this);
  }

  /** @param {"a" | "b"} end */
  useAs(end) {
    if (!this.chosen) return;
    view.useAs(end, this.chosen);
    this.told.textContent = `It is now ${end === "a" ? "A, the beginning" : "B, the end"} of the walk in Interpolate.`;
  }

  /**
   * Begin anew with a run.
   * @param {import("../latent/run.js").RunInfo} info
   * @param {import("../page/sprites.js").Sprites} sprites
   */
  setRun(info, sprites) {
    this.info = info;
    this.sprites = sprites;
    this.drop();
    this.chosen = null;
    this.title.textContent = "Nothing chosen yet";
    this.number.value = "";
    this.number.max = String(info.count - 1);
    this.details.forEach((element) => (element.hidden = true));
  }

  /** Forget what flies. */
  drop() {
    this.points.drop();
    this.places.drop();
    this.near.drop();
  }

  /** @param {number} index */
  askPoint(index) {
    if (!this.info) return;
    this.places.drop();
    this.points.ask({ run: this.info.name, index });
  }

  /**
   * @param {Float32Array} z
   * @param {string} text What to call it.
   * @param {string} caption Below its decode.
   */
  askPlace(z, text, caption) {
    if (!this.info) return;
    this.points.drop();
    this.places.ask({ run: this.info.name, z, text, caption });
  }

  askNeighbours() {
    this.showNeighbours([]); // those on show are of another image, or by another distance
    if (!this.info || !this.chosen) return;
    this.near.ask({ run: this.info.name, chosen: this.chosen, metric: this.metric });
  }

  /** @param {{run: string, index: number}} request */
  async fetchPoint({ run, index }) {
    const latentOf = async () => {
      const [points, { latent_dim: d }] = await Promise.all([view.points(run), view.info(run)]);
      return points.slice(index * d, (index + 1) * d);
    };
    const [facts, [latent, trust, reconstruction], vacancy] = await Promise.all([
      source.ask("facts", run, { of: { number: index } }),
      latentOf().then(async (z) => /** @type {const} */ ([z, await askTrust(run, z, "means"), await source.decode(run, z, 1)])),
      view.scalar(run, "vacancy"),
    ]);
    return { facts, latent, trust, vacancy, reconstruction };
  }

  /**
   * @param {{facts: any, latent: Float32Array, trust: Trust, vacancy: Float32Array | null,
   *   reconstruction: import("../kit/pixels.js").Decoded}} answer
   * @param {{run: string, index: number}} request
   */
  showPoint({ facts, latent, trust, vacancy, reconstruction }, { run, index }) {
    if (run !== view.run || !this.info || !this.sprites) return;
    this.chosen = { run, latent, whence: { kind: "image", index } };
    this.title.textContent = `Test image ${index}${facts.label === null ? "" : `, label ${facts.label}`}`;
    this.pictureLabel.textContent = this.info.has_images ? "image" : "decode (there is no image to show)";
    this.picture.setAttribute("aria-label", `test image ${index}`);
    this.sprites.paint(this.picture, index).then(
      () => this.fits[0](),
      () => this.listeners.status.say("The small pictures did not load; choose the image again.", this),
    );
    paint(this.second, reconstruction);
    this.second.dataset.index = String(index);
    this.secondFigure.hidden = !this.info.has_images;
    const rows = [["distortion", facts.distortion, "nats", facts.percentile]];
    if (facts.rate !== null) rows.push(["rate", facts.rate, "nats", null]);
    if (vacancy && facts.rate !== null) rows.push(["drawn code", vacancy[index], "hole p-value", null]); // an autoencoder draws none
    this.facts.replaceChildren(
      ...rows.flatMap(([name, value, unit, share]) => [
        h("dt", {}, name),
        h("dd", {}, `${shown(value)} ${unit}${share === null || share === undefined ? "" : `, more than ${percent(share)} of test images`}`),
      ]),
    );
    this.finish(trust, "means", String(index)); // of the posterior mean, which is what opens in Explore
  }

  /**
   * @param {{decoded: import("../kit/pixels.js").Decoded, trust: Trust}} answer
   * @param {{run: string, z: Float32Array, text: string, caption: string}} request
   */
  showPlace({ decoded, trust }, { run, z, text, caption }) {
    if (run !== view.run) return;
    this.chosen = { run, latent: z, whence: { kind: "place", text: `the place ${text} of the map` } };
    this.title.textContent = `Decoded at ${text}`;
    this.pictureLabel.textContent = caption;
    this.picture.setAttribute("aria-label", "decoded image");
    this.picture.dataset.wanted = "";
    this.picture.dataset.latent = Array.from(z).join(",");
    paint(this.picture, decoded);
    this.secondFigure.hidden = true;
    this.facts.replaceChildren();
    this.finish(trust, "draws", "");
  }

  /**
   * @param {Trust} trust
   * @param {import("../latent/vacancy.js").Among} among
   * @param {string} number
   */
  finish(trust, among, number) {
    showTrust(this.trust, trust, among);
    this.number.value = number;
    this.told.textContent = "";
    this.tiles.replaceChildren();
    this.details.forEach((element) => (element.hidden = false));
    this.fits.forEach((fit) => fit());
    this.listeners.status.say("", this);
    this.listeners.status.say("");
    this.listeners.shown();
    this.askNeighbours();
  }

  /** @param {Neighbour[]} neighbours */
  showNeighbours(neighbours) {
    this.tiles.replaceChildren(
      ...neighbours.map(({ image, distance }) => {
        const canvas = h("canvas.xp-image", { "aria-hidden": "true" });
        this.sprites?.paint(canvas, image).catch(() => {}); // its number and distance are there
        const away = this.metric === "cosine" ? shown(distance, 2) : `${shown(distance, 2)} sd`;
        const name = `test image ${image}, ${this.metric === "cosine" ? "cosine distance " : ""}${away} away`;
        return h("button.xp-near-tile", { type: "button", title: name, "aria-label": name, onclick: () => this.listeners.choose(image) }, canvas, h("small", {}, away));
      }),
    );
    this.listeners.neighbours(neighbours);
  }
}
