/**
 * What the whole page shows: one run, one latent. Parts of the page tell it and listen to it.
 *
 * Events: `run` (another run, or the same one anew), `latent` (the pending latent is to be opened), `link` (the
 * address was changed by hand, and its run is the one on show), `ends` (an end of a walk was chosen), `directions` (a
 * direction was found that Explore may offer), `own` (somebody's own image was encoded), `preparing` (how far the
 * preparation of the pictures of the run on show is), `tab` (another tab is on show), `going` (somebody goes to another run or tab).
 *
 * Nothing else writes the page's address. A person who goes to another run or tab (`goTo`) makes a new entry of the
 * browser's history, so that Back leads to the one before; everything else is written into the entry that is there, and
 * so is what Back itself brings. What a part tells of a run that is not on show any longer is not taken.
 */

import { Latest } from "../kit/latest.js";
import { once } from "../kit/once.js";
import { fromFragment, isState, namesLatent, toFragment } from "../latent/address.js";
import { source } from "../source/source.js";
import { Sprites } from "./sprites.js";

/** @typedef {import("../latent/latent.js").Direction} Direction */
/** @typedef {import("../latent/run.js").Chosen} Chosen */
/** @typedef {import("../latent/run.js").RunInfo} RunInfo */
/** @typedef {import("../latent/run.js").Whence} Whence */

const LOOK_AGAIN_MS = 1500;
const MOST_MISSES = 5; // times in a row that the server does not answer

/**
 * What a link wishes for.
 * @param {string} fragment
 * @returns {import("../latent/address.js").Address & {asked: boolean}} `asked`: whether it names a latent, understood or not.
 */
const readLink = (fragment) => ({ ...fromFragment(fragment), asked: namesLatent(fragment) });

/**
 * Put a fragment into the page's address.
 * @param {string} fragment
 * @param {boolean} isStep Whether Back leads to the address as it was.
 */
function intoAddress(fragment, isStep) {
  const address = new URL(fragment, location.href); // a page in a notebook (about:srcdoc) stands at the notebook's address otherwise
  if (isStep) history.pushState(history.state, "", address);
  else history.replaceState(history.state, "", address);
}

export class View extends EventTarget {
  /**
   * @param {object} [page]
   * @param {string} [page.fragment] The address's fragment at first.
   * @param {(fragment: string, isStep: boolean) => void} [page.write]
   * @param {import("../source/source.js").Source} [page.from]
   */
  constructor({ fragment = globalThis.location?.hash ?? "", write = intoAddress, from = source } = {}) {
    super();
    this.write = write;
    this.source = from;
    this.shown = new Latest();
    /** Ends when another run is chosen, or this one anew: so does what belongs to it. */
    this.signal = this.shown.next();
    this.preparing = { words: "", share: 1 };
    /** @type {string | null} */
    this.run = null;
    this.tab = "explore";
    /**
     * By run the one that a link or somebody chose to compare it with, "" for none; the rest are left to their twins.
     * @type {Map<string, string>}
     */
    this.others = new Map();
    /** @type {Float32Array | null} */
    this.latent = null;
    /** A link's wish, until its run and latent have been taken up, or something else was chosen. */
    this.wish = readLink(fragment);
    /**
     * What tabs show, by run and tab, as a link says it or they told.
     * @type {Map<string, Record<string, import("../latent/address.js").TabState>>}
     */
    this.states = new Map();
    this.keepLink();
    /** Run and tab that the address names. */
    this.written = { run: this.wish.run ?? null, tab: this.wish.tab ?? this.tab };
    /** Whether somebody goes to another run or tab, and has not got there yet. */
    this.isStep = false;
    /**
     * A latent to open in Explore, until Explore takes it up with its run.
     * @type {Chosen | null}
     */
    this.pending = null;
    /**
     * The ends of the walk in Interpolate, as they were chosen in other tabs.
     * @type {{a: Chosen | null, b: Chosen | null}}
     */
    this.ends = { a: null, b: null };
    /**
     * By run the directions that were found on the page, the newest last.
     * @type {Map<string, Direction[]>}
     */
    this.found = new Map();
    /**
     * By run the latent of somebody's own image, as that run encodes it.
     * @type {Map<string, Chosen>}
     */
    this.own = new Map();
    /**
     * What Explore adds to the address: its active direction and its lattice, where they are not the first ones.
     * @type {{direction?: string, grid?: string}}
     */
    this.walk = {};
    /**
     * A link's walk, until Interpolate has taken it up with its run; an end that is chosen meanwhile counts more.
     * @type {import("../latent/address.js").Path | null}
     */
    this.linkedPath = this.wish.path ?? null;
    /**
     * What Interpolate adds to the address while it is open: the walk on show.
     * @type {import("../latent/address.js").Path | null}
     */
    this.path = null;
    /** @type {Map<string, Promise<any>>} */
    this.known = new Map();
    /** Runs whose pictures are being prepared. @type {Set<string>} */
    this.awaited = new Set();
    /** @type {((wish: {run?: string, tab?: string}) => void) | null} */
    this.askPage = null; // asks Python to choose a run or open a tab
  }

