/** A straight path between two places of the planes: its ends are dragged, its pictures stand in two filmstrips. */

import { button, h } from "../kit/dom.js";
import { dim, paint, shownWidth } from "../kit/pixels.js";
import { StatusLine } from "../kit/status.js";
import { percent, shown } from "../latent/numbers.js";
import { ALPHA } from "../latent/vacancy.js";
import { NewestWins } from "../source/newest.js";
import { source } from "../source/source.js";
import { alongPath, ARROWS, endsText, FILMS, keptOn, pathLatents, pathSummary, STEPS, stepOf } from "./grid.js";
import { WayCurve } from "./waycurve.js";

/** @typedef {import("./grid.js").Place} Place */
/** @typedef {import("./grid.js").Segment} Segment */
/** @typedef {import("./plane.js").PlaneSide} PlaneSide */
/** @typedef {"from" | "to"} EndName */

const LAST = ["pointerup", "pointercancel", "lostpointercapture"]; // events that end a drag
const FILM = 84; // CSS pixels at most
const ENDS = /** @type {[EndName, string][]} */ ([
  ["from", "A"],
  ["to", "B"],
]);
/** Where a path lies at first, in halves of the plane's width. */
const FIRST = /** @type {Segment} */ ({ from: [-2 / 3, -1 / 3], to: [2 / 3, 1 / 3] });

/** The path as it lies on one plane: a line, and two ends that can be dragged or moved by arrow keys. */
class PathLine {
  /**
   * @param {PlaneSide} side
   * @param {HolePath} path
   */
  constructor(side, path) {
    this.side = side;
    this.path = path;
    this.line = h("div.xp-holes-line");
    this.clip = h("div.xp-holes-clip.xp-over", {}, this.line);
    /** What a pointer drags now. @type {HTMLElement | null} */
    this.held = null;
    this.pad = h("div.xp-holes-pad.xp-over", { hidden: true, "aria-hidden": "true" });
    this.ends = ENDS.map(([end, letter]) => this.handle(end, letter));
    this.pad.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.drawNew(event));
    side.plane.square.append(this.clip, this.pad, ...this.ends);
  }

  /** @param {EndName} end @param {string} letter */
  handle(end, letter) {
    const handle = h("button.xp-holes-end", { type: "button", title: `End ${letter} of the path: drag it, or move it with the arrow keys`, hidden: true }, letter);
    handle.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      handle.focus();
      this.follow(event, handle, end);
    });
    handle.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = ARROWS[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const size = (event.shiftKey ? 5 : 1) * stepOf(this.path.extent);
      const [a, b] = this.segment[end];
      this.path.move(end, [a + size * step[0], b + size * step[1]], this.number);
    });
    return handle;
  }

  get number() {
    return this.path.sides.indexOf(this.side);
  }

  get segment() {
    return this.path.segments[this.number];
  }

  /**
   * The place under a pointer, also beyond the axes.
   * @param {PointerEvent} event
   * @returns {Place | null}
   */
  placeOf(event) {
    const { pane, pad } = this.side.plane;
    if (!pane) return null;
    const room = pad.getBoundingClientRect();
    return pane.place(event.clientX - room.left, event.clientY - room.top);
  }

  /**
   * Let an end follow a pointer until it is lifted.
   * @param {PointerEvent} event
   * @param {HTMLElement} holder Keeps the pointer.
   * @param {EndName} end
   */
  follow(event, holder, end) {
    holder.setPointerCapture(event.pointerId);
    this.held = holder;
    const move = (/** @type {PointerEvent} */ e) => {
      const place = this.placeOf(e);
      if (place && e.pointerId === event.pointerId) this.path.move(end, place, this.number);
    };
    const lift = (/** @type {PointerEvent} */ e) => {
      if (e.pointerId !== event.pointerId) return;
      held.abort();
      this.held = null;
      this.place();
    };
    const held = new AbortController();
    holder.addEventListener("pointermove", move, { signal: held.signal });
    for (const last of LAST) holder.addEventListener(last, /** @type {any} */ (lift), { signal: held.signal });
  }

  /** @param {PointerEvent} event */
  drawNew(event) {
    const place = this.placeOf(event);
    if (!place || event.button !== 0) return;
    event.preventDefault();
    this.path.start(place);
    this.follow(event, this.pad, "to");
    const done = new AbortController();
    const end = () => {
      done.abort();
      this.path.setDrawing(false);
    };
    for (const last of LAST) this.pad.addEventListener(last, end, { signal: done.signal });
  }

  place() {
    const { behind, info } = this.side;
    const { pane, margins } = this.side.plane;
    const shownNow = Boolean(this.path.isOpen && pane && margins && behind && info && this.segment);
    this.clip.hidden = this.ends[0].hidden = this.ends[1].hidden = !shownNow;
    this.pad.hidden = !shownNow || !this.path.drawing;
    if (!shownNow || !pane || !margins) return;
    const room = { left: `${margins.left}px`, top: `${margins.top}px`, width: `${pane.width}px`, height: `${pane.height}px` };
    Object.assign(this.clip.style, room);
    Object.assign(this.pad.style, room);
    const [a, b] = ENDS.map(([end]) => [pane.px(this.segment[end][0]), pane.py(this.segment[end][1])]);
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    Object.assign(this.line.style, { left: `${a[0]}px`, top: `${a[1]}px`, width: `${Math.hypot(dx, dy)}px`, transform: `rotate(${Math.atan2(dy, dx)}rad)` });
    [a, b].forEach(([x, y], k) => {
      const [end, letter] = ENDS[k];
      const handle = this.ends[k];
      const isOutside = x < -1 || y < -1 || x > pane.width + 1 || y > pane.height + 1;
      handle.hidden = isOutside && handle !== this.held; // a hidden one would lose the pointer that drags it
      Object.assign(handle.style, { left: `${margins.left + x}px`, top: `${margins.top + y}px` });
      const [u, v] = this.segment[end];
      handle.setAttribute("aria-label", `End ${letter} of the path on ${info?.name}, u = (${shown(u)}, ${shown(v)}) sd; arrow keys move it`);
    });
  }
}

