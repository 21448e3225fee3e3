/** What the dots of a map are coloured by: classes with a legend, or numbers with a scale. */

import { classPaints, rampCodes, rampPaints } from "../plane/colours.js";

/** Classes that are told apart at once; of more, some are highlighted and the rest is grey. */
export const MOST_CLASSES = 20;

/** Classes that are highlighted where there are too many. */
export const LARGEST = 10;

/** What is highlighted of many classes unless somebody chose some. */
export const THE_LARGEST = "largest";

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** "class 9" before "class 10". @param {string} one @param {string} other */
export const byName = (one, other) => natural.compare(one, other);

/**
 * Something to colour by.
 * @typedef {object} Choice
 * @property {string} value `label`, a score's name, or `attribute:NUMBER`.
 * @property {string} text
 * @property {string} hint
 */

/**
 * @typedef {object} Entry A row of the legend.
 * @property {string} name
 * @property {number} colour Number in the palette, -1 for grey.
 * @property {number} count Images.
 * @property {boolean} named Whether its name may stand on the map.
 * @property {number} [label] Number of its class, where it is one.
 */

/**
 * @typedef {object} Colouring
 * @property {Entry[] | null} entries Of the legend; null for numbers.
 * @property {ArrayLike<number>} codes Per image its entry, or its place on the scale in [0, 1].
 * @property {string} title With its unit.
 * @property {{at: number, text: string}[]} ticks Of the scale, at in [0, 1].
 * @property {string} [said] What is to be said of it as a whole.
 */

/**
 * What the images of a run can be coloured by.
 * @param {import("./data.js").RunInfo} info
 * @returns {Choice[]}
 */
export function choices({ stored, attributes, colours }) {
  const found = stored.labels ? [{ value: "label", text: "Label", hint: "Which class the image belongs to" }] : [];
  for (const { name: value, text, hint } of colours) found.push({ value, text, hint });
  if (stored.attributes && attributes) {
    const hint = "Which images have it";
    const named = attributes.map((text, number) => ({ value: `attribute:${number}`, text: text.replaceAll("_", " "), hint }));
    found.push(...named.sort((a, b) => byName(a.text, b.text)));
  }
  return found;
}

/**
 * Colours of classes: the first ten of the palette by turns; of more than `MOST_CLASSES` some, and the rest is grey.
 * @param {ArrayLike<number>} labels (N,)
 * @param {string[]} names
 * @param {string} highlight `THE_LARGEST`, or the numbers of those that are highlighted as "7,12"; only where there are many.
 * @returns {Colouring}
 */
export function byClass(labels, names, highlight = THE_LARGEST) {
  const counts = names.map(() => 0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  const there = names.map((_, c) => c).filter((c) => counts[c] > 0).sort((a, b) => byName(names[a], names[b]));
  let shown = there;
  if (there.length > MOST_CLASSES) {
    const largest = [...there].sort((a, b) => counts[b] - counts[a]).slice(0, LARGEST);
    shown = highlight === THE_LARGEST ? largest : there.filter((c) => highlight.split(",").includes(String(c)));
  }
  const place = new Map(shown.map((c, k) => [c, k]));
  const all = shown.length === there.length;
  /** @type {Entry[]} */
  const entries = shown.map((c, k) => ({ name: names[c], colour: (all ? c : k) % LARGEST, count: counts[c], named: true, label: c }));
  const rest = labels.length - entries.reduce((sum, { count }) => sum + count, 0);
  if (rest > 0) entries.push({ name: `${there.length - shown.length} other classes`, colour: -1, count: rest, named: false });
  const codes = Int16Array.from(labels, (label) => place.get(label) ?? shown.length);
  return { entries, codes, title: "label", ticks: [] };
}

/**
 * Colours of one attribute: has it, has it not, not known.
 * @param {Uint8Array} attributes (N * A), 1, 0 or 255.
 * @param {number} number Which.
 * @param {string[]} names (A,)
 * @returns {Colouring}
 */
export function byAttribute(attributes, number, names) {
  const codes = Int16Array.from({ length: attributes.length / names.length }, (_, i) => {
    const value = attributes[i * names.length + number];
    return value === 1 ? 0 : value === 0 ? 1 : 2;
  });
  /** @type {Entry[]} */
  const entries = [
    { name: names[number], colour: 1, count: 0, named: false },
    { name: `not ${names[number]}`, colour: 0, count: 0, named: false },
    { name: "not known", colour: -1, count: 0, named: false },
  ];
  for (const code of codes) entries[code].count++;
  return { entries: entries[2].count ? entries : entries.slice(0, 2), codes, title: names[number], ticks: [] };
}

/**
 * Groups of images (explorer/views/clusters.py): their names, and what images in none are called.
 * @typedef {{names: string[], rest: string, said: string}} Groups
 */

/**
 * Colours of groups that were found, the largest first; what is in none is grey.
 * @param {Float32Array} numbers Of each image's group, NaN in none; (N,).
 * @param {Groups} groups
 * @param {string} title
 * @returns {Colouring}
 */
export function byGroup(numbers, { names, rest, said }, title) {
  const codes = Int16Array.from(numbers, (number) => (Number.isNaN(number) ? names.length : number));
  /** @type {Entry[]} */
  const entries = names.map((name, k) => ({ name, colour: k % LARGEST, count: 0, named: k < MOST_CLASSES }));
  entries.push({ name: rest, colour: -1, count: 0, named: false });
  for (const code of codes) entries[code].count++;
  return { entries: entries.filter(({ count, colour }) => count || colour >= 0), codes, title, ticks: [], said };
}

const P_TICKS = [0.001, 0.01, 0.05, 0.2, 1];

/**
 * Colours of numbers; the extreme 1 % at both ends share a colour. p-values are on a logarithmic scale, always the same.
 * @param {Float32Array} values (N,)
 * @param {string} title
 * @param {boolean} pValues
 * @returns {Colouring}
 */
export function byNumber(values, title, pValues) {
  if (pValues) {
    const codes = values.map((p) => Math.min(1, Math.max(0, 1 + Math.log10(p) / 3)));
    return { entries: null, codes, title, ticks: P_TICKS.map((p) => ({ at: 1 + Math.log10(p) / 3, text: String(p) })) };
  }
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const at = (/** @type {number} */ share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  const width = high - low || 1e-6;
  const codes = values.map((value) => Math.min(1, Math.max(0, (value - low) / width)));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => ({ at: share, text: shortNumber(low + share * width) }));
  return { entries: null, codes, title, ticks };
}

/** @param {number} value */
const shortNumber = (value) => String(Number(value.toPrecision(3))).replace("-", "−");

/**
 * The dots' paints of a colouring.
 * @param {Colouring} colouring
 * @param {{hidden: Set<number>, kept: [number, number]}} shown What the legend hides: entries, or the ends of a scale.
 * @returns {import("../kit/planedots.js").Painted}
 */
export function paintedOf({ entries, codes }, shown) {
  if (!entries) return { codes: rampCodes(codes), paints: ({ ramp, other }) => rampPaints(ramp, other, shown.kept) };
  const behind = new Set(entries.flatMap(({ colour }, k) => (colour < 0 ? [k] : [])));
  return { codes: Uint16Array.from(codes), paints: (palette) => classPaints(entries, palette, shown.hidden), behind };
}
