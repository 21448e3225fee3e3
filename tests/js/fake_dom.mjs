/** As much of a document as the page's parts need in Node: elements that keep what they are told. */

class ClassList {
  names = new Set();
  add(...names) {
    for (const name of names) this.names.add(name);
  }
  remove(...names) {
    for (const name of names) this.names.delete(name);
  }
  toggle(name, on = !this.names.has(name)) {
    if (on) this.names.add(name);
    else this.names.delete(name);
    return on;
  }
  contains(name) {
    return this.names.has(name);
  }
}

const pen = () => new Proxy({}, { get: () => () => undefined, set: () => true });

export class FakeElement extends EventTarget {
  constructor(tag) {
    super();
    this.tagName = tag.toUpperCase();
    this.classList = new ClassList();
    this.dataset = {};
    this.style = {};
    this.attributes = new Map();
    this.childNodes = [];
    this.parentElement = null;
    this.hidden = false;
  }

  get children() {
    return this.childNodes.filter((node) => node instanceof FakeElement);
  }

  get firstElementChild() {
    return this.children[0] ?? null;
  }

  append(...nodes) {
    for (const node of nodes) {
      if (node instanceof FakeElement) node.parentElement = this;
      this.childNodes.push(node);
    }
  }

  prepend(...nodes) {
    const there = this.childNodes;
    this.childNodes = [];
    this.append(...nodes);
    this.childNodes.push(...there);
  }

  remove() {
    const { parentElement: parent } = this;
    if (parent) parent.childNodes = parent.childNodes.filter((node) => node !== this);
  }

  replaceChildren(...nodes) {
    this.childNodes = [];
    this.append(...nodes);
  }

  get textContent() {
    return this.childNodes.map((node) => (node instanceof FakeElement ? node.textContent : String(node))).join("");
  }

  set textContent(text) {
    this.childNodes = text === "" ? [] : [text];
  }

  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }

  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }

  hasAttribute(name) {
    return this.attributes.has(name);
  }

  removeAttribute(name) {
    this.attributes.delete(name);
  }

  contains(other) {
    return this === other || this.children.some((child) => child.contains(other));
  }

  /** Of selectors only names of elements are understood. */
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }

  querySelectorAll(selector) {
    return this.children.flatMap((child) => [...(child.tagName === selector.toUpperCase() ? [child] : []), ...child.querySelectorAll(selector)]);
  }

  getContext() {
    return pen();
  }

  focus() {}
  play() {
    return Promise.resolve();
  }
  setPointerCapture(id) {
    this.captured = id;
  }
}

class Observer {
  observe() {}
  disconnect() {}
}

/** Put the fakes into place; returns what tests turn: whether somebody wants less motion. */
export function fakeDocument() {
  const motion = Object.assign(new EventTarget(), { matches: false });
  const element = (tag) => new FakeElement(tag);
  Object.assign(globalThis, {
    document: Object.assign(new EventTarget(), { createElement: element, createElementNS: (_, tag) => element(tag), body: element("body"), documentElement: element("html"), head: element("head"), activeElement: null, getElementById: () => null }),
    ResizeObserver: Observer,
    IntersectionObserver: Observer,
    MutationObserver: Observer,
    Image: class extends FakeElement {
      constructor() {
        super("img");
      }
    },
    ImageData: class {},
    matchMedia: (query) => (query.includes("reduced-motion") ? motion : Object.assign(new EventTarget(), { matches: false })),
    requestAnimationFrame: () => 1,
    cancelAnimationFrame: () => {},
    addEventListener: () => {},
  });
  return { motion };
}

/** Let everything that waits for nothing but promises go on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