/** One model's filmstrip. */
class Strip {
  /** @param {HolePath} path @param {number} number Of its side. */
  constructor(path, number) {
    this.path = path;
    this.number = number;
    this.title = h("h4.xp-holes-strip-title");
    this.canvases = Array.from({ length: FILMS }, () => h("canvas.xp-image", { width: 28, height: 28 }));
    this.labels = this.canvases.map(() => h("span"));
    this.films = this.canvases.map((canvas, k) => h("button.xp-film", { type: "button", title: "Put the cursor here", onclick: () => path.stand(number, k) }, canvas, this.labels[k]));
    this.row = h("div.xp-holes-strip", { role: "group" }, ...this.films);
    this.element = h("div", {}, this.title, this.row);
    this.decodes = new NewestWins(
      (/** @type {{run: string, latents: Float32Array}} */ { run, latents }) => source.decode(run, latents, FILMS),
      (decoded, { latents }) => {
        const wide = shownWidth(decoded.shape[2], FILM);
        this.canvases.forEach((canvas, k) => {
          paint(canvas, decoded, k);
          canvas.style.width = `${wide}px`;
        });
        const d = latents.length / FILMS;
        this.row.dataset.ends = [...latents.slice(0, d), ...latents.slice(-d)].join(",");
        dim(this.row, false);
        path.say("", this);
      },
      (error) => {
        dim(this.row, true);
        path.say(`No pictures along the path: ${/** @type {Error} */ (error).message}`, this);
      },
      2,
    );
    /** p-values at `STEPS` places along the path on show, and its ends; null until they are here. @type {{ends: string, p: Float32Array} | null} */
    this.way = null;
    this.measures = new NewestWins(
      (/** @type {{run: string, latents: Float32Array, ends: string}} */ { run, latents }) => source.ask("vacancies", run, { query: { among: "draws" }, body: latents }),
      (p, { run, ends }) => {
        this.way = { ends, p };
        this.mark(run, p, true);
        path.say("", this.measures);
        path.measured();
      },
      (error) => path.say(`No curve: ${/** @type {Error} */ (error).message}`, this.measures),
      1,
    );
  }

  /** What is known of a path, of another pair. */
  drop() {
    this.decodes.drop();
    this.measures.drop();
    this.way = null;
    dim(this.row, true); // until its pictures are of this pair
  }

  /**
   * Say how usual the pictures are.
   * @param {string} run
   * @param {ArrayLike<number>} p Of each picture, or of `STEPS` places along the path.
   * @param {boolean} measured Whether these were measured at the places, else read off the map.
   */
  mark(run, p, measured) {
    const stride = (p.length - 1) / (FILMS - 1);
    this.films.forEach((film, k) => {
      const value = p[Math.round(k * stride)];
      const hole = value <= ALPHA;
      this.labels[k].textContent = `${hole ? "▨ " : ""}${shown(value, 2)}`;
      film.classList.toggle("xp-holes-in", hole);
      film.setAttribute("aria-label", `${run}, ${percent(k / (FILMS - 1) + 1e-9)} of the way: p = ${shown(value, 2)}${hole ? ", in a hole" : ""}`);
    });
    this.title.replaceChildren(h("strong", {}, run), ` ${measured ? pathSummary(p, ALPHA) : ""}`);
  }
}

