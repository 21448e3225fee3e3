/** Runs with several levels of latents: which of them can be drawn anew while those above stay. */

/**
 * A button and its hint for every level that can be drawn anew while those above it stay; none for a single level.
 * @param {number[]} [sizes] Axes of each level, the top one first.
 */
export function resampleChoices(sizes = []) {
  return sizes.slice(1).map((_, i) => {
    const [level, last] = [i + 2, i + 2 === sizes.length];
    const stays = i === 0 ? "level 1 stays" : `levels 1 to ${i + 1} stay`;
    return {
      level,
      text: `Resample level ${level}${last ? "" : " and below"}`,
      hint: `A new draw of level ${level}${last ? "" : " and all below"} from the prior that the levels above set: ${stays}`,
    };
  });
}
