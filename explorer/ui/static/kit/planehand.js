/** Hands on a plane: mouse, wheel, pen, fingers and keys become a window, a tapped place, a pointed place, an outline. */

import { shifted, zoomed } from "../plane/pane.js";

/** `pan` moves the plane under a finger, which otherwise scrolls the page. @typedef {"move" | "pan" | "box" | "lasso"} Tool */
/** @typedef {import("../plane/pane.js").Pane} Pane */

/**
 * @typedef {object} HandWishes
 * @property {() => Pane | null} pane What is on show.
 * @property {(box: import("../plane/pane.js").Box, smooth?: boolean) => void} look
 * @property {() => void} home
 * @property {(px: number, py: number, event: MouseEvent) => void} tap
 * @property {(px: number, py: number, event: PointerEvent) => void} point The pointer rests or moves without a button.
 * @property {() => void} leave
 * @property {(outline: [number, number][]) => void} outlining The outline so far, in pixels; empty when it is over.
 * @property {(outline: [number, number][] | null, more: boolean) => void} outlined In the plane's coordinates; null for a mere tap.
 * @property {(event: KeyboardEvent) => boolean} key Whether the owner took a key for itself.
 */

const STILL_PX = 4;
const AGAIN_MS = 350;
const NOTCH = 15; // of a wheel's turn: less comes from two fingers on a touchpad

/**
 * What a key pressed on a plane asks for.
 * @param {string} key
 * @returns {{pan: [number, number]} | {zoom: number} | {home: true} | {choose: true} | null}
 */
export function keyWish(key) {
  const step = 0.15;
  switch (key) {
    case "ArrowLeft":
      return { pan: [-step, 0] };
    case "ArrowRight":
      return { pan: [step, 0] };
    case "ArrowUp":
      return { pan: [0, step] };
    case "ArrowDown":
      return { pan: [0, -step] };
    case "+":
    case "=":
      return { zoom: 0.7 };
    case "-":
      return { zoom: 1 / 0.7 };
    case "0":
      return { home: true };
    case "Enter":
      return { choose: true };
    default:
      return null;
  }
}

/**
 * The window's factor for a turn of the wheel.
 * @param {{deltaY: number, deltaMode: number}} event
 */
export function wheelFactor({ deltaY, deltaMode }) {
  const turned = deltaY * (deltaMode === 1 ? 25 : deltaMode ? 500 : 1);
  return Math.exp(Math.max(-1, Math.min(1, turned * (Math.abs(turned) < NOTCH ? 0.01 : 0.002))));
}

/** The hand of one plane. */
export class Hand {
  /**
   * @param {HTMLElement} pad Lies over the drawing and catches the pointer.
   * @param {HandWishes} wishes
   */
  constructor(pad, wishes) {
    this.pad = pad;
    this.wishes = wishes;
    /** @type {Tool} */
    this.tool = "move";
    /** Pointers that are down: where they are. @type {Map<number, [number, number]>} */
    this.down = new Map();
    /** Where the first of them came down, and the window then. @type {{at: [number, number], pane: Pane, moved: boolean} | null} */
    this.drag = null;
    /** @type {[number, number][] | null} */
    this.path = null;
    this.last = { at: /** @type {[number, number]} */ ([-99, -99]), time: 0 };
    pad.addEventListener("pointerdown", (event) => this.press(event));
    pad.addEventListener("pointermove", (event) => this.move(event));
    pad.addEventListener("pointerup", (event) => this.lift(event));
    pad.addEventListener("pointercancel", (event) => this.cancel(event));
    pad.addEventListener("pointerleave", () => !this.down.size && wishes.leave());
    pad.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    pad.addEventListener("keydown", (event) => this.type(event));
    for (const kind of ["touchstart", "touchmove"]) {
      pad.addEventListener(kind, (event) => /** @type {TouchEvent} */ (event).touches.length > 1 && event.cancelable && event.preventDefault(), { passive: false });
    }
    this.use("move");
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool = tool;
    this.stop();
    // a finger scrolls the page, unless a tool was chosen that needs it; two always zoom the plane
    this.pad.style.touchAction = tool === "move" ? "pan-x pan-y" : "none";
    this.pad.dataset.tool = tool;
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  at({ clientX, clientY }) {
    const room = this.pad.getBoundingClientRect();
    return [clientX - room.left, clientY - room.top];
  }

  /** @param {PointerEvent} event */
  press(event) {
    const pane = this.wishes.pane();
    if (!pane || (event.pointerType === "mouse" && event.button !== 0)) return;
    if (event.pointerType === "mouse" || this.tool !== "move") this.pad.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.at(event));
    if (this.down.size > 1) {
      this.stop();
      this.drag = null;
      return;
    }
    this.drag = { at: this.at(event), pane, moved: false };
    if (this.tool === "box" || this.tool === "lasso") this.path = [this.held(this.at(event))];
  }

