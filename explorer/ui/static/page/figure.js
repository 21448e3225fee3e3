/** A plotly figure fetched from the server: drawn, re-coloured with the theme, hovered and clicked. */

import { compact, CONFIG, isCoarse, keepWheel, NARROW, plotly, pointed } from "../kit/charts.js";
import { h } from "../kit/dom.js";
import { dim } from "../kit/pixels.js";
import { onTheme, theme } from "../kit/theme.js";
import { Pane } from "../plane/pane.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";

/** @typedef {import("../kit/charts.js").Pointed} Place */
/** @typedef {{run: string, name: string, query: Record<string, string | number>, latents?: Float32Array}} FigureWish */

/** plotly.js comes from the server as well, and is asked for again as its answers are. */
const away = () => {
  throw new Unreachable();
};

/** @param {FigureWish} wish @returns {Promise<any>} */
const fetched = ({ run, name, query, latents }) => source.ask(latents ? "figureOf" : "figure", run, { of: { name }, query, body: latents });

/** A figure in an element of the page. */
export class Figure {
  /**
   * @param {string} label What it shows, for screen readers.
   * @param {object} [listeners]
   * @param {(place: Place | null) => void} [listeners.hover] Null when the pointer leaves a point.
   * @param {(place: Place) => void} [listeners.click]
   * @param {(error: Error) => void} [listeners.fail] It could not be had; an `Unreachable` says whether it is asked for again.
   * @param {() => void} [listeners.drawn]
   */
  constructor(label, { hover, click, fail, drawn } = {}) {
    this.plot = h("div.xp-plot", { role: "group", "aria-label": label });
    this.element = h("div.xp-figure", {}, this.plot);
    this.listeners = { hover, click, fail, drawn };
    /** @type {FigureWish | null} */
    this.request = null;
    this.figures = new NewestWins(
      (/** @type {FigureWish} */ wish) => Promise.all([plotly().catch(away), fetched(wish)]),
      ([Plotly, figure], wish) => this.put(Plotly, figure, wish),
      (error) => this.fail(error),
    );
    this.scrollZoom = true; // an owner may leave the wheel to the page
    /** What an owner wants of plotly's configuration beside ours. @type {Record<string, any>} */
    this.config = {};
    this.layout = /** @type {any} */ ({});
    /** @type {any[] | null} */
    this.traces = null;
    onTheme(() => this.draw());
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.element.addEventListener("wheel", keepWheel, { capture: true, passive: true });
    // without plotly's drag a browser makes mouse events of a tap, and plotly would count it twice
    this.plot.addEventListener("touchend", (/** @type {TouchEvent} */ event) => {
      const inAxes = /** @type {Element} */ (event.target).closest?.(".draglayer");
      if (inAxes && event.cancelable && this.layout.dragmode === false) event.preventDefault();
    });
  }

  resize() {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (Plotly && this.plot.classList.contains("js-plotly-plot") && this.plot.offsetParent) Plotly.Plots.resize(this.plot);
  }

  /**
   * Show a figure of a run; the newest wish wins.
   * @param {string} run
   * @param {string} name
   * @param {Record<string, string | number>} [query]
   * @param {Float32Array} [latents] What it is of, where the address cannot say it.
   */
  show(run, name, query = {}, latents = undefined) {
    if (this.request?.run !== run) dim(this.plot, true); // what is drawn is another run's
    this.request = { run, name, query, latents };
    this.layout = {}; // until it is drawn nothing is known of the plane: the old one may belong to another run
    this.traces = null;
    this.draw();
  }

  /** Ask for what is wished for, in the colours of the theme, and draw it. */
  draw() {
    if (!this.request) return;
    this.element.removeAttribute("data-ready");
    this.element.setAttribute("aria-busy", "true");
    this.request = { ...this.request, query: { ...this.request.query, theme: theme() } };
    this.figures.ask(this.request);
  }