export class HolePath {
  /**
   * @param {PlaneSide[]} sides
   * @param {object} wishes
   * @param {(x: number, y: number) => void} wishes.stand Put the linked cursor there.
   */
  constructor(sides, wishes) {
    this.sides = sides;
    this.wishes = wishes;
    this.drawing = false;
    this.isOpen = false; // whether somebody looks at it: until then nothing of it lies on the planes
    /** Between which images of the slice it goes, or null for places of one's own. @type {[number, number] | null} */
    this.images = null;
    this.isSlice = false;
    this.chosen = false; // by somebody; else it follows the slice
    /** @type {Segment[]} */
    this.segments = sides.map(() => ({ ...FIRST }));
    this.overlays = sides.map((side) => new PathLine(side, this));
    this.strips = sides.map((_, i) => new Strip(this, i));
    this.status = new StatusLine();
    this.words = h("p.xp-hint");
    this.curve = new WayCurve((t) => this.stand(0, t * (FILMS - 1)));
    this.drawButton = button("Draw a new path", "Then drag a line on either plane, with a mouse, pen or finger", () => this.setDrawing(!this.drawing));
    this.drawButton.setAttribute("aria-pressed", "false");
    this.boxes = ENDS.map(([end, letter]) => [0, 1].map((axis) => this.box(end, letter, axis)));
    this.pairs = h("div.xp-bar");
    const fields = ENDS.map(([, letter], k) =>
      h("fieldset.xp-holes-box", {}, h("legend.xp-label", {}, `End ${letter}, sd of the codes`), h("div", {}, ...this.boxes[k])),
    );
    this.element = h(
      "section.xp-holes-path",
      { "aria-label": "a path between two places" },
      h("h3", {}, "A path between two places"),
      this.words,
      h("div.xp-bar", {}, this.drawButton, ...fields, this.pairs),
      this.status.element,
      h("div.xp-holes-films", {}, ...this.strips.map((strip) => strip.element)),
      this.curve.element,
    );
  }

  /** @param {string} words @param {unknown} [who] */
  say(words, who = this) {
    this.status.say(words, who);
  }

  /** @param {EndName} end @param {string} letter @param {number} axis */
  box(end, letter, axis) {
    const name = `End ${letter}, u${"₁₂"[axis]}`;
    const box = h("input.xp-number", {
      type: "number",
      step: 0.1,
      title: `${name}: type a value and press Enter`,
      "aria-label": name,
      onchange: () => {
        const place = /** @type {Place} */ ([...this.segments[0][end]]);
        if (Number.isFinite(box.valueAsNumber)) place[axis] = box.valueAsNumber;
        this.move(end, place);
        box.value = String(+this.segments[0][end][axis].toFixed(2));
      },
    });
    return box;
  }

  get live() {
    return this.sides.filter(({ info }) => info);
  }

  get extent() {
    return this.sides[0].extent;
  }

  /**
   * @param {import("../latent/run.js").RunInfo[]} pair
   */
  setPair(pair) {
    this.strips.forEach((strip, i) => {
      strip.drop();
      strip.element.hidden = !pair[i];
      if (pair[i]) {
        strip.title.replaceChildren(h("strong", {}, pair[i].name));
        strip.row.setAttribute("aria-label", `pictures along the path in ${pair[i].name}`);
      }
    });
    this.curve.clear(); // it is of other runs
    const d = pair[0]?.latent_dim ?? 1;
    this.element.hidden = d < 2;
    this.chosen = false;
    this.isSlice = d > 2;
    this.images = d > 2 ? [0, 1] : null;
    this.segments = this.sides.map(() => ({ ...FIRST }));
    this.setDrawing(false);
    this.status.clear();
    const between = (/** @type {[number, number]} */ [k, l]) =>
      button(`Image ${k + 1} to ${l + 1}`, "From one image of the slice to another, where each model has them", () => {
        this.images = [k, l];
        this.chosen = true;
        this.planesDrawn();
      });
    this.pairs.replaceChildren(...(d > 2 ? /** @type {[number, number][]} */ ([[0, 1], [1, 2], [2, 0]]).map(between) : []));
  }

  /** Somebody looks at the path, or no longer. @param {boolean} open */
  setOpen(open) {
    this.isOpen = open;
    if (open) this.planesDrawn();
    else this.setDrawing(false);
  }

  /** Another slice: its images lie elsewhere. */
  newSlice() {
    if (this.isSlice && (this.images || !this.chosen)) this.images = [0, 1];
  }

