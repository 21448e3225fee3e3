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

/**
 * Where *Random* draws from, as a sentence, and why.
 * @param {{name: string, laws: Law[], default_law: string, default_told: number | null}} info
 */
export function defaultWords({ name, laws, default_law: law, default_told: told }) {
  const { plain } = lawOf({ laws }, law);
  if (told === null) return `Random draws of ${name} come from ${plain}: which law is told apart least is not measured.`;
  return `Random draws of ${name} come from ${plain}, the law told apart least: a classifier tells ${Math.round(100 * told)} of 100 pairs of a draw and a code; 50 is a coin.`;
}

/** The laws of a run as a choice. @param {{laws: Law[]}} info */
export const lawOptions = ({ laws }) => laws.map(({ name: value, title: text, hint }) => ({ value, text, hint }));