  /** Forget what is drawn: it is another run's, of whose plane nothing may be taken any longer. */
  clear() {
    this.drop();
    this.layout = {};
    this.traces = null;
    dim(this.plot, true);
  }

  /** Forget what was wished for: it is not on show any longer. */
  drop() {
    this.request = null;
    this.figures.drop();
    this.element.removeAttribute("aria-busy");
  }

  /**
   * @param {any} Plotly
   * @param {any} figure
   * @param {FigureWish} wish
   */
  async put(Plotly, figure, wish) {
    if (wish !== this.request) return;
    try {
      this.layout = { ...figure.layout, clickanywhere: true, hoverdistance: 8 };
      this.traces = figure.data;
      if (this.plot.clientWidth < NARROW) compact(figure.data, this.layout);
      if (isCoarse()) this.layout.dragmode = false;
      this.prepare?.(figure.data, this.layout);
      await Plotly.react(this.plot, figure.data, this.layout, { ...CONFIG, scrollZoom: this.scrollZoom, ...this.config });
      if (wish !== this.request) return;
      this.listen();
      this.element.dataset.ready = `${wish.run} ${wish.query.theme}`;
      this.element.removeAttribute("aria-busy");
      dim(this.plot, false);
      this.listeners.drawn?.();
    } catch (error) {
      if (wish === this.request) this.fail(error);
    }
  }

  /** The browser took the graphics away, as from the oldest of many figures: draw anew. */
  recover() {
    this.purge();
    this.draw();
  }

  /** Give back what plotly holds for a figure that is not on show. */
  purge() {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (!Plotly || !this.plot.classList.contains("js-plotly-plot")) return;
    Plotly.purge(this.plot);
    this.plot.classList.remove("js-plotly-plot");
    this.listening = false; // its listeners went with it
    this.layout = {};
    this.traces = null;
    this.element.removeAttribute("data-ready");
  }

  /** Forget what was wished for, and what is drawn: it is hidden. */
  remove() {
    this.drop();
    this.purge();
  }

  /** @param {unknown} error */
  fail(error) {
    this.element.removeAttribute("aria-busy");
    this.listeners.fail?.(/** @type {Error} */ (error));
  }

  /** Draw the traces and the layout anew as they are now, after an owner changed them. */
  async redraw() {
    const Plotly = /** @type {any} */ (globalThis).Plotly;
    if (!Plotly || !this.traces) return;
    await Plotly.react(this.plot, this.traces, this.layout, { ...CONFIG, scrollZoom: this.scrollZoom, ...this.config });
  }

  /** Set by an owner that changes traces or layout before they are drawn. @type {((data: any[], layout: any) => void) | undefined} */
  prepare = undefined;

  /** The numbers beside the drawing: the plane behind the axes. */
  get meta() {
    return this.layout.meta ?? {};
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_webglcontextlost", () => this.recover());
    const { hover, click } = this.listeners;
    if (hover) {
      this.plot.on("plotly_hover", (/** @type {any} */ e) => hover(pointed(e)));
      this.plot.on("plotly_unhover", () => hover(null));
    }
    if (click) {
      this.plot.on("plotly_click", (/** @type {any} */ e) => {
        const there = pointed(e);
        if (there) click(there);
      });
    }
  }

  /**
   * Place on the figure's element, in CSS pixels, of data coordinates.
   * @param {number} x
   * @param {number} y
   */
  pixelAt(x, y) {
    if (!this.axes) return null;
    const { x: across, y: up } = this.axes;
    // the ranges, and not plotly's own l2p, which stands still during a drag; linear axes, or logarithms of them
    const box = { left: +across.range[0], right: +across.range[1], bottom: +up.range[0], top: +up.range[1] };
    const pane = new Pane(box, across._length, up._length);
    return { left: across._offset + pane.px(x), top: up._offset + pane.py(y) };
  }

  get axes() {
    const full = /** @type {any} */ (this.plot)._fullLayout;
    return full?.xaxis && full?.yaxis ? { x: full.xaxis, y: full.yaxis } : null;
  }
}
