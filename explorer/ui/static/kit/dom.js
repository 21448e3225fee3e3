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

/** Style sheets by address, as they load. @type {Map<string, Promise<void>>} */
const styles = new Map();

/**
 * Put the shared style sheet and a part's own into the page, each once.
 * @param {URL} own
 */
export async function useStyle(own) {
  const sheets = [new URL("./kit.css", import.meta.url), own].map(({ href }) => {
    let loading = styles.get(href) ?? (document.querySelector(`style[data-sheet="${href}"]`) ? Promise.resolve() : undefined); // a page of one file has them all
    if (!loading) {
      loading = new Promise((resolve) => {
        document.head.append(h("link", { rel: "stylesheet", href, onload: () => resolve(), onerror: () => resolve() }));
      });
      styles.set(href, loading);
    }
    return loading;
  });
  await Promise.all(sheets);
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
    h("legend.xp-label", {}, label),
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
 * Say of one of several things whether it is the current one.
 * @param {HTMLElement} element
 * @param {boolean} is
 */
export function setCurrent(element, is) {
  if (is) element.setAttribute("aria-current", "true");
  else element.removeAttribute("aria-current");
}
