/** What a tab has beyond its first look. */

import { h } from "./dom.js";

/**
 * A fold that is closed until somebody opens it; whether it is open is no part of the page's address.
 * @param {string} label What is inside.
 * @param {...import("./dom.js").Child} children
 * @returns {HTMLDetailsElement}
 */
export const more = (label, ...children) => h("details.xp-more", {}, h("summary", {}, label), h("div", {}, ...children));
