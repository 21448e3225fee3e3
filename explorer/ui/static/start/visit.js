/** What a visitor guessed in Start and what came out, for as long as the visit lasts. */

const KEY = "explorer start";

/**
 * A guess and what came out, both of ten.
 * @typedef {{guess: number, found: number}} Guessed
 */

/** What keeps text for a visit, such as `sessionStorage`. @typedef {Pick<Storage, "getItem" | "setItem">} Keeper */

export class Visit {
  /** @param {() => Keeper | null} keeper Throws or answers null where a browser keeps nothing. */
  constructor(keeper = () => globalThis.sessionStorage ?? null) {
    this.keeper = keeper;
    /** @type {Map<string, Guessed>} */
    this.guessed = new Map(this.read());
  }

  /** @returns {[string, Guessed][]} */
  read() {
    try {
      const found = JSON.parse(this.keeper()?.getItem(KEY) ?? "[]");
      const sound = (/** @type {any} */ entry) => Array.isArray(entry) && typeof entry[0] === "string" && [entry[1]?.guess, entry[1]?.found].every((n) => Number.isInteger(n) && n >= 0 && n <= 10);
      return Array.isArray(found) ? found.filter(sound) : [];
    } catch {
      return []; // a browser that keeps nothing, or what somebody else put there
    }
  }

  /**
   * The first outcome of a guess counts: whoever has seen it guesses no longer.
   * @param {string} what
   * @param {Guessed} outcome
   */
  note(what, outcome) {
    if (this.guessed.has(what)) return;
    this.guessed.set(what, outcome);
    try {
      this.keeper()?.setItem(KEY, JSON.stringify([...this.guessed]));
    } catch {
      // kept until the page is left
    }
  }

  /** @param {string} what @returns {Guessed | null} */
  of(what) {
    return this.guessed.get(what) ?? null;
  }

  /** All guesses in a sentence, or "" where there is none. */
  get words() {
    const all = [...this.guessed.values()];
    if (!all.length) return "";
    const near = all.filter(({ guess, found }) => Math.abs(guess - found) <= 1).length;
    const [guessed, found] = [all.reduce((sum, { guess }) => sum + guess, 0), all.reduce((sum, each) => sum + each.found, 0)];
    return `You expected ${guessed} holes, and ${found} came${all.length > 1 ? `; ${near} of your ${all.length} guesses were right within one` : ""}.`;
  }
}