  /** A place on the pad, brought back to its edge. @param {[number, number]} at @returns {[number, number]} */
  held([x, y]) {
    const { clientWidth, clientHeight } = this.pad;
    return [Math.min(clientWidth, Math.max(0, x)), Math.min(clientHeight, Math.max(0, y))];
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.down.get(event.pointerId);
    if (!before) {
      if (!this.down.size) this.wishes.point(...this.at(event), event);
      return;
    }
    const now = this.at(event);
    this.down.set(event.pointerId, now);
    if (this.down.size === 2) return this.pinch(event.pointerId, before, now);
    if (!this.drag) return;
    const [x0, y0] = this.drag.at;
    if (Math.hypot(now[0] - x0, now[1] - y0) >= STILL_PX) this.drag.moved = true;
    if (this.path) return this.grow(now);
    const isPan = event.pointerType === "touch" ? this.tool === "pan" : true;
    if (!this.drag.moved || !isPan) return;
    this.wishes.leave();
    const { pane } = this.drag;
    this.wishes.look(shifted(pane.box, (x0 - now[0]) / pane.width, (now[1] - y0) / pane.height));
  }

  /**
   * Two fingers: the places under them stay under them.
   * @param {number} id Of the one that moved.
   * @param {[number, number]} before
   * @param {[number, number]} now
   */
  pinch(id, before, now) {
    const pane = this.wishes.pane();
    const other = [...this.down].find(([each]) => each !== id)?.[1];
    if (!pane || !other) return;
    const gap = (/** @type {[number, number]} */ [x, y]) => Math.max(20, Math.hypot(x - other[0], y - other[1]));
    const middle = (/** @type {[number, number]} */ [x, y]) => /** @type {[number, number]} */ ([(x + other[0]) / 2, (y + other[1]) / 2]);
    const [from, to] = [middle(before), middle(now)];
    const box = zoomed(pane.box, gap(before) / gap(now), pane.place(...from));
    this.wishes.look(shifted(box, (from[0] - to[0]) / pane.width, (to[1] - from[1]) / pane.height));
  }

  /** @param {[number, number]} at */
  grow(at) {
    const path = /** @type {[number, number][]} */ (this.path);
    const [x, y] = this.held(at);
    const [x0, y0] = path[0];
    if (this.tool === "box") {
      this.path = [
        [x0, y0],
        [x, y0],
        [x, y],
        [x0, y],
      ];
    } else {
      const [lastX, lastY] = path[path.length - 1];
      if (Math.hypot(x - lastX, y - lastY) >= 3) path.push([x, y]);
    }
    this.wishes.outlining(/** @type {[number, number][]} */ (this.path));
  }

  /** @param {PointerEvent} event */
  lift(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { drag, path } = this;
    const pane = this.wishes.pane();
    this.stop();
    this.drag = null;
    if (!drag || !pane) return;
    if (path) return this.wishes.outlined(drag.moved && path.length > 2 ? path.map((at) => pane.place(...at)) : null, event.shiftKey);
    if (!drag.moved) this.tap(this.at(event), event);
  }

  /**
   * A tap chooses; a second one at the same place zooms in, with Shift or Alt out.
   * @param {[number, number]} at
   * @param {PointerEvent} event
   */
  tap(at, event) {
    const pane = /** @type {Pane} */ (this.wishes.pane());
    const isSecond = event.timeStamp - this.last.time < AGAIN_MS && Math.hypot(at[0] - this.last.at[0], at[1] - this.last.at[1]) < 2 * STILL_PX;
    this.last = { at, time: isSecond ? 0 : event.timeStamp };
    if (isSecond) this.wishes.look(zoomed(pane.box, event.shiftKey || event.altKey ? 2 : 0.5, pane.place(...at)), true);
    else this.wishes.tap(...at, event);
  }

  /** @param {PointerEvent} event */
  cancel(event) {
    this.down.delete(event.pointerId);
    this.drag = null;
    this.stop();
  }

  /** Give an outline up. */
  stop() {
    if (this.path) this.wishes.outlining([]);
    this.path = null;
  }

  /** The wheel belongs to the page, unless a key says that it is meant for the plane. @param {WheelEvent} event */
  turn(event) {
    const pane = this.wishes.pane();
    if (!pane || (!event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    this.wishes.look(zoomed(pane.box, wheelFactor(event), pane.place(...this.at(event))));
  }

  /** @param {KeyboardEvent} event */
  type(event) {
    if (event.key === "Escape") return this.stop();
    const pane = this.wishes.pane();
    if (!pane || event.ctrlKey || event.metaKey || event.altKey || event.target !== this.pad) return;
    const wish = this.wishes.key(event) ? null : keyWish(event.key);
    if (!wish) return;
    event.preventDefault();
    if ("pan" in wish) this.wishes.look(shifted(pane.box, ...wish.pan), true);
    else if ("zoom" in wish) this.wishes.look(zoomed(pane.box, wish.zoom), true);
    else if ("home" in wish) this.wishes.home();
    else this.wishes.tap(pane.width / 2, pane.height / 2, new MouseEvent("click"));
  }
}
