/**
 * Everything that the page asks about a run, as one table.
 *
 * An answer is of one of three kinds. *stored*: the same for everybody, a file in a page without a server. *computed*:
 * from latents or pixels, by the server or by programs in the browser. *served*: needs the machine with the data set
 * or time on it, and is absent where there is no server, its controls with it.
 */

/** @typedef {"stored" | "computed" | "served"} AnswerKind */
/** @typedef {"json" | "floats" | "ints" | "bytes" | "pixels" | "file" | "nothing"} Form What an answer is made of. */

/**
 * @typedef {object} Question
 * @property {AnswerKind} kind
 * @property {Form} form
 * @property {string} path Below the run; what stands in braces is said with the question.
 * @property {boolean} [sends] Whether it is asked with latents, rows or pixels, or asks for something to be done.
 * @property {string[]} [byCodes] The page answers by itself once it has the run's codes and laws (`computed.js`), and an
 *   answer of the server to the same question, by these parts of the query: what else it tells stays as it is.
 * @property {boolean} [later] Whether nobody waits for the answer: pictures go first.
 */

/** Questions about a run, by what they ask for. */
export const QUESTIONS = /** @satisfies {Record<string, Question>} */ ({
  card: { kind: "stored", form: "json", path: "" },
  preparation: { kind: "served", form: "json", path: "pictures" },
  figure: { kind: "stored", form: "json", path: "figure/{name}" },
  figureOf: { kind: "computed", form: "json", path: "figure/{name}", sends: true, byCodes: ["overshoot", "kind", "theme"] },
  decode: { kind: "computed", form: "pixels", path: "decode", sends: true },
  trust: { kind: "computed", form: "json", path: "describe", sends: true, byCodes: [] },
  program: { kind: "stored", form: "json", path: "program/{part}", later: true },
  programFile: { kind: "stored", form: "bytes", path: "program/{part}/{name}", later: true },
  support: { kind: "stored", form: "bytes", path: "support", later: true },
  draws: { kind: "computed", form: "floats", path: "sample", byCodes: [] },

  // Start
  story: { kind: "stored", form: "json", path: "story" },

  // Explore
  contrasts: { kind: "stored", form: "json", path: "contrasts" },
  direction: { kind: "served", form: "json", path: "direction" },
  variationsOfImage: { kind: "computed", form: "floats", path: "variations/{number}" },
  variations: { kind: "computed", form: "floats", path: "variations", sends: true },
  twinsView: { kind: "computed", form: "floats", path: "beside", sends: true },
  python: { kind: "computed", form: "json", path: "python", sends: true },
  file: { kind: "computed", form: "file", path: "export/{kind}", sends: true },

  // Map
  axes: { kind: "stored", form: "json", path: "map/axes" },
  places: { kind: "stored", form: "floats", path: "map/places" },
  spread: { kind: "stored", form: "floats", path: "map/spread" },
  index: { kind: "stored", form: "ints", path: "map/index" },
  kept: { kind: "stored", form: "ints", path: "map/kept" },
  epoch: { kind: "stored", form: "floats", path: "map/epoch/{epoch}" },
  groups: { kind: "stored", form: "json", path: "map/groups" },
  neighbours: { kind: "computed", form: "json", path: "map/neighbours", sends: true },
  selection: { kind: "computed", form: "json", path: "map/selection", sends: true },
  selectionImage: { kind: "served", form: "pixels", path: "map/selection/image", sends: true },
  tsne: { kind: "served", form: "json", path: "map/tsne" },
  startTsne: { kind: "served", form: "json", path: "map/tsne", sends: true },
  cancelTsne: { kind: "served", form: "nothing", path: "map/tsne/cancel", sends: true },

  // Reconstruct
  facts: { kind: "stored", form: "json", path: "reconstruct/{number}" },
  pixels: { kind: "stored", form: "pixels", path: "reconstruct/{number}/pixels" },
  own: { kind: "computed", form: "json", path: "own", sends: true },
  look: { kind: "computed", form: "json", path: "look", sends: true },
  spreadOf: { kind: "computed", form: "json", path: "look/spread", sends: true },
  bound: { kind: "computed", form: "json", path: "look/bound", sends: true },
  spoilt: { kind: "computed", form: "json", path: "look/spoilt", sends: true },
  standing: { kind: "stored", form: "floats", path: "standing/{score}" },
  errors: { kind: "served", form: "floats", path: "errors" },

  // Interpolate
  walk: { kind: "computed", form: "json", path: "path", sends: true, byCodes: [] },
  vacancies: { kind: "computed", form: "floats", path: "vacancies", sends: true, byCodes: [] },
  medoids: { kind: "stored", form: "json", path: "medoids" },

  // Holes
  holePlane: { kind: "stored", form: "json", path: "holes/plane", byCodes: [] },
  holeLayer: { kind: "stored", form: "json", path: "holes/layer" },
  layers: { kind: "stored", form: "json", path: "holes/layers" },
  holePlace: { kind: "computed", form: "json", path: "holes/place", sends: true, byCodes: [] },
  misses: { kind: "stored", form: "floats", path: "holes/misses", later: true },
  samples: { kind: "computed", form: "json", path: "holes/samples", byCodes: ["law"] },
  ladder: { kind: "stored", form: "json", path: "holes/ladder" },
  scores: { kind: "stored", form: "json", path: "holes/scores" },

  // Report
  training: { kind: "stored", form: "json", path: "training" },
});

/** @typedef {keyof typeof QUESTIONS} Asked What can be asked about a run. */

/** Arrays that a run's card names, by what their numbers are. */
export const ARRAYS = /** @type {const} */ ({
  points: "floats",
  labels: "ints",
  attributes: "bytes",
});

/** @typedef {string} ArrayName One of `ARRAYS`, or one of the card's `colours`, whose numbers are floats. */

/** What the numbers of an array are. @param {ArrayName} name @returns {Form} */
export const formOf = (name) => /** @type {Record<string, Form>} */ (ARRAYS)[name] ?? "floats";
