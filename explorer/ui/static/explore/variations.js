/** Variations of one picture: draws from the posterior of the image behind it. */

import { button, h } from "../kit/dom.js";
import { dim, paint, shownWidth } from "../kit/pixels.js";
import { StatusLine } from "../kit/status.js";
import { sameLatent } from "../latent/latent.js";
import { isPoint } from "../latent/run.js";
import { Stream } from "../page/stream.js";
import { source } from "../source/source.js";

/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

const COUNT = 9;
const TILE_WIDTH = 72;
const HOTTEST = 3; // times the posterior's own standard deviation

/**
 * What variations ask of their page.
 * @typedef {object} AroundHost
 * @property {() => {z: Float32Array, start: Float32Array, whence: Whence}} here What is on show, and whence.
 * @property {(latent: Float32Array) => void} go
 */

/**
 * Whose posterior the draws are from: of the test image while the latent is its code, else of the picture on show.
 * @param {RunInfo} info
 * @param {{z: Float32Array, start: Float32Array, whence: Whence}} here
 * @returns {{of: number | Float32Array, words: string}}
 */
export function posteriorOf(info, { z, start, whence }) {
  const isImage = whence.kind === "image" && whence.index !== undefined && sameLatent(z, start);
  const needsPixels = (info.level_sizes?.length ?? 1) > 1; // a conditional posterior is stated from the image itself
  if (isImage && (!needsPixels || info.has_images)) {
    return { of: /** @type {number} */ (whence.index), words: `Draws from the posterior of test image ${whence.index}.` };
  }
  const why = isImage ? " The data set, which its own posterior would need, is not on this machine." : "";
  return { of: z, words: `Draws from the posterior that the encoder gives the picture on show.${why}` };
}

/**
 * Draws from the posterior of a test image, or else of the picture that a latent decodes to.
 * @param {string} run
 * @param {number | Float32Array} of Number of the test image, or a latent (d,).
 * @param {{n: number, temperature: number, seed: number}} query
 * @returns {Promise<Float32Array>} (n * d)
 */
const variationsOf = (run, of, query) =>
  typeof of === "number" ? source.ask("variationsOfImage", run, { of: { number: of }, query }) : source.ask("variations", run, { query, body: of });

export class Variations {
  /** @param {AroundHost} host */
  constructor(host) {
    this.host = host;
    /** @type {RunInfo | null} */
    this.info = null;
    this.seed = 0;
    /** @type {Float32Array} */
    this.latents = new Float32Array();
    this.status = new StatusLine();
    this.draws = new Stream(
      async (/** @type {{info: RunInfo, of: number | Float32Array, temperature: number, seed: number}} */ { info, of, temperature, seed }) => {
        const latents = await variationsOf(info.name, of, { n: COUNT, temperature, seed });
        return { latents, decoded: await source.decode(info.name, latents, COUNT) };
      },
      ({ latents, decoded }, { info }) => this.paint(info, latents, decoded),
      { status: this.status, failed: "No variations", pictures: () => [this.tiles], limit: 2 },
    );
    this.words = h("p.xp-hint");
    this.temperature = h("input", {
      type: "range",
      min: 0,
      max: HOTTEST,
      step: 0.1,
      value: 1,
      "aria-label": "temperature of the variations",
      title: "Times the posterior's own standard deviation: 0 is its mean, 1 the posterior itself",
      oninput: () => this.show(),
    });
    this.heat = h("output.xp-epoch");
    this.controls = h(
      "div.xp-scrubber",
      {},
      h("label", {}, "Temperature ", this.temperature),
      this.heat,
      button("New draws", "Nine other draws", () => {
        this.seed++;
        this.show();
      }),
    );
    this.tiles = h("div.xp-tiles", { role: "group", "aria-label": "variations of this image" });
    this.element = h(
      "details.xp-fold",
      { ontoggle: () => this.show() },
      h("summary", {}, "Variations of this image"),
      this.words,
      this.controls,
      this.status.element,
      this.tiles,
    );
  }

  /** @param {RunInfo} info */
  setRun(info) {
    if (info !== this.info) {
      this.draws.drop();
      this.tiles.replaceChildren();
    }
    this.info = info;
  }

  /** Draw around what is on show, where the part is unfolded. */
  show() {
    const { info } = this;
    if (!info || !this.element.open) return;
    const point = isPoint(info);
    this.controls.hidden = point;
    this.tiles.hidden = point;
    if (point) {
      this.words.textContent =
        `${info.name} gives each image one code without a spread, so there is no law to draw variations from; ` +
        "the encoder of a VAE gives a distribution.";
      return;
    }
    const temperature = this.temperature.valueAsNumber;
    this.heat.textContent = `${temperature.toFixed(1)} sd`;
    const { of, words } = posteriorOf(info, this.host.here());
    this.words.textContent = `${words} Click one to go there.`;
    this.draws.ask({ info, of: typeof of === "number" ? of : of.slice(), temperature, seed: this.seed });
  }

  /**
   * @param {RunInfo} info
   * @param {Float32Array} latents
   * @param {import("../kit/pixels.js").Decoded} decoded
   */
  paint(info, latents, decoded) {
    if (info !== this.info) return;
    this.latents = latents;
    const [, height, width] = decoded.shape;
    const d = info.latent_dim;
    const tiles = Array.from({ length: COUNT }, (_, k) => {
      const canvas = h("canvas.xp-image", { width, height });
      canvas.style.width = `${shownWidth(width, TILE_WIDTH)}px`;
      paint(canvas, decoded, k);
      return h(
        "button.xp-film",
        {
          type: "button",
          title: "Go to this variation",
          "aria-label": `variation ${k + 1}`,
          onclick: () => this.host.go(latents.slice(k * d, (k + 1) * d)),
        },
        canvas,
      );
    });
    const focused = [...this.tiles.children].indexOf(/** @type {any} */ (document.activeElement));
    this.tiles.replaceChildren(...tiles);
    dim(this.tiles, false);
    if (focused >= 0) tiles[focused].focus();
  }
}