  /**
   * Another run was chosen.
   * @param {string | null} run
   */
  setRun(run) {
    if (run === this.run) return;
    // the page starts on a run of its own and then goes to the link's; any other change is somebody's choice
    if (this.run !== null && run !== this.wish.run) {
      this.dropWish();
      this.linkedPath = null;
    }
    if (this.run === null && run && !this.wish.run && this.wish.states) this.states.set(run, this.wish.states);
    this.run = run;
    this.latent = null;
    this.walk = {};
    this.path = null;
    this.signal = this.shown.next();
    this.prepared("", 1);
    this.writeAddress();
    this.dispatchEvent(new Event("run"));
  }

  /** A later choice counts more than a link: what is shown from now on is what the address says. */
  dropWish() {
    this.wish = { asked: false };
  }

  /** Everything about the runs may have changed, as after a download; what is done in the run on show stays. */
  refresh() {
    this.known.clear();
    this.signal = this.shown.next();
    this.dispatchEvent(new Event("run"));
  }

  /**
   * A tab came into sight.
   * @param {string} tab
   */
  setTab(tab) {
    if (this.tab === tab) return;
    this.tab = tab;
    this.writeAddress();
    this.dispatchEvent(new Event("tab"));
  }

  /**
   * What a tab shows of the run on show, as the link says it or the tab told; the tab checks the values.
   * @param {string} tab
   * @returns {import("../latent/address.js").TabState}
   */
  state(tab) {
    const states = this.run === null ? undefined : this.states.get(this.run);
    return states && Object.hasOwn(states, tab) ? states[tab] : {};
  }

  /**
   * A tab shows something else; it stands in the address from now on.
   * @param {string} run
   * @param {string} tab
   * @param {Record<string, string>} changed By key of letters a to z; "" for what is usual, which is left out.
   * @throws {Error} A key is none, or a value has more than 200 characters.
   */
  setState(run, tab, changed) {
    if (run !== this.run) return;
    for (const [key, value] of Object.entries(changed)) {
      if (!isState(tab, key, value)) throw new Error(`'${tab}.${key}' and ${value.length} characters cannot stand in an address: 16 letters a to z and 200 characters can.`);
    }
    const kept = Object.entries({ ...this.state(tab), ...changed }).filter(([, value]) => value);
    this.states.set(run, { ...this.states.get(run), [tab]: Object.fromEntries(kept) });
    this.writeAddress();
  }

  /** The run that was chosen to compare this one with, "" for none; undefined leaves it to the twin. */
  get other() {
    return this.run === null ? undefined : this.others.get(this.run);
  }

  /**
   * Another run was chosen to compare this one with.
   * @param {string | undefined} other As in `other`.
   */
  setOther(other) {
    if (this.run === null) return;
    if (other === undefined) this.others.delete(this.run);
    else this.others.set(this.run, other);
    this.writeAddress();
  }

