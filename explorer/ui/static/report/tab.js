/** Report: how a run and its twin were fitted, epoch by epoch and dimension by dimension. */

import { Arrival } from "../kit/arrival.js";
import { button, dropdown, h, segmented, useStyle } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { more } from "../kit/more.js";
import { sides } from "../kit/sides.js";
import { StatusLine } from "../kit/status.js";
import { fitButton } from "../page/fithere.js";
import { follow } from "../page/host.js";
import { view } from "../page/view.js";
import { source } from "../source/source.js";
import { Chart } from "./chart.js";
import { LOSSES, PANELS, SETTING_CURVES } from "./curves.js";
import { DecoderLine } from "./decoder.js";
import { Dimensions } from "./dimensions.js";
import { Scrubber, Sheets } from "./film.js";
import { Cards } from "./settings.js";
import { Growing } from "./growing.js";
import { markdownOf } from "./markdown.js";
import { PageButton } from "./page.js";
import { gradientWords, isTold, scaleWords, scrubberStops } from "./story.js";
import { Verdicts } from "./verdicts.js";

export const STYLE = new URL("./report.css", import.meta.url);

/** @typedef {import("./story.js").Story} Story */
/** @typedef {{name: string, dataset: string | null, latent_dim: number | null, twin: string | null, error: string | null}} Listed */

const LOSS_HINT =
  "Solid: training images; dashed, open markers: images held out for validation. " +
  "The frames leave out what the first epochs lost; double-click one for all of it, drag to zoom.";

const HOW =
  "How this model was fitted, beside its twin or any other run: what they lost at every epoch, which latent dimensions came to carry something, and what they decoded on the way. " +
  "Drag the epoch to watch the decodes take shape, and click a bar to compare the codes of that dimension with the prior.";

const STACK_HINT = "Nats per image that held-out images cost: distortion below, rate hatched upon it.";

const SHEET_HINT =
  "What the decoder made of 64 latents after each kept epoch: a VAE's come from its prior, an autoencoder's from one Gaussian " +
  "fitted to its codes, and with two dimensions they are a lattice over ±2 standard deviations. These are decodes, never images of the data set.";

