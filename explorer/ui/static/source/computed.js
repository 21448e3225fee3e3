/** Questions that the browser answers by itself once it has what they need; null where it cannot, and the server does. */

/** @typedef {import("../latent/support.js").Support} Support */
/** @typedef {import("./source.js").Details} Details */
/** @typedef {{programs: import("./programs.js").Programs, run: string}} Run */

/** @type {Partial<Record<import("./questions.js").Asked, (support: Support, details: Details, of: Run) => unknown>>} */
export const COMPUTED = {
  draws: (support, { query }) => support.draws(String(query?.law ?? "raw"), Number(query?.n ?? 1), Number(query?.seed ?? 0)),
  vacancies: (support, { body }) => (body instanceof Float32Array ? Float32Array.from(support.pValues(body)) : null),
  trust: (support, { body }, { programs, run }) => {
    if (!(body instanceof Float32Array)) return null;
    const back = programs.roundTrip(run, body);
    return back && { ...support.trust(body), round_trip: support.miss(body, back) };
  },
};