  /** Take up what a link says of its run; the page may show other runs before it gets to the link's. */
  keepLink() {
    const { run = this.run, other, states = {} } = this.wish;
    if (!run) return;
    this.states.set(run, states);
    if (other === undefined) this.others.delete(run);
    else this.others.set(run, other);
  }

  /**
   * The latent on show settled.
   * @param {string} run Whose it is.
   * @param {Float32Array} latent
   */
  setLatent(run, latent) {
    if (run !== this.run) return;
    this.latent = latent.slice();
    this.writeAddress();
  }

  /**
   * Another direction of Explore is active, or its lattice changed.
   * @param {string} run
   * @param {{direction?: string, grid?: string}} walk
   */
  setWalk(run, walk) {
    if (run !== this.run) return;
    this.walk = walk;
    this.writeAddress();
  }

  /**
   * Show a latent in Explore, and go there; Explore may still be showing another run.
   * @param {string} run Whose latent it is.
   * @param {Float32Array} latent
   * @param {Whence} whence
   */
  open(run, latent, whence) {
    this.dropWish();
    this.pending = { run, latent, whence };
    this.dispatchEvent(new Event("latent"));
    this.goTo(run === this.run ? { tab: "explore" } : { run, tab: "explore" });
  }

  /**
   * Make a latent an end of the walk in Interpolate; who chose it stays where they are.
   * @param {"a" | "b"} end
   * @param {Chosen} chosen
   */
  useAs(end, chosen) {
    this.ends[end] = chosen;
    if (this.linkedPath) delete this.linkedPath[end === "a" ? "from" : "to"];
    this.dispatchEvent(new Event("ends"));
  }

  /**
   * The walk of a link through the run on show, once.
   * @returns {import("../latent/address.js").Path | null}
   */
  takePath() {
    const { run } = this.wish;
    if (run && run !== this.run) return null;
    const path = this.linkedPath;
    this.linkedPath = null;
    return path;
  }

  /**
   * Another walk is on show in Interpolate, or another place of it.
   * @param {string} run
   * @param {import("../latent/address.js").Path} path
   */
  setPath(run, path) {
    if (run !== this.run) return;
    this.path = path;
    this.writeAddress();
  }

  /**
   * Offer a direction among those of Explore; one of the same name is replaced.
   * @param {string} run
   * @param {Direction} direction
   */
  offer(run, direction) {
    const others = (this.found.get(run) ?? []).filter(({ name }) => name !== direction.name);
    this.found.set(run, [...others, direction]);
    this.dispatchEvent(new Event("directions"));
  }

  /**
   * Somebody's own image was encoded; null forgets it.
   * @param {string} run
   * @param {Chosen | null} chosen
   */
  setOwn(run, chosen) {
    if (chosen) this.own.set(run, chosen);
    else this.own.delete(run);
    this.dispatchEvent(new Event("own"));
  }

  /**
   * Somebody goes to another run or tab.
   * @param {{run?: string, tab?: string}} wish
   */
  goTo(wish) {
    this.isStep = true;
    this.dispatchEvent(new Event("going"));
    this.askPage?.(wish);
  }

  /** The address was changed, by hand or by Back: go where it says. @param {string} fragment */
  async follow(fragment) {
    this.isStep = false;
    this.wish = readLink(fragment);
    this.linkedPath = this.wish.path ?? null;
    this.keepLink();
    const { run, tab } = this.wish;
    this.written = { run: run ?? this.run, tab: tab ?? this.tab };
    if (!(await this.checkWish())) return;
    /** @type {{run?: string, tab?: string}} */
    const wish = {};
    if (run && run !== this.run) wish.run = run;
    if (tab && tab !== this.tab) wish.tab = tab;
    if (wish.run || wish.tab) this.askPage?.(wish);
    if (!run || run === this.run) this.dispatchEvent(new Event("link"));
  }

  /**
   * Forget a link whose run is not there, so that it does not wait for ever.
   * @returns {Promise<boolean>} Whether there is something to go to.
   */
  async checkWish() {
    const { wish } = this;
    const { run } = wish;
    if (!run || run === this.run) return true;
    const there = await this.info(run).then(
      () => true,
      () => false,
    );
    if (!there && this.wish === wish) {
      this.dropWish();
      this.linkedPath = null;
      this.writeAddress(); // what is on show was kept out of it for the link's sake
    }
    return there;
  }

