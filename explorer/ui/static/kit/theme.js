/** Whether the page is light or dark, telling when that changes, and the colours that go with it. */

/** @returns {"light" | "dark"} */
export function theme() {
  return document.body.classList.contains("dark") || document.documentElement.classList.contains("dark") ? "dark" : "light";
}

/** @param {(now: "light" | "dark") => void} changed */
export function onTheme(changed) {
  let last = theme();
  const observer = new MutationObserver(() => {
    if (theme() !== last) {
      last = theme();
      changed(last);
    }
  });
  for (const element of [document.body, document.documentElement]) {
    observer.observe(element, { attributes: true, attributeFilter: ["class"] });
  }
}

/**
 * The colours of the style sheets where an element stands, by their names without "--xp-".
 * @param {Element} element
 * @returns {((name: string) => string) | null} Null in a page that is being left: it has no style sheets any more.
 */
export function coloursAt(element) {
  const style = getComputedStyle(element);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--xp-${name}`).trim();
  return token("ink") ? token : null;
}
