/** Chance, and numbers that only look like it. */

/**
 * A list in random order, every order as likely as any other (Fisher and Yates; Durstenfeld 1964).
 * @template T
 * @param {T[]} list
 * @param {() => number} [random] In [0, 1).
 * @returns {T[]} A new list.
 */
export function shuffled(list, random = Math.random) {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

const SEEDS = 100_000; // few enough to be read out, and many enough that two visitors begin apart

/**
 * A seed to begin with: another one for every visitor.
 * @param {() => number} [random] In [0, 1).
 */
export const freshSeed = (random = Math.random) => Math.floor(random() * SEEDS);