  writeAddress() {
    const { run, tab, other, wish } = this;
    if (!run || (wish.run && wish.run !== run)) return; // a link that was not taken up yet must survive
    const { direction = this.walk.direction, grid = this.walk.grid } = wish;
    const latent = wish.latent ?? this.latent ?? undefined;
    const path = (tab === "interpolate" && (this.linkedPath ?? this.path)) || undefined;
    const isStep = this.isStep && (run !== this.written.run || tab !== this.written.tab);
    if (isStep) this.isStep = false;
    this.written = { run, tab };
    this.write(toFragment({ run, tab, other, direction, grid, latent, path, states: this.states.get(run) }), isStep);
  }

  /**
   * Something about a run, asked for once.
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} fetchIt
   * @returns {Promise<T>}
   */
  once(key, fetchIt) {
    return once(this.known, key, fetchIt);
  }

  /** @param {string} run @returns {Promise<RunInfo>} */
  info(run) {
    return this.once(`info ${run}`, async () => {
      const info = await this.source.ask("card", run);
      if (typeof info.preparing === "number") this.awaitPictures(run);
      return info;
    });
  }

  /**
   * How far the preparation of the pictures of the run on show is.
   * @param {string} words "" when it is over.
   * @param {number} share
   */
  prepared(words, share) {
    this.preparing = { words, share };
    this.dispatchEvent(new Event("preparing"));
  }

  /** Forget what is known of a run. @param {string} run */
  forget(run) {
    for (const key of [...this.known.keys()]) if (key.split(" ")[1] === run) this.known.delete(key);
  }

  /**
   * Tell how far a run's pictures are, which the server prepares once, and show them when they are there. Those of a
   * run that is not on show are only known anew.
   * @param {string} run
   */
  async awaitPictures(run) {
    if (this.awaited.has(run)) return;
    this.awaited.add(run);
    let misses = 0;
    while (misses < MOST_MISSES) {
      const now = await this.source.ask("preparation", run).catch(() => null);
      misses = now ? 0 : misses + 1;
      if (now?.preparing === null) break;
      if (now && run === this.run) this.prepared(`${now.sentence} Decodes stand for them until then.`, now.preparing);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    this.awaited.delete(run);
    if (run !== this.run) return this.forget(run);
    this.prepared("", 1);
    this.refresh();
  }

  /** Posterior means, (N * d). @param {string} run @returns {Promise<Float32Array>} */
  points(run) {
    return this.once(`points ${run}`, async () => this.source.array(await this.info(run), "points"));
  }

  /** Labels, (N,), or null where there are none. @param {string} run @returns {Promise<Int32Array | null>} */
  labels(run) {
    return this.once(`labels ${run}`, async () => this.source.array(await this.info(run), "labels"));
  }

  /**
   * Attributes, (N * A): 1, 0, or 255 where nobody said; null where there are none.
   * @param {string} run
   * @returns {Promise<Uint8Array | null>}
   */
  attributes(run) {
    return this.once(`attributes ${run}`, async () => this.source.array(await this.info(run), "attributes"));
  }

  /**
   * One number per image, (N,), or null where the run has none.
   * @param {string} run
   * @param {string} name One of the colours of its card.
   * @returns {Promise<Float32Array | null>}
   */
  scalar(run, name) {
    return this.once(`${name} ${run}`, async () => this.source.array(await this.info(run), name));
  }

  /** Small pictures of the evaluation split. @param {string} run @returns {Promise<Sprites>} */
  sprites(run) {
    return this.once(`sprites ${run}`, async () => new Sprites(await this.info(run)));
  }
}

/** The page's one view. */
export const view = new View();

globalThis.addEventListener?.("explorer:refresh", () => view.refresh());
globalThis.addEventListener?.("hashchange", () => view.follow(location.hash));
