/** Questions that the browser answers by itself once it has what they need; null where it cannot, and the server does. */

import { between, pathPositions, whyStraight } from "../latent/walk.js";

/** @typedef {import("../latent/support.js").Support} Support */
/** @typedef {import("./source.js").Details} Details */

/**
 * What else an answer may need.
 * @typedef {object} Around
 * @property {import("./programs.js").Programs} programs
 * @property {string} run
 * @property {any} told What the server answered to the same question of this run; null if it was never asked.
 */

/** What latents are judged among. @param {Details} details @returns {import("../latent/vacancy.js").Among} */
const amongOf = ({ query }) => (query?.among === "means" ? "means" : "draws");

/** @type {Partial<Record<import("./questions.js").Asked, (support: Support, details: Details, around: Around) => unknown>>} */
export const COMPUTED = {
  draws: (support, { query }) => support.draws(String(query?.law ?? "raw"), Number(query?.n ?? 1), Number(query?.seed ?? 0)),
  vacancies: (support, details) => {
    return details.body instanceof Float32Array ? Float32Array.from(support.pValues(details.body, amongOf(details))) : null;
  },
  trust: (support, details, { programs, run }) => {
    const { body } = details;
    if (!(body instanceof Float32Array)) return null;
    const back = programs.roundTrip(run, body);
    return back && { ...support.trust(body, amongOf(details)), round_trip: support.miss(body, back) };
  },
  walk: (support, details, { programs, run, told }) => {
    const { body, query } = details;
    if (!(body instanceof Float32Array) || body.length !== 2 * support.d || !told) return null; // only the server knows the place
    const [a, b] = [body.slice(0, support.d), body.slice(support.d)];
    const note = query?.kind === "spherical" ? whyStraight(a, b) : "";
    const kind = query?.kind === "spherical" && !note ? "spherical" : "linear";
    const positions = pathPositions(Number(query?.steps ?? 9), Number(query?.overshoot ?? 0));
    if (!programs.takesAMoment(run, positions.length)) return null;
    const latents = positions.map((t) => between(kind, a, b, t));
    return {
      kind,
      note,
      positions,
      latents: latents.map((latent) => Array.from(latent)),
      norm: latents.map((latent) => support.norm(latent)),
      vacancy: support.alongWalk(latents, positions, String(query?.means ?? "")),
      round_trip: latents.map((latent) => support.miss(latent, /** @type {Float32Array} */ (programs.roundTrip(run, latent)))),
      place: told.place,
    };
  },
};
