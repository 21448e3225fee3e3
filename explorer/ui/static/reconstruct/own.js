/** Pictures that somebody brings along: a file, what is pasted or dropped, a frame of the camera; and how they are cropped. */

import { button, freshId, h } from "../kit/dom.js";
import { Latest } from "../kit/latest.js";
import { context } from "../kit/pixels.js";

/** Bytes and pixels of one picture that the server takes (explorer/ui/app.py). */
const MOST_BYTES = 2_000_000;
const MOST_PIXELS = 4_000_000;

const KNOWN = /^image\/(png|jpeg|webp|gif|bmp|tiff)$/;
const SIDE = 1280; // pixels of the longest side of what is sent in the place of a larger picture
const CAMERA_SIDE = 480;
const QUALITY = 0.92;
const NUDGE = 0.03; // share of the picture that an arrow key moves the crop

/**
 * Width and height with no side longer than `most`.
 * @param {number} width
 * @param {number} height
 * @param {number} most
 */
export function shrunkTo(width, height, most) {
  const scale = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/**
 * The first picture among what was dropped, pasted or chosen.
 * @param {DataTransfer | null} data
 * @returns {File | null}
 */
export function pictureIn(data) {
  const files = [...(data?.files ?? [])];
  return files.find(({ type }) => type.startsWith("image/")) ?? files[0] ?? null;
}

/**
 * A picture as JPEG, no side longer than `most`, on white where it is transparent.
 * @param {CanvasImageSource} source
 * @param {number} wide
 * @param {number} high
 * @param {number} most
 * @returns {Promise<Blob>}
 */
function jpegOf(source, wide, high, most) {
  const { width, height } = shrunkTo(wide, high, most);
  const canvas = h("canvas", { width, height });
  const pen = context(canvas);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((/** @type {Blob | null} */ blob) => (blob ? resolve(blob) : reject(new Error("This picture cannot be read in this browser."))), "image/jpeg", QUALITY);
  });
}

/**
 * What to send of a file: the file itself where the server takes it, else the same picture as the browser sees it.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function sendable(file) {
  if (!file.size) throw new Error("This file is empty.");
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) {
    if (file.size > MOST_BYTES) throw new Error("This file is larger than 2 MB, and this browser sees no picture in it.");
    return file; // the server says what is wrong with it, or knows better
  }
  const { width, height } = bitmap;
  try {
    if (KNOWN.test(file.type) && file.size <= MOST_BYTES && width * height <= MOST_PIXELS) return file;
    return await jpegOf(bitmap, width, height, SIDE);
  } finally {
    bitmap.close();
  }
}

/** A place to drop, paste or choose a picture. */
export class Tray {
  /** @param {(file: Blob, words: string) => void} taken */
  constructor(taken) {
    this.file = h("input.xp-file", {
      type: "file",
      accept: "image/*",
      "aria-label": "a picture from this device",
      onchange: () => {
        const [file] = this.file.files;
        if (file) taken(file, file.name || "your picture");
        this.file.value = ""; // so that the same file can be chosen again
      },
    });
    this.element = h(
      "div.xp-tray",
      {},
      button("Choose a picture…", "A picture from this device; it is sent to this page's own server, and not kept there", () => this.file.click()),
      this.file,
      h("p.xp-hint", {}, "Or drop one anywhere on this tab, or paste one with Ctrl+V. It goes to this page's own server only, and nothing of it is kept."),
    );
  }
}

/** The camera: one frame, or all of them as they come. */
export class Camera {
  /**
   * @param {object} events
   * @param {(frame: Blob) => void} events.taken
   * @param {(video: HTMLVideoElement) => Promise<boolean>} events.seen A frame while it runs on: whether it was shown at once.
   * @param {(words: string) => void} events.say
   */
  constructor({ taken, seen, say }) {
    this.taken = taken;
    this.seen = seen;
    this.say = say;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.starts = new Latest(); // it was asked for, or given up
    this.live = false;
    this.video = h("video.xp-video", { muted: true, playsInline: true, hidden: true, "aria-label": "camera" });
    this.startButton = button("Start the camera", "The browser asks whether this page may use it", () => this.start());
    this.takeButton = button("Take the picture", "This frame goes through the model", () => this.take());
    this.stopButton = button("Stop the camera", "Switch it off", () => this.stop());
    const box = h("input", { type: "checkbox", onchange: () => this.setLive(box.checked, true) });
    this.liveBox = box;
    this.liveField = h("label.xp-check", { title: "Every frame goes through the model, as fast as it can" }, box, "Live");
    this.element = h("div.xp-camera", {}, this.video, h("div.xp-bar", {}, this.startButton, this.takeButton, this.liveField, this.stopButton));
    this.show();
  }

  show() {
    const on = this.stream !== null;
    this.video.hidden = !on;
    this.startButton.hidden = on;
    for (const part of [this.takeButton, this.stopButton, this.liveField]) part.hidden = !on;
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) return this.say("This browser lends the camera only to pages on this machine or over https.");
    const signal = this.starts.next();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
      if (signal.aborted) return stream.getTracks().forEach((track) => track.stop()); // nobody waits for it now
      this.stream = stream;
    } catch (error) {
      if (signal.aborted) return;
      const refused = /** @type {Error} */ (error).name === "NotAllowedError";
      return this.say(refused ? "The browser does not lend this page the camera; allow it beside the address." : "There is no camera that this page can use.");
    }
    this.say("");
    this.video.srcObject = this.stream;
    this.show();
    await this.video.play().catch(() => {});
  }

  stop() {
    this.starts.stop(); // a permission that is still asked for comes too late
    this.setLive(false);
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.show();
  }

  /**
   * @param {boolean} live
   * @param {boolean} [last] Whether the frame on which it ends is looked at closely.
   */
  setLive(live, last = false) {
    this.live = live;
    this.liveBox.checked = live;
    if (live || last) this.take();
  }

  /** The last frame was answered: the next one, while the camera is live. */
  next() {
    if (this.live && this.stream) requestAnimationFrame(() => this.take());
  }

  async take() {
    const { videoWidth, videoHeight } = this.video;
    if (!this.stream) return;
    if (!videoWidth) return this.live ? void setTimeout(() => this.take(), 100) : this.say("The camera shows nothing yet; try again in a moment.");
    if (this.live && (await this.seen(this.video))) return this.next();
    const frame = await jpegOf(this.video, videoWidth, videoHeight, CAMERA_SIDE);
    if (this.stream) this.taken(frame); // it may be off by now
  }
}

