/** Small pieces of the page. Text only ever goes in as text: nothing here parses HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with properties and children.
 * @param {string} tag "div.card" gives it classes.
 * @param {Record<string, any>} [properties] `on...` listens, `aria-`/`data-`/`role`/`for` become attributes, the rest are properties.
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "role" || key === "for" || key.includes("-")) element.setAttribute(key, String(value));
    else /** @type {any} */ (element)[key] = value;
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== false).map((c) => (typeof c === "number" ? String(c) : /** @type {Node | string} */ (c))));
  return element;
}

/** Put the style sheet into the page, once. */
export function useStyle() {
  const href = new URL("./parts.css", import.meta.url).href;
  if ([...document.querySelectorAll("link")].some((link) => link.href === href)) return Promise.resolve();
  return new Promise((resolve) => {
    document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
  });
}

let made = 0;

/** An id no other element has. */
export const freshId = () => `xp-${++made}`;

/**
 * A choice of a few, as joined radio buttons.
 * @param {string} label
 * @param {{value: string, text: string, hint?: string}[]} options
 * @param {string} value Chosen at first.
 * @param {(value: string) => void} chosen
 * @returns {HTMLFieldSetElement}
 */
export function segmented(label, options, value, chosen) {
  const name = freshId();
  const inputs = options.map((o) =>
    h("input", { type: "radio", name, value: o.value, checked: o.value === value, onchange: () => chosen(o.value) }),
  );
  return h(
    "fieldset.xp-segmented",
    {},
    h("legend", {}, label),
    h("div", {}, ...options.map((o, i) => h("label", { title: o.hint }, inputs[i], h("span", {}, o.text)))),
  );
}

/**
 * A labelled drop-down.
 * @param {string} label
 * @param {{value: string, text: string}[]} options
 * @param {string} value
 * @param {(value: string) => void} chosen
 * @param {string} [hint]
 */
export function dropdown(label, options, value, chosen, hint) {
  const select = h(
    "select",
    { title: hint, onchange: () => chosen(select.value) },
    ...options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.text)),
  );
  return h("label.xp-field", { title: hint }, h("span", {}, label), select);
}

/**
 * A button with words.
 * @param {string} text
 * @param {string} hint One line: what it does.
 * @param {() => void} pressed
 */
export function button(text, hint, pressed) {
  return h("button.xp-button", { type: "button", title: hint, onclick: pressed }, text);
}

/**
 * A number for a person: about three digits, a real minus sign.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function shown(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(Number(value.toPrecision(digits))); // 0.999 has as many decimals as 1 has
  if (size < 5e-5) return "0";
  const decimals = Math.max(0, Math.min(4, digits - 1 - Math.floor(Math.log10(size))));
  return value.toFixed(decimals).replace("-", "\u2212");
}

/** A status line that several speak into: what one says stands until it takes that back. */
export class StatusLine {
  constructor() {
    this.element = h("p.xp-status", { role: "status" });
    /** @type {Map<unknown, string>} */
    this.said = new Map();
  }

  /**
   * @param {string} words "" to take back what was said.
   * @param {unknown} [who]
   */
  say(words, who = this) {
    if (words) this.said.set(who, words);
    else this.said.delete(who);
    this.element.textContent = [...new Set(this.said.values())].join(" ");
  }

  /** Nothing of what was said is so any longer. */
  clear() {
    this.said.clear();
    this.say("");
  }
}
