/** The sampling laws of a run in words, as they come with its card (explorer/analysis/laws.py). */

/**
 * A sampling law, by the name that the server knows.
 * @typedef {object} Law
 * @property {string} name
 * @property {string} short The field's word.
 * @property {string} title For a button, a column or a list.
 * @property {string} plain Completes "a draw from ...".
 * @property {string} hint The field's word with what it is for, for a tooltip.
 * @property {string} words The same in a sentence or two.
 */

/**
 * One law of a run.
 * @param {{laws: Law[]}} info
 * @param {string} name One of its laws.
 * @returns {Law}
 */
export function lawOf({ laws }, name) {
  const found = laws.find((law) => law.name === name);
  if (!found) throw new Error(`there is no sampling law ${name}; known are ${laws.map((law) => law.name).join(", ")}.`);
  return found;
}

/** The laws of a run as a choice. @param {{laws: Law[]}} info */
export const lawOptions = ({ laws }) => laws.map(({ name: value, title: text, hint }) => ({ value, text, hint }));