/**
 * The steps from a picture to the image that the model sees; where it is cropped can be moved.
 */
export class Steps {
  /** @param {(place: import("../page/drawing.js").Crop) => void} placed The crop was moved. */
  constructor(placed) {
    this.placed = placed;
    /** @type {import("../page/drawing.js").Crop | null} */
    this.place = null;
    this.aspect = 1; // width by height of the crop
    this.frame = h("div.xp-crop", {
      tabIndex: 0,
      role: "group",
      "aria-label": "crop: arrow keys move it, plus and minus change its size",
      title: "Drag to move what the model gets to see",
      onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.drag(event),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    this.picture = h("img.xp-source", { alt: "your picture", onload: () => this.showFrame() });
    const id = freshId();
    this.size = h("input", {
      id,
      type: "range",
      min: 0.05,
      max: 1,
      step: 0.01,
      title: "How much of the picture the model gets to see",
      oninput: () => this.move({ side: this.size.valueAsNumber }),
    });
    this.sizeField = h("label.xp-field", { for: id }, h("span", {}, "Size of the crop"), this.size);
    this.note = h("small");
    const words = h("div", {}, h("strong", {}, "Your picture"), this.note);
    this.source = h("li", {}, h("div.xp-stagebox", {}, this.picture, this.frame), words, this.sizeField);
    this.list = h("ol.xp-steps", { "aria-label": "how your picture was prepared" }, this.source);
    this.element = h("div", { hidden: true }, this.list);
    /** @type {{x: number, y: number, place: import("../page/drawing.js").Crop} | null} */
    this.held = null;
  }

  /**
   * @param {import("./look.js").Own} own
   * @param {number} aspect
   */
  show({ steps, place }, aspect) {
    this.aspect = aspect;
    if (!this.held) this.place = place;
    const [first, ...others] = steps;
    if (this.picture.src !== first.src) this.picture.src = first.src;
    this.note.textContent = first.note;
    this.source.classList.toggle("xp-wide", place !== null);
    this.frame.hidden = this.sizeField.hidden = place === null;
    while (this.list.children.length > 1) this.list.lastChild?.remove(); // the first keeps its focus and its hold
    this.list.append(
      ...others.map(({ name, note, src }) => h("li", {}, h("img.xp-step", { src, alt: "" }), h("div", {}, h("strong", {}, name), h("small", {}, note)))),
    );
    this.element.hidden = false;
    this.showFrame();
  }

  hide() {
    this.element.hidden = true;
  }

  /** Share of the picture's width and height that the crop takes. */
  extent() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    const across = Math.min(width, height * this.aspect) * (this.place?.side ?? 1);
    return { wide: across / (width || 1), high: across / this.aspect / (height || 1) };
  }

  showFrame() {
    if (!this.place) return;
    const { wide, high } = this.extent();
    const { style } = this.frame;
    style.width = `${100 * wide}%`;
    style.height = `${100 * high}%`;
    style.left = `${100 * (this.place.x - wide / 2)}%`;
    style.top = `${100 * (this.place.y - high / 2)}%`;
    if (document.activeElement !== this.size) this.size.value = String(this.place.side);
  }

  /**
   * Move the crop, but not out of the picture.
   * @param {Partial<import("../page/drawing.js").Crop>} change
   */
  move(change) {
    if (!this.place) return;
    const side = Math.min(1, Math.max(0.05, change.side ?? this.place.side));
    this.place = { ...this.place, ...change, side };
    const { wide, high } = this.extent();
    const inside = (/** @type {number} */ value, /** @type {number} */ extent) => Math.min(1 - extent / 2, Math.max(extent / 2, value));
    this.place = { side, x: inside(this.place.x, Math.min(1, wide)), y: inside(this.place.y, Math.min(1, high)) };
    this.showFrame();
    this.placed(this.place);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0 || !this.place) return;
    this.frame.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, y: event.clientY, place: this.place };
    this.frame.onpointerup = this.frame.onpointercancel = () => (this.held = null);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.held) return;
    const { width, height } = this.picture.getBoundingClientRect();
    const { x, y, place } = this.held;
    this.move({ x: place.x + (event.clientX - x) / width, y: place.y + (event.clientY - y) / height });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { place } = this;
    if (!place) return;
    const moves = /** @type {Record<string, Partial<import("../page/drawing.js").Crop>>} */ ({
      ArrowLeft: { x: place.x - NUDGE },
      ArrowRight: { x: place.x + NUDGE },
      ArrowUp: { y: place.y - NUDGE },
      ArrowDown: { y: place.y + NUDGE },
      "+": { side: place.side + NUDGE },
      "=": { side: place.side + NUDGE },
      "-": { side: place.side - NUDGE },
    });
    const change = moves[event.key];
    if (!change) return;
    event.preventDefault();
    this.move(change);
  }
}