export class ReportTab {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.asks = new Latest();
    this.status = new StatusLine();
    /** What was last wished for, as in `view.other`. @type {string | undefined} */
    this.wished = undefined;
    /** @type {Map<string, string>} */
    this.refused = new Map();
    this.picker = h("div.xp-bar.xp-compare");
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
    this.verdicts = new Verdicts();
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
    this.films = h("div");
    this.decodes = h("section", { "aria-label": "decodes by epoch" }, this.scrubber.element, this.films, this.linked);
    this.noSheets = h("p.xp-hint", {}, "No sheets of decodes were kept; train.py keeps one every --save-every epochs.");
    this.stacks = [0, 1].map(() => new Chart("distortion and rate over the epochs, one upon the other", STACK_HINT));
    this.stacked = h("div");
    this.areas = h("section", {}, h("h3", {}, "The fit"), this.stacked, this.picker);
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
    this.decoder = new DecoderLine();
    this.growing = new Growing();
    /** @type {Story[]} */
    this.stories = [];
    this.page = new PageButton();
    const save = h("div.xp-bar.xp-report-save", {}, button("Save", "Save verdicts, settings and scores as Markdown", () => this.save()), button("Print", "Print the report, all of it opened", () => print()), fitButton("Fit here", () => root), this.page.element);
    this.rest = more("More", h("p.xp-hint.xp-prose", {}, HOW), h("p.xp-hint.xp-prose", {}, SHEET_HINT), this.losses, this.course, this.noise, this.decoder.element);
    this.body = h(
      "div.xp-report",
      {},
      h("h2.xp-unseen", {}, "Report"),
      h("div.xp-report-fold", {}, h("div.xp-report-first", {}, this.verdicts.element, save), this.note, this.decodes, this.noSheets),
      this.scale,
      this.areas,
      h(
        "section",
        {},
        h("h3", {}, "Latent dimensions"),
        h("p.xp-hint", {}, "What each axis carries at the end, on the test images. Click a bar, or choose an axis, for its codes."),
        h("div.xp-twins", {}, ...this.dimensions.map((dimensions) => dimensions.element)),
      ),
      this.cards.element,
      this.rest,
    );
    this.arrival = new Arrival(this.body, this.status);
    root.replaceChildren(this.growing.element, this.status.element, this.arrival.element, this.body);
    this.growing.watch(root);
    globalThis.addEventListener?.("beforeprint", () => root.querySelectorAll("details").forEach((each) => (each.open = true)));
    view.addEventListener("link", () => {
      if (this.body.dataset.shown === view.run && view.other !== this.wished) this.setRun(view.run);
    });
  }

  /** @param {string} words A message about the whole tab; one about a part of it stands in its place. */
  say(words) {
    this.status.say(words);
  }

  /**
   * Show a run, and beside it its twin or the run that the address names.
   * @param {string | null} run
   */
  async setRun(run) {
    const signal = this.asks.next(view.signal);
    this.say("");
    this.arrival.begin(run);
    this.picker.hidden = !run;
    this.picker.inert = run !== this.body.dataset.shown; // what it offers is for another run
    if (!run) return;
    try {
      const runs = /** @type {Listed[]} */ (await source.runs());
      if (signal.aborted) return;
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
      if (signal.aborted) return;
      this.arrival.fail();
      this.say(/** @type {Error} */ (error).message);
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
    this.picker.inert = false;
    this.picker.replaceChildren(dropdown("Compare with", [{ value: "", text: "no other run" }, ...options], other, choose, hint));
  }

  /**
   * @param {string} run
   * @param {string} other The run to show beside it, or "".
   * @param {boolean} stay Whether the same run was on show, so that the scrubber stays where it is.
   * @returns {Promise<boolean>} Whether the run is on show now: nothing else was wished for meanwhile, and it is sound.
   */
  async compare(run, other, stay) {
    const signal = this.asks.next(view.signal);
    this.say("");
    this.body.setAttribute("aria-busy", "true");
    const tell = async (/** @type {string} */ name) => {
      const refusal = this.refused.get(name);
      if (refusal) throw new Error(refusal);
      return /** @type {Story} */ (await source.ask("training", name, { signal }));
    };
    const failed = (/** @type {Error} */ error) => error;
    const [first, second] = await Promise.all([tell(run).catch(failed), other ? tell(other).catch(failed) : null]);
    if (signal.aborted) return false;
    this.body.removeAttribute("aria-busy");
    if (first instanceof Error) {
      this.arrival.fail();
      this.say(first.message);
      return false;
    }
    this.arrival.end(run);
    const sound = second !== null && !(second instanceof Error);
    this.show(sound ? [first, second] : [first], stay);
    this.body.dataset.with = sound ? other : "";
    this.body.dataset.shown = run;
    this.page.setRun(run);
    if (second instanceof Error) this.say(`${other} cannot be shown beside it: ${second.message}`);
    return true;
  }

  /**
   * @param {Story[]} stories The run's, and that of the one it is compared with.
   * @param {boolean} stay As in `compare`.
   */
  show(stories, stay) {
    const [run, other] = stories;
    this.stories = stories;
    this.verdicts.setStories(stories);
    /** @type {(story: Story) => Record<string, string>} */
    const beside = (story) => (other ? { with: story === run ? other.name : run.name } : {});
    const inOrder = [...stories].sort((a, b) => Number(b.point) - Number(a.point)); // as in Holes: the autoencoder on the left
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
    const alike = new Set(inOrder.map(({ point }) => point)).size < inOrder.length;
    /** @param {HTMLElement[]} parts Of each model. */
    const onSides = (parts) => {
      const of = (/** @type {boolean} */ point, /** @type {number} */ place) => parts[alike ? place : inOrder.findIndex((story) => story.point === point)] ?? null;
      return sides(of(true, 0), of(false, 1));
    };
    this.sheets.forEach((sheets, i) => sheets.setStory(inOrder[i] ?? null, alike || !inOrder[i] ? undefined : inOrder[i].point ? "Autoencoder" : "VAE"));
    this.films.replaceChildren(onSides(inOrder.map((_, i) => this.sheets[i].element)));
    const told = inOrder.filter(({ parts }) => parts.includes("distortion"));
    this.stacks.forEach((chart, i) => chart.show(Boolean(inOrder[i]) && told.includes(inOrder[i]), inOrder[i]?.name ?? "", "loss-stack", {}));
    this.stacked.replaceChildren(onSides(inOrder.map((_, i) => this.stacks[i].element)));
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
    this.decoder.setRuns(inOrder.map(({ name }) => name));
  }

  /** Hand the report out as a file. */
  save() {
    const href = URL.createObjectURL(new Blob([markdownOf(this.stories)], { type: "text/markdown" }));
    h("a", { href, download: `${this.stories[0].name}-report.md` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
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

/** @param {import("../page/host.js").Host} host */
export async function mount(host) {
  await useStyle(STYLE);
  const tab = new ReportTab(/** @type {HTMLElement} */ (host.element.querySelector(".xp-host")));
  follow(host, "report", (run) => tab.setRun(run));
}
