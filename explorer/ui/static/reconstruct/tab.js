/** Reconstruct: an image, of the data set or somebody's own, and what the run and its twin make of it. */

import { Arrival } from "../kit/arrival.js";
import { button, h, segmented, useStyle } from "../kit/dom.js";
import { more } from "../kit/more.js";
import { Pad } from "../kit/pad.js";
import { StatusLine } from "../kit/status.js";
import { drawnImage, framedImage, previewOf, wantPrograms } from "../page/drawing.js";
import { follow } from "../page/host.js";
import { view } from "../page/view.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { Gallery } from "./gallery.js";
import { askFacts, askLook, askOwn, unpacked } from "./look.js";
import { Camera, pictureIn, sendable, Steps, Tray } from "./own.js";
import { Picker } from "./picker.js";
import { Portrait } from "./portrait.js";

export const STYLE = new URL("./reconstruct.css", import.meta.url);

/** @typedef {import("../kit/pixels.js").Decoded} Decoded */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */

const SOURCES = [
  { value: "test", text: "Test images", hint: "Images of the data set that the run was not fitted to" },
  { value: "own", text: "Your picture", hint: "A file of yours, or what you paste or drop here" },
  { value: "pad", text: "Draw", hint: "Draw something yourself" },
  { value: "camera", text: "Camera", hint: "What the camera of this device sees" },
];

const NOTHING_YET = /** @type {Record<string, string>} */ ({
  own: "There is no picture yet; choose, drop or paste one.",
  pad: "The pad is empty; draw something.",
  camera: "The camera is off; start it and take a picture.",
});

const EXAMPLE = "an example";

/**
 * A picture that somebody shows.
 * @typedef {object} Shown
 * @property {Blob} file
 * @property {string} words What it is.
 * @property {import("../page/drawing.js").Crop | null} place
 * @property {string} source One of `SOURCES`.
 */

/**
 * What is to be shown under a run and its twin.
 * @typedef {object} Request
 * @property {RunInfo} info
 * @property {RunInfo | null} twin
 * @property {number | null} index A test image.
 * @property {Shown | null} own Or a picture of somebody's own.
 * @property {boolean} passing Whether more of it is coming, as while somebody draws.
 */

/**
 * Which source is open at first: without the data set's images it is the pad, where drawings can be images.
 * @param {RunInfo} info
 */
export const usualSource = ({ has_images, drawing }) => (has_images || !drawing ? "test" : "pad");

