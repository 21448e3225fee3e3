/** Whether the page is light or dark, and telling when that changes. */

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
