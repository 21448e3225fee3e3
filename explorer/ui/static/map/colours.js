/** What the dots of a map are coloured by: classes with a legend, or numbers with a scale. */

/** Classes that are told apart at once; of more, some are highlighted and the rest is grey. */
export const MOST_CLASSES = 20;

/** Classes that are highlighted where there are too many. */
export const LARGEST = 10;

/** Value of `Find.highlight` for the largest classes. */
export const THE_LARGEST = "largest";

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
 */

/**
 * @typedef {object} Colouring
 * @property {Entry[] | null} entries Of the legend; null for numbers.
 * @property {ArrayLike<number>} codes Per image its entry, or its place on the scale in [0, 1].
 * @property {string} title With its unit.
 * @property {{at: number, text: string}[]} ticks Of the scale, at in [0, 1].
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
    attributes.forEach((name, number) => found.push({ value: `attribute:${number}`, text: name, hint }));
  }
  return found;
}

/**
 * Colours of classes: the first ten of the palette by turns; of more than `MOST_CLASSES` some, and the rest is grey.
 * @param {ArrayLike<number>} labels (N,)
 * @param {string[]} names
 * @param {string} highlight `THE_LARGEST`, or the number of the one that is highlighted; only where there are many.
 * @returns {Colouring}
 */
export function byClass(labels, names, highlight = THE_LARGEST) {
  const counts = names.map(() => 0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  const there = names.map((_, c) => c).filter((c) => counts[c] > 0);
  let shown = there;
  if (there.length > MOST_CLASSES) {
    const largest = [...there].sort((a, b) => counts[b] - counts[a]).slice(0, LARGEST);
    shown = highlight === THE_LARGEST ? largest : there.filter((c) => c === Number(highlight));
  }
  const place = new Map(shown.map((c, k) => [c, k]));
  const all = shown.length === there.length;
  const entries = shown.map((c, k) => ({ name: names[c], colour: (all ? c : k) % LARGEST, count: counts[c], named: true }));
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
  const entries = [
    { name: names[number], colour: 1, count: 0, named: false },
    { name: `not ${names[number]}`, colour: 0, count: 0, named: false },
    { name: "not known", colour: -1, count: 0, named: false },
  ];
  for (const code of codes) entries[code].count++;
  return { entries: entries[2].count ? entries : entries.slice(0, 2), codes, title: names[number], ticks: [] };
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
  const sorted = values.slice().sort();
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
 * Plotly's marker for a colouring.
 * @param {Colouring} colouring
 * @param {ArrayLike<number>} rows Images, in the order in which they are drawn.
 * @param {{palette: string[], scale: string[], other: string}} meta Colours of the theme.
 */
export function markerOf({ entries, codes }, rows, { palette, scale, other }) {
  const color = Float32Array.from(rows, (row) => codes[row]);
  if (!entries) {
    const stops = scale.map((stop, k) => [k / (scale.length - 1), stop]);
    return { color, colorscale: stops, cmin: 0, cmax: 1 };
  }
  const steps = entries.flatMap(({ colour }, k) => {
    const paint = colour < 0 ? other : palette[colour];
    return [
      [k / entries.length, paint],
      [(k + 1) / entries.length, paint],
    ];
  });
  return { color, colorscale: steps, cmin: -0.5, cmax: entries.length - 0.5 };
}

/**
 * Images in the order in which they are drawn: those in grey first, and none that is hidden or has no place.
 * @param {Colouring} colouring
 * @param {Float32Array} places (N * 2)
 * @param {Int32Array} sample
 * @param {Set<number>} hidden Entries of the legend.
 * @returns {Int32Array}
 */
export function rowsShown({ entries, codes }, places, sample, hidden) {
  const shown = sample.filter((row) => Number.isFinite(places[2 * row]) && !(entries && hidden.has(codes[row])));
  if (!entries?.some(({ colour }) => colour < 0)) return shown;
  const isGrey = (/** @type {number} */ row) => entries[codes[row]].colour < 0;
  return Int32Array.from([...shown.filter(isGrey), ...shown.filter((row) => !isGrey(row))]);
}