export class ReconstructTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.source = "test";
    /** @type {Shown | null} */
    this.own = null;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {RunInfo | null} */
    this.twin = null;
    this.hasGreeted = false; // whether an example was shown
    this.answers = 0; // pictures of somebody's own that were answered
    /** @type {{run: string, latent: Float32Array, whence: import("../latent/run.js").Whence} | null} */
    this.chosen = null;
    this.drawings = new NewestWins(
      (/** @type {boolean} */ _passing) => this.pad.picture(),
      (file, passing) => this.source === "pad" && this.showOwn({ file, words: this.pad.isExample ? EXAMPLE : "your drawing", place: null, source: "pad" }, passing),
      (error) => this.fail(/** @type {Error} */ (error)),
    );
    /** A stroke that grows: what the browser computes of it, else what the server does. */
    this.previews = new NewestWins(
      (/** @type {RunInfo[]} */ models) => previewOf((info) => drawnImage(this.pad.canvas, info), models),
      (seen, [info]) => {
        if (this.source !== "pad" || this.pad.empty || info !== this.info) return;
        if (seen) this.portrait.preview({ ...seen, title: "your drawing", detail: `as ${info.name} sees it` });
        else if (this.pad.stroke) this.drawings.ask(true);
      },
      () => this.drawings.ask(true),
      1,
    );
    this.status = new StatusLine();
    this.trouble = new StatusLine();
    this.requests = new NewestWins(
      (/** @type {Request} */ request) => this.fetchAll(request),
      (answer, request) => this.showAll(answer, request),
      (error) => this.fail(/** @type {Error} */ (error)),
      2,
    );
    this.sources = h("div");
    this.picker = new Picker({ choose: (index) => this.choose(index), say: (words) => this.say(words), fail: (error) => this.fail(error) });
    this.tray = new Tray((file, words) => this.bring(file, words));
    this.pad = new Pad({ drawn: () => this.drawn(true), done: () => this.drawn(false) });
    this.camera = new Camera({ taken: (frame) => this.take(frame), seen: (video) => this.watch(video), say: (words) => this.say(words) });
    this.steps = new Steps((place) => {
      if (this.own) this.showOwn({ ...this.own, place }, false);
    });
    this.places = { test: this.picker.element, own: this.tray.element, pad: this.pad.element, camera: this.camera.element };
    this.actions = h(
      "div.xp-bar.xp-actions",
      { role: "group", "aria-label": "what to do with this image's code" },
      button("Open in Explore", "Take this image's code to the sliders", () => this.withCode((c) => view.open(c.run, c.latent, c.whence))),
      button("Show on the map", "Mark where this image's code lies among those of the test images", () => this.showOnMap()),
      button("Use as A", "Begin the walk in Interpolate at this image", () => this.useAs("a")),
      button("Use as B", "End the walk in Interpolate at this image", () => this.useAs("b")),
    );
    this.portrait = new Portrait({ chosen: (index) => this.chooseSource("test", index), status: this.status });
    this.gallery = new Gallery((index) => {
      this.chooseSource("test", index);
      this.root.scrollIntoView({ block: "start" });
    });
    this.prepared = h("details.xp-prepared", { hidden: true }, h("summary", {}, "How it was prepared"), this.steps.element);
    this.body = h(
      "div.xp-reconstruct",
      {},
      h("div.xp-input.xp-column", {}, this.sources, ...Object.values(this.places), this.status.element, this.portrait.original, this.prepared),
      h("div.xp-output.xp-column", {}, this.portrait.answers.element, this.portrait.verdict),
      more("More", this.picker.more, this.actions, this.pad.hint, this.portrait.element, this.gallery.element),
    );
    this.arrival = new Arrival(this.body, this.trouble);
    this.root.replaceChildren(this.body, this.arrival.element, this.trouble.element);
    this.showSource();
    document.addEventListener("paste", (event) => this.paste(event));
    this.root.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.root.classList.add("xp-dropping");
    });
    this.root.addEventListener("dragleave", () => this.root.classList.remove("xp-dropping"));
    this.root.addEventListener("drop", (event) => this.drop(event));
  }

  /**
   * @param {string} words
   * @param {boolean} [good] Whether it is no trouble.
   */
  say(words, good = false) {
    if (good) this.status.tell(words);
    else this.status.say(words);
  }

  /** @param {Error} error */
  fail(error) {
    this.say(error.message);
    this.camera.setLive(false);
    this.portrait.fade(true); // it is of an older image
    this.root.dataset.failed = String(++this.answers);
  }

  /** @param {string | null} run */
  async setRun(run) {
    const { signal } = view;
    this.requests.drop();
    this.portrait.clear();
    this.chosen = null;
    this.trouble.clear();
    this.arrival.begin(run);
    if (!run) return;
    try {
      const info = await view.info(run);
      const twin = info.twin ? await view.info(info.twin).catch(() => null) : null;
      const labels = await view.labels(run);
      if (signal.aborted) return;
      this.info = info;
      this.twin = twin?.count === info.count ? twin : null;
      this.labels = labels;
    } catch (error) {
      if (signal.aborted) return;
      this.arrival.fail();
      this.trouble.say(/** @type {Error} */ (error).message);
      return;
    }
    this.say("");
    this.arrival.end(run);
    const named = view.state("reconstruct").source;
    if (named && named in this.places) this.source = named;
    else if (!this.own) this.source = usualSource(this.info);
    this.showSource();
    this.portrait.answers.setModels(this.models);
    this.pad.setColourful(this.info.image_shape[0] === 3);
    this.picker.setRun(this.info, this.labels ?? null);
    this.gallery.setRun(this.info, this.twin, () => this.picker.among());
    if (this.source === "test") this.choose(this.picker.index);
    else if (this.own) this.showOwn({ ...this.own, place: null }, false);
    else if (named || this.source !== "pad" || !this.pad.empty || this.hasGreeted) this.await();
    else {
      this.hasGreeted = true; // a pad that somebody cleared stays empty
      this.pad.showExample();
    }
  }

  /** The run, and its twin if it has one. @returns {RunInfo[]} */
  get models() {
    return [this.info, this.twin].filter((info) => info !== null);
  }

  /** Nothing is shown yet by the source that is open. */
  await() {
    this.requests.drop();
    this.showSteps(false);
    this.portrait.clear();
    this.say(NOTHING_YET[this.source], true);
    this.root.dataset.ready = `${this.info?.name} ${this.source}`;
  }

  /** @param {boolean} are Whether there are any. */
  showSteps(are) {
    this.prepared.hidden = !are;
    if (!are) this.steps.hide();
  }

  // Sources

  showSource() {
    this.root.dataset.source = this.source;
    this.sources.replaceChildren(segmented("Image", SOURCES, this.source, (way) => this.chooseSource(way)));
    for (const [name, place] of Object.entries(this.places)) place.hidden = name !== this.source;
    if (this.source !== "camera") this.camera.stop();
    if (this.source === "test") this.showSteps(false);
  }

  /**
   * @param {string} way One of `SOURCES`.
   * @param {number} [index] A test image to show.
   */
  chooseSource(way, index = this.picker.index) {
    this.source = way;
    this.chosen = null;
    this.showSource();
    this.tellSource();
    this.say("");
    if (way === "test") return this.choose(index);
    if (this.info && way !== "own") wantPrograms(this.models);
    if (way === "pad" && !this.pad.empty) return void this.drawn(false);
    if (this.own?.source === way) return this.showOwn(this.own, false);
    this.await();
  }

  /** The address names the source unless it is the usual one. */
  tellSource() {
    const { info, source: way } = this;
    if (info) view.setState(info.name, "reconstruct", { source: way === usualSource(info) ? "" : way });
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    if (!this.root.offsetParent) return;
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    this.bring(file, "what you pasted");
  }

  /** @param {DragEvent} event */
  drop(event) {
    event.preventDefault();
    this.root.classList.remove("xp-dropping");
    const file = pictureIn(event.dataTransfer);
    if (file) this.bring(file, file.name || "what you dropped");
    else this.say("That is no picture file; drop one from a folder of this device.");
  }

  /**
   * @param {Blob} file
   * @param {string} words
   */
  async bring(file, words) {
    this.source = "own";
    this.showSource();
    this.tellSource();
    this.say("Preparing…", true);
    try {
      this.showOwn({ file: await sendable(file), words, place: null, source: "own" }, false);
    } catch (error) {
      this.fail(/** @type {Error} */ (error));
    }
  }

  /** @param {boolean} passing Whether a stroke is still growing. */
  drawn(passing) {
    if (!passing) this.previews.drop();
    if (this.pad.empty) {
      this.drawings.drop();
      this.chosen = null;
      if (this.own?.source === "pad") this.own = null; // another run would show it again
      if (!passing) this.await();
      return;
    }
    if (passing && this.info) this.previews.ask(this.models);
    else this.drawings.ask(passing);
  }

  /** @param {Blob} frame */
  take(frame) {
    const place = this.own?.source === "camera" ? this.own.place : null;
    this.showOwn({ file: frame, words: "the camera's picture", place, source: "camera" }, this.camera.live);
  }

  /**
   * Show a frame of a camera that runs on, where the browser can by itself: the first one went to the server.
   * @param {HTMLVideoElement} video
   * @returns {Promise<boolean>} Whether it was shown.
   */
  async watch(video) {
    const { info, twin, own } = this;
    if (!info || own?.source !== "camera") return false;
    const { place } = own;
    const seen = await previewOf((model) => framedImage(video, place, model), twin ? [info, twin] : [info]).catch(() => null);
    if (!seen || info !== this.info || this.source !== "camera") return false;
    const words = "the camera's picture";
    this.portrait.preview({ ...seen, title: words, detail: `as ${info.name} sees it` });
    this.chosen = { run: info.name, latent: seen.found[0].latent, whence: { kind: "own", text: words } };
    return true;
  }

  /**
   * @param {Shown} own
   * @param {boolean} passing
   */
  showOwn(own, passing) {
    this.own = own;
    if (!passing) this.chosen = null; // until its code is there
    if (this.info) this.requests.ask({ info: this.info, twin: this.twin, index: null, own, passing });
  }

  // Test images

  /** @param {number} index */
  choose(index) {
    if (!this.info || index === undefined) return;
    this.picker.show(index);
    this.chosen = null; // until its code is there, the stored one is taken
    this.requests.ask({ info: this.info, twin: this.twin, index, own: null, passing: false });
  }

  // What is found

  /** @param {Request} request */
  async fetchAll({ info, twin, index, own }) {
    if (own) {
      const mine = await askOwn(info.name, own.file, own.place);
      const image = unpacked(mine.image);
      const other = twin ? await askLook(twin.name, image) : null;
      return { steps: mine, image, looks: other ? [mine.look, other] : [mine.look], label: null };
    }
    const number = /** @type {number} */ (index);
    if (!info.has_images) {
      const models = twin ? [info, twin] : [info];
      const decodes = await Promise.all(
        models.map(async ({ name, latent_dim: d }) => source.decode(name, (await view.points(name)).slice(number * d, (number + 1) * d), 1)),
      );
      return { decodes, looks: [], label: (await askFacts(info.name, number)).label };
    }
    const [image, labels] = await Promise.all([source.ask("pixels", info.name, { of: { number }, query: { part: "original" } }), view.labels(info.name)]);
    const looks = await Promise.all((twin ? [info, twin] : [info]).map(({ name }) => askLook(name, image)));
    return { image, looks, label: labels ? (info.classes?.[labels[number]] ?? String(labels[number])) : null };
  }

  /**
   * @param {{steps?: import("./look.js").Own, image?: Decoded, decodes?: Decoded[], looks: import("./look.js").Look[], label: string | null}} answer
   * @param {Request} request
   */
  showAll({ steps, image, decodes, looks, label }, { info, twin, index, own, passing }) {
    if (info.name !== view.run || (own === null) !== (this.source === "test")) return;
    this.say("");
    const isExample = own?.words === EXAMPLE;
    if (own && steps) {
      this.own = { ...own, place: own.place ?? steps.place };
      this.steps.show(steps, info.image_shape[2] / info.image_shape[1]);
      this.showSteps(true);
    } else this.showSteps(false);
    const models = twin ? [info, twin] : [info];
    if (decodes) {
      this.portrait.clear();
      this.portrait.fade(false);
      this.portrait.answers.show(decodes.map((reconstruction, k) => ({ info: models[k], reconstruction })), null);
      this.portrait.original.replaceChildren(h("p.xp-hint", {}, "Its original is not on this machine: draw, or bring a picture."));
    } else if (image) {
      const found = looks.map((look, k) => ({ info: models[k], look, reconstruction: unpacked(look.reconstruction) }));
      const title = own ? own.words : `test image ${index}`;
      const detail = isExample ? null : own ? `as ${info.name} sees it` : label;
      this.portrait.show({ title, detail, index, image, found, passing });
    }
    this.setCode(looks, models, index, own);
    if (own && !passing && !isExample) this.tellOwn(looks, models, own);
    this.root.dataset.ready = `${info.name} ${isExample ? "pad" : own ? "own" : index}`;
    if (own && !isExample) this.root.dataset.own = String(++this.answers);
    if (own?.source === "camera") this.camera.next();
  }

  /**
   * @param {import("./look.js").Look[]} looks
   * @param {RunInfo[]} models
   * @param {number | null} index
   * @param {Shown | null} own
   */
  setCode(looks, models, index, own) {
    /** @type {import("../latent/run.js").Whence} */
    const whence = own ? { kind: "own", text: own.words } : { kind: "image", index: index ?? 0 };
    this.chosen = looks.length ? { run: models[0].name, latent: Float32Array.from(looks[0].latent), whence } : null;
  }

  /**
   * Let the other tabs know where somebody's own image lies, under the run and its twin.
   * @param {import("./look.js").Look[]} looks
   * @param {RunInfo[]} models
   * @param {Shown} own
   */
  tellOwn(looks, models, own) {
    looks.forEach(({ latent }, k) => {
      const { name } = models[k];
      view.setOwn(name, { run: name, latent: Float32Array.from(latent), whence: { kind: "own", text: own.words } });
    });
  }

  /**
   * Do something with the code of the image on show; without its pixels the stored code is taken.
   * @param {(chosen: {run: string, latent: Float32Array, whence: import("../latent/run.js").Whence}) => void} act
   */
  async withCode(act) {
    if (this.chosen) return act(this.chosen);
    if (!this.info || this.source !== "test") return this.say("There is no image yet; show or draw one first.");
    const { index } = this.picker;
    const { name, latent_dim: d } = this.info;
    const points = await view.points(name).catch((error) => void this.fail(error));
    if (points) act({ run: name, latent: points.slice(index * d, (index + 1) * d), whence: { kind: "image", index } });
  }

  showOnMap() {
    this.withCode((chosen) => {
      view.setOwn(chosen.run, chosen);
      view.goTo({ tab: "map" });
    });
  }

  /** @param {"a" | "b"} end */
  useAs(end) {
    this.withCode((chosen) => {
      view.useAs(end, chosen);
      this.say(`End ${end.toUpperCase()} of the walk in Interpolate is now this image.`, true);
    });
  }
}

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  const tab = new ReconstructTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(
    host,
    "reconstruct",
    (run) => tab.setRun(run),
    () => tab.camera.stop(), // nobody is filmed who looks at another tab
  );
}
