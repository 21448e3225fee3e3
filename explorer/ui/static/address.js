/**
 * The part of the page's address after '#': which run, tab and latent are shown, so that a view can be sent.
 *
 * Version 1: `#v=1&run=mnist-vae-2&tab=explore&with=mnist-vae-16&dir=pca.1&grid=pca.0,pca.1,15&z=0.12,-1.3`. It comes from strangers: everything is
 * checked, and what does not pass is left out.
 */

import { LIMIT } from "./latent.js";

const RUN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NUMBER = /^-?(\d+(\.\d*)?|\.\d+)(e[-+]?\d{1,2})?$/i;
const TABS = ["explore", "map", "reconstruct", "interpolate", "holes", "training"];
const DIRECTION = /^(axes|pca|classes|attributes)\.\d{1,4}$/;
const GRID = /^((axes|pca|classes|attributes)\.\d{1,4},){2}(9|1\d|2[01])$/;
const LONGEST = 20000;
const LARGEST_DIM = 1024;

/**
 * @typedef {object} Address
 * @property {string} [run]
 * @property {string} [tab]
 * @property {string} [other] The run that it is compared with where that is not its twin; "" for none.
 * @property {string} [direction] The active one in Explore: its set, and its place there from 0.
 * @property {string} [grid] The lattice in Explore: two such directions, and pictures a side, 9 to 21.
 * @property {Float32Array} [latent]
 */

/**
 * @param {Address} view
 * @returns {string} The fragment with its '#'; values of z keep five digits, and six decimals.
 */
export function toFragment({ run, tab, other, direction, grid, latent }) {
  const parts = ["v=1"];
  if (run) parts.push(`run=${encodeURIComponent(run)}`);
  if (tab) parts.push(`tab=${encodeURIComponent(tab)}`);
  if (other !== undefined) parts.push(`with=${encodeURIComponent(other)}`);
  if (direction) parts.push(`dir=${direction}`);
  if (grid) parts.push(`grid=${grid}`);
  if (latent && latent.length <= LARGEST_DIM) parts.push(`z=${Array.from(latent, (v) => +(+v.toPrecision(5)).toFixed(6)).join(",")}`);
  return `#${parts.join("&")}`;
}

/**
 * Whether a link names a latent, be it one that is not understood.
 * @param {string} fragment
 */
export const namesLatent = (fragment) => typeof fragment === "string" && /(^#?|&)z=/.test(fragment);

/**
 * @param {string} fragment With or without its '#'; anything at all.
 * @returns {Address} What could be understood; empty when nothing could.
 */
export function fromFragment(fragment) {
  if (typeof fragment !== "string" || fragment.length > LONGEST) return {};
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  if (fields.get("v") !== "1") return {};
  /** @type {Address} */
  const found = {};
  const run = fields.get("run");
  if (run && RUN.test(run)) found.run = run;
  const tab = fields.get("tab");
  if (tab && TABS.includes(tab)) found.tab = tab;
  const other = fields.get("with");
  if (other !== null && (other === "" || RUN.test(other))) found.other = other;
  const direction = fields.get("dir");
  if (direction && DIRECTION.test(direction)) found.direction = direction;
  const grid = fields.get("grid");
  if (grid && GRID.test(grid)) found.grid = grid;
  const values = fields.get("z")?.split(",");
  if (values && values.length <= LARGEST_DIM && values.every((v) => NUMBER.test(v) && Math.abs(+v) <= LIMIT)) {
    found.latent = Float32Array.from(values, Number);
  }
  return found;
}
