/** Map: the encoded test images as a scatter; hover shows an image, a click describes it or decodes empty space. */

import { button, dropdown, h, segmented, shown, useStyle } from "./dom.js";
import { Figure } from "./figure.js";
import { onPlane } from "./latent.js";
import { fitWhole, paint } from "./pixels.js";
import { NewestWins, address, ask, askJson, decoder, describe } from "./transport.js";
import { percent, showTrust } from "./trust.js";
import { follow, view } from "./view.js";

const VACANCY_HINT =
  "Vacancy p-value of the image's drawn code: a code drawn at random from what the encoder allows the image. " +
  "It is the share of new images whose drawn code is at least as lonely; at most 0.05 is a hole";

const COLOURS = [
  { value: "label", text: "Label", hint: "Which class the image belongs to" },
  { value: "distortion", text: "Distortion", hint: "How badly the image is reconstructed, nats" },
  { value: "rate", text: "Rate", hint: "How many nats its code carries" },
  { value: "vacancy", text: "Vacancy", hint: VACANCY_HINT },
];

/**
 * Bytes of one picture of the reconstruct route.
 * @param {string} run
 * @param {number} index
 * @param {"original" | "reconstruction"} part
 * @returns {Promise<import("./transport.js").Decoded>}
 */
export async function fetchPixels(run, index, part) {
  const response = await ask(address(run, `reconstruct/${index}/pixels`, { part }));
  const [height, width, channels] = (response.headers.get("X-Shape") ?? "").split(",").map(Number);
  return { pixels: new Uint8ClampedArray(await response.arrayBuffer()), shape: [1, height, width, channels] };
}

/** @param {import("./latent.js").Direction[]} pca */
function pcaHint(pca) {
  const two = pca.slice(0, 2).map(({ name, note }) => `${name}: ${note}`);
  return `The plane in which the encoded data varies most (${two.join(", ")})`;
}

class MapTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.plane = "pca";
    this.colour = "label";
    /** @type {import("./view.js").RunInfo | null} */
    this.info = null;
    /** @type {{run: string, latent: Float32Array, source: import("./view.js").Source} | null} */
    this.chosen = null;
    /** @type {(() => void)[]} */
    this.fits = [];
    this.details = /** @type {HTMLElement[]} */ ([]);
    this.figure = new Figure("map of the encoded test images", {
      hover: (place) => this.hover(place),
      click: (place) => this.click(place),
      fail: (error) => this.say(error.message),
      drawn: () => this.say(""),
    });
    this.points = new NewestWins(
      (/** @type {{run: string, index: number}} */ request) => this.fetchPoint(request),
      (answer, request) => this.showPoint(answer, request),
      (error) => this.say(/** @type {Error} */ (error).message),
    );
    this.places = new NewestWins(
      async (/** @type {{run: string, z: Float32Array, x: number, y: number}} */ { run, z }) => {
        const [decoded, trust] = await Promise.all([decoder.decode(run, z, 1), describe(run, z)]);
        return { decoded, trust };
      },
      (answer, request) => this.showPlace(answer, request),
      (error) => this.say(/** @type {Error} */ (error).message),
    );
    this.build();
  }

  build() {
    this.bar = h("div.xp-bar");
    this.status = h("p.xp-status", { role: "status" });
    this.picture = h("canvas.xp-image", { width: 28, height: 28, role: "img" });
    this.second = h("canvas.xp-image", { width: 28, height: 28, role: "img", "aria-label": "reconstruction" });
    this.pictureLabel = h("figcaption");
    this.secondFigure = h("figure", {}, this.second, h("figcaption", {}, "reconstruction"));
    const first = h("figure", {}, this.picture, this.pictureLabel);
    const pair = h("div.xp-pair", {}, first, this.secondFigure);
    this.title = h("h3", {}, "Nothing chosen yet");
    this.advice = h("p.xp-hint", {}, "Click a dot or an empty place of the map, or type an image's number.");
    this.facts = h("dl.xp-facts");
    this.trust = h("p.xp-trust", { "aria-live": "polite" });
    this.openButton = button("Open in Explore", "Take this latent to the sliders", () => {
      if (this.chosen) view.open(this.chosen.run, this.chosen.latent, this.chosen.source);
    });
    this.number = h("input.xp-number", {
      type: "number",
      min: 0,
      step: 1,
      title: "Type an image's number and press Enter: the same as a click on its point",
      onchange: () => {
        const index = this.number.valueAsNumber;
        if (!this.info) return;
        if (Number.isInteger(index) && index >= 0 && index < this.info.count) return this.choose(index);
        const { source } = this.chosen ?? {};
        this.number.value = String(source?.index ?? "");
        this.say(`There is no such image: images 0 to ${this.info.count - 1}.`);
      },
    });
    const side = h(
      "aside.xp-side",
      { "aria-label": "the chosen image" },
      this.title,
      this.advice,
      pair,
      this.facts,
      this.trust,
      h("div.xp-bar", {}, this.openButton, h("label.xp-field", {}, h("span", {}, "Image number"), this.number)),
    );
    this.fits = [fitWhole(this.picture, first, 140), fitWhole(this.second, first, 140)];
    this.details = [pair, this.facts, this.trust, this.openButton];
    this.note = h("div.xp-bar", { hidden: true });
    this.body = h("div", {}, this.note, this.bar, h("div.xp-map", {}, this.figure.element, side));
    this.root.replaceChildren(this.body, this.status);
  }

  /** @param {string} words */
  say(words) {
    this.status.textContent = words;
  }

  /** @param {string | null} run */
  async setRun(run) {
    this.points.drop();
    this.places.drop();
    this.body.hidden = !run;
    if (!run) return;
    try {
      const info = await view.info(run);
      if (view.run !== run) return;
      this.info = info;
      this.sprites = await view.sprites(run);
      if (view.run !== run) return;
    } catch (error) {
      if (view.run !== run) return;
      this.body.hidden = true;
      return this.say(/** @type {Error} */ (error).message);
    }
    this.say("");
    this.sprites.load().catch(() => this.say("The small pictures did not load; hover shows none."));
    this.plane = this.info.latent_dim === 2 ? "0,1" : "pca";
    this.forget();
    this.showNote();
    this.buildBar();
    this.draw();
  }

  /** Say why there are decodes in the place of images, and where they can be had. */
  showNote() {
    const { images_trouble: trouble = null, can_download: offered = false } = this.info ?? {};
    this.note.hidden = !trouble;
    if (!trouble) return;
    this.note.replaceChildren(h("p.xp-hint", {}, `${trouble} The small pictures are decodes of the stored codes.`));
    if (offered) this.note.append(button("Download it in Reconstruct", "Open the tab that fetches the data set", () => view.goTo({ tab: "reconstruct" })));
  }

  forget() {
    this.chosen = null;
    this.figure.hidePopup();
    this.title.textContent = "Nothing chosen yet";
    this.showDetails(false);
    this.number.value = "";
    this.number.max = String((this.info?.count ?? 1) - 1);
  }

  /** @param {boolean} chosen Whether there is a chosen image or place. */
  showDetails(chosen) {
    this.details.forEach((element) => (element.hidden = !chosen));
    this.advice.hidden = chosen;
  }

  buildBar() {
    if (!this.info) return;
    const { latent_dim, directions, stored } = this.info;
    const has = /** @type {Record<string, any>} */ (stored);
    const colours = COLOURS.filter(({ value }) => has[value === "label" ? "labels" : value]);
    if (!colours.some(({ value }) => value === this.colour)) this.colour = colours[0]?.value ?? "vacancy";
    const axes = directions.axes.map(({ name, vector, note }) => ({
      value: String(vector.findIndex((v) => Math.abs(v) > 0.5)),
      text: `${name} (${note})`,
    }));
    const parts = [];
    if (latent_dim > 1) {
      const isPca = this.plane === "pca";
      const [x, y] = isPca ? [axes[0].value, axes[1].value] : this.plane.split(",");
      parts.push(
        segmented(
          "Plane",
          [
            { value: "axes", text: "Two axes", hint: "Two latent dimensions, as they are" },
            { value: "pca", text: "PCA", hint: pcaHint(directions.pca) },
          ],
          isPca ? "pca" : "axes",
          (plane) => this.setPlane(plane === "pca" ? "pca" : `${x},${y}`),
        ),
      );
      if (!isPca && latent_dim > 2) {
        parts.push(
          dropdown("Across", axes, x, (value) => this.setPlane(`${value},${y === value ? x : y}`), "Axis from left to right"),
          dropdown("Up", axes, y, (value) => this.setPlane(`${x === value ? y : x},${value}`), "Axis from bottom to top"),
        );
      }
    }
    parts.push(
      segmented("Colour by", colours, this.colour, (colour) => {
        this.colour = colour;
        this.draw();
      }),
    );
    this.bar.replaceChildren(...parts);
  }

  /** @param {string} plane */
  setPlane(plane) {
    this.plane = plane;
    this.buildBar();
    this.draw();
  }

  draw() {
    if (this.info) this.figure.show(this.info.name, "map", { plane: this.plane, colour: this.colour });
  }

  /** @param {import("./figure.js").Place | null} place */
  hover(place) {
    if (!place || place.index === null || !this.info || !this.sprites) return this.figure.hidePopup();
    this.sprites.paint(this.figure.popupAt(place.event, this.info.image_shape[2]), place.index).catch(() => {});
  }

  /** @param {import("./figure.js").Place} place */
  click({ index, x, y }) {
    if (index !== null) return this.choose(index);
    const { plane } = this.figure.meta;
    if (!this.info || !plane) return this.say("This view has no latent behind empty space; click a point.");
    this.points.drop();
    this.places.ask({ run: this.info.name, z: onPlane(plane, x, y), x, y });
  }

  /** @param {number} index */
  choose(index) {
    if (!this.info) return;
    this.places.drop();
    this.points.ask({ run: this.info.name, index });
  }

  /** @param {{run: string, index: number}} request */
  async fetchPoint({ run, index }) {
    const latentOf = async () => {
      const [points, { latent_dim: d }] = await Promise.all([view.points(run), view.info(run)]);
      return points.slice(index * d, (index + 1) * d);
    };
    const [facts, [latent, trust], vacancy, reconstruction] = await Promise.all([
      askJson(address(run, `reconstruct/${index}`)),
      latentOf().then(async (z) => /** @type {[Float32Array, Record<string, number | null>]} */ ([z, await describe(run, z)])),
      view.scalar(run, "vacancy"),
      fetchPixels(run, index, "reconstruction"),
    ]);
    return { facts, latent, trust, vacancy, reconstruction };
  }

  /**
   * @param {{facts: any, latent: Float32Array, trust: Record<string, number | null>, vacancy: Float32Array | null,
   *   reconstruction: import("./transport.js").Decoded}} answer
   * @param {{run: string, index: number}} request
   */
  showPoint({ facts, latent, trust, vacancy, reconstruction }, { run, index }) {
    if (run !== view.run || !this.info || !this.sprites) return;
    this.chosen = { run, latent, source: { kind: "image", index } };
    this.title.textContent = `Test image ${index}${facts.label === null ? "" : `, label ${facts.label}`}`;
    this.pictureLabel.textContent = this.info.has_images ? "image" : "decode (there is no image to show)";
    this.picture.setAttribute("aria-label", `test image ${index}`);
    this.sprites.paint(this.picture, index).then(() => this.fits[0]());
    paint(this.second, reconstruction);
    this.second.dataset.index = String(index);
    this.secondFigure.hidden = !this.info.has_images;
    const rows = [["distortion", facts.distortion, "nats", facts.percentile]];
    if (facts.rate !== null) rows.push(["rate", facts.rate, "nats", null]);
    if (vacancy && facts.rate !== null) rows.push(["drawn code", vacancy[index], "vacancy p-value", null]); // an autoencoder draws none
    this.facts.replaceChildren(
      ...rows.flatMap(([name, value, unit, share]) => [
        h("dt", {}, name),
        h("dd", {}, `${shown(value)} ${unit}${share === null || share === undefined ? "" : `, more than ${percent(share)} of test images`}`),
      ]),
    );
    showTrust(this.trust, trust); // of the posterior mean, which is what opens in Explore
    this.number.value = String(index);
    this.showDetails(true);
    this.root.dataset.chosen = String(index);
    this.fits.forEach((fit) => fit());
    this.say("");
  }

  /**
   * @param {{decoded: import("./transport.js").Decoded, trust: Record<string, number | null>}} answer
   * @param {{run: string, z: Float32Array, x: number, y: number}} request
   */
  showPlace({ decoded, trust }, { run, z, x, y }) {
    if (run !== view.run) return;
    const text = `the place (${shown(x)}, ${shown(y)}) of the map`;
    this.chosen = { run, latent: z, source: { kind: "place", text } };
    this.title.textContent = `Decoded at (${shown(x)}, ${shown(y)})`;
    this.pictureLabel.textContent = (this.info?.latent_dim ?? 2) > 2 ? "all else at the mean" : "decode";
    this.picture.setAttribute("aria-label", "decoded image");
    this.picture.dataset.wanted = "";
    this.picture.dataset.latent = Array.from(z).join(",");
    paint(this.picture, decoded);
    this.secondFigure.hidden = true;
    this.facts.replaceChildren();
    showTrust(this.trust, trust);
    this.number.value = "";
    this.showDetails(true);
    this.root.dataset.chosen = `${x},${y}`;
    this.fits.forEach((fit) => fit());
    this.say("");
  }
}

/** @param {import("./view.js").Host} host */
export async function mount(host) {
  await useStyle();
  const tab = new MapTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "map", (run) => tab.setRun(run));
}