  /** The planes are there: lay the path on them. */
  planesDrawn() {
    const { live } = this;
    if (!this.isOpen || !live.length || live.some(({ behind }) => !behind)) return;
    if (this.images) {
      const [k, l] = this.images;
      const anchored = live.every((side) => side.told?.anchors?.length === 3);
      this.sides.forEach((side, i) => {
        const anchors = /** @type {Place[]} */ (side.told?.anchors ?? []);
        this.segments[i] = anchored && side.info ? { from: anchors[k], to: anchors[l] } : { from: [(-2 / 3) * this.extent, 0], to: [(2 / 3) * this.extent, 0] };
      });
      this.pairs.hidden = !anchored;
    } else if (!this.chosen) {
      const placed = (/** @type {Place} */ place) => /** @type {Place} */ (place.map((v) => Number((v * this.extent).toFixed(2))));
      this.segments = this.sides.map(() => ({ from: placed(FIRST.from), to: placed(FIRST.to) }));
      this.pairs.hidden = true;
    } else {
      this.segments = this.segments.map(({ from, to }) => ({ from: keptOn(from, this.extent), to: keptOn(to, this.extent) }));
      this.pairs.hidden = !live.every((side) => side.told?.anchors?.length === 3);
    }
    this.show();
  }

  /** @param {boolean} on */
  setDrawing(on) {
    this.drawing = on;
    this.drawButton.setAttribute("aria-pressed", String(on));
    this.drawButton.textContent = on ? "Drag a line on a plane…" : "Draw a new path";
    this.place();
  }

  /** Begin a new path. @param {Place} place */
  start(place) {
    const from = keptOn(place, this.extent);
    this.chosen = true;
    this.images = null;
    this.segments = this.sides.map(() => ({ from, to: from }));
    this.place();
  }

  /**
   * Move an end, in both models alike.
   * @param {EndName} end
   * @param {Place} place
   * @param {number} [side] On whose plane: there the other end stays.
   */
  move(end, place, side = 0) {
    const kept = keptOn(/** @type {Place} */ (place.map((v) => Math.round(100 * v) / 100)), this.extent);
    const other = this.segments[side][end === "from" ? "to" : "from"];
    this.chosen = true;
    this.images = null; // from now on both walk between the same places of their frames
    this.segments = this.sides.map(() => /** @type {Segment} */ (end === "from" ? { from: kept, to: other } : { from: other, to: kept }));
    this.show();
  }

  /** Overlays on the planes. */
  place() {
    this.overlays?.forEach((overlay) => overlay.place());
  }

  write() {
    ENDS.forEach(([end], k) => this.segments[0][end].forEach((v, axis) => {
      const box = this.boxes[k][axis];
      Object.assign(box, { min: -this.extent, max: this.extent });
      if (document.activeElement !== box) box.value = String(+v.toFixed(2));
    }));
  }

  /** Everything that can follow a hand: the line, the pictures, and how empty the way is. */
  show() {
    this.place();
    this.write();
    const images = this.images?.map((k) => k + 1);
    const anchored = images && !this.pairs.hidden;
    this.words.textContent = anchored
      ? `From image ${images[0]} to image ${images[1]} of the slice, where each model has them; the boxes tell where the left one does. Drag A or B on either plane and both models walk between the same two places of their frames.`
      : "Both models walk straight between the same two places of their frames. Drag A or B on either plane, move the one in focus with the arrow keys, or draw a new path.";
    this.sides.forEach((side, i) => {
      if (!side.info || !side.behind) return;
      const segment = this.segments[i];
      this.strips[i].decodes.ask({ run: side.info.name, latents: pathLatents(side.behind, segment, FILMS) });
      const p = Array.from({ length: FILMS }, (_, k) => side.vacancyAt(...alongPath(segment, k / (FILMS - 1))));
      this.strips[i].mark(side.info.name, p, false);
      this.strips[i].measures.ask({ run: side.info.name, latents: pathLatents(side.behind, segment, STEPS), ends: endsText(segment) });
    });
    const { from, to } = this.segments[0];
    this.say(from[0] === to[0] && from[1] === to[1] ? "A and B are the same place; move one of them." : "");
    this.measured();
  }

  /** Draw the curves of the path on show, once they are known in all models. */
  measured() {
    const ends = this.segments.map(endsText);
    const ways = this.sides.flatMap(({ info }, i) => (info ? [{ info, way: this.strips[i].way, ends: ends[i] }] : []));
    const isKnown = ways.length > 0 && ways.every(({ way, ends: asked }) => way?.ends === asked);
    this.curve.element.setAttribute("aria-busy", String(!isKnown));
    if (!isKnown) return void this.curve.element.removeAttribute("data-ends");
    this.curve.show(ways.map(({ info, way }) => ({ info, p: way?.p ?? [] })));
    this.curve.element.dataset.ends = ways.map(({ ends: asked }) => asked).join(";");
  }

  /**
   * Put the linked cursor on a picture.
   * @param {number} side
   * @param {number} k Number of the picture.
   */
  stand(side, k) {
    const number = this.sides[side].info ? side : 0;
    this.wishes.stand(...alongPath(this.segments[number], Math.min(1, Math.max(0, k / (FILMS - 1)))));
  }
}
