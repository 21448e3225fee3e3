/** The sampling laws of a run in words, as they come with its card (explorer/analysis/laws.py). */

/**
 * A sampling law, by the name that the server knows.
 * @typedef {object} Law
 * @property {string} name
 * @property {string} short For a button or a column.
 * @property {string} title With what is drawn, for a list.
 * @property {string} plain Completes "a draw from ...".
 * @property {string} hint What it is for, in a line.
 * @property {string} words The same as a sentence after its name.
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
export const lawOptions = ({ laws }) => laws.map(({ name: value, short: text, hint }) => ({ value, text, hint }));
