/** The pictures of a walk, step by step, of one model or of two. */

import { h, setCurrent } from "../kit/dom.js";
import { paint, shownWidth } from "../kit/pixels.js";
import { shown } from "../latent/numbers.js";
import { KIND_NAMES } from "../latent/walk.js";
import { markOf } from "./side.js";

/** @typedef {import("./side.js").Walk} Walk */

const WIDTH = 56;

export class Film {
  /** @param {(t: number) => void} jump Called with the position of a picture that was pressed. */
  constructor(jump) {
    this.jump = jump;
    this.strip = h("div.xp-strip.xp-films", { role: "group", "aria-label": "pictures along the walk" });
    this.hint = h("p.xp-hint");
    this.element = h("section", { "aria-label": "step by step" }, this.hint, this.strip);
  }

  /** @param {(Walk | null)[]} walks The run's, then its twin's. */
  show(walks) {
    const [mine, other] = walks;
    if (!mine) return;
    const [, height, width] = mine.decoded.shape;
    const wide = shownWidth(width, WIDTH, height);
    const films = mine.positions.map((t, k) => {
      const parts = walks.flatMap((walk) => {
        if (!walk) return [];
        const canvas = h("canvas.xp-image", { width, height, "aria-hidden": "true" });
        canvas.style.width = `${wide}px`;
        paint(canvas, walk.decoded, k);
        return [canvas, h("span.xp-step-mark", { "aria-hidden": "true" }, markOf(walk.vacancy[k]))];
      });
      const place = shown(t, 2);
      const holes = walks.filter((walk) => walk && markOf(walk.vacancy[k])).map((walk) => walk?.run);
      const said = `position ${place}${holes.length ? `, in a hole of ${holes.join(" and ")}` : ""}`;
      const title = walks
        .filter((walk) => walk !== null)
        .map((walk) => `${walk.run}: norm ${shown(walk.norm[k])}, p = ${shown(walk.vacancy[k], 2)}, encodes back ${shown(walk.round_trip[k], 2)} sd away`)
        .join("\n");
      return h("button.xp-film", { type: "button", title, "aria-label": said, "data-value": t, onclick: () => this.jump(t) }, ...parts, h("span", {}, place));
    });
    const focused = [...this.strip.children].indexOf(/** @type {any} */ (document.activeElement));
    this.strip.replaceChildren(...films);
    films[focused]?.focus();
    this.hint.textContent = `${other ? `Above ${mine.run}, below ${other.run}` : mine.run}, along the ${KIND_NAMES[mine.kind]}; ▨ marks a hole (p ≤ 0.05). Click a picture to go there.`;
  }

  /** Mark the picture that is nearest to a position. @param {number} at */
  mark(at) {
    const films = /** @type {HTMLElement[]} */ ([...this.strip.children]);
    const distance = (/** @type {HTMLElement} */ film) => Math.abs(Number(film.dataset.value) - at);
    const nearest = films.reduce((best, film) => (distance(film) < distance(best) ? film : best), films[0]);
    for (const film of films) setCurrent(film, film === nearest);
  }
}
