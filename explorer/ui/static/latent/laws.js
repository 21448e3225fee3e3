/** The sampling laws in words: every part of the page that names one takes its words from here. */

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

/** @type {Law[]} */
export const LAWS = [
  {
    name: "raw",
    short: "raw",
    title: "raw: N(0, I)",
    plain: "the prior N(0, I)",
    hint: "N(0, I): the prior of a VAE; of an autoencoder it only tests luck",
    words: "drawn from N(0, I), the prior a VAE was fitted to. An autoencoder was fitted to none: there it only tests luck.",
  },
  {
    name: "white",
    short: "white",
    title: "white: one Gaussian",
    plain: "one Gaussian fitted to the codes",
    hint: "One Gaussian fitted to the codes: the fair law for both models",
    words: "drawn from one Gaussian with the mean and covariance of the codes. Compare models under this law first.",
  },
  {
    name: "gmm10",
    short: "GMM-10",
    title: "GMM-10: ten Gaussians",
    plain: "ten Gaussians fitted to the codes",
    hint: "Ten Gaussians fitted to the codes: fewer holes, in either model",
    words: "drawn from ten Gaussians fitted to the codes, which reduces the holes of either model.",
  },
];

/**
 * The words of a law; one that the page does not know is called by its name.
 * @param {string} name
 * @returns {Law}
 */
export const lawOf = (name) => LAWS.find((law) => law.name === name) ?? { name, short: name, title: name, plain: name, hint: "", words: "" };
