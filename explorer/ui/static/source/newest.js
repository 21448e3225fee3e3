/** A stream of questions kept in order: the newest wins, and the last one is always answered. */

import { Unreachable } from "./errors.js";

const OUTAGE_MS = [500, 1000, 2000, 4000, 8000, 15000, 30000, 60000];

/**
 * Keeps a stream of requests in order: several in flight, only the newest waiting, answers shown only forwards, and
 * the last request always answered (or its failure told). While the server cannot be reached, the newest request is
 * sent again, ever more rarely and not for ever.
 *
 * @template Request, Answer
 */
export class NewestWins {
  /**
   * @param {(request: Request) => Promise<Answer>} work
   * @param {(answer: Answer, request: Request) => void} show Called with ever newer answers.
   * @param {(error: unknown, request: Request) => void} [fail] Called when the newest request fails; an `Unreachable`
   *   says whether it is tried again.
   * @param {number} [limit] Most requests in flight.
   */
  constructor(work, show, fail = () => {}, limit = 4) {
    this.work = work;
    this.show = show;
    this.fail = fail;
    this.limit = limit;
    /** @type {{request: Request} | null} */
    this.waiting = null;
    this.flying = 0;
    this.asked = 0; // sequence number of the newest request sent
    this.shown = 0; // of the newest answer shown, or of the newest request that was dropped
    this.outages = 0; // failures to reach the server since it answered last
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  /** @param {Request} request Replaces one that still waits. */
  ask(request) {
    clearTimeout(this.retry);
    this.waiting = { request };
    this.pump();
  }

  /** Forget what waits and what flies: no older answer will be shown. */
  drop() {
    clearTimeout(this.retry);
    this.waiting = null;
    this.shown = this.asked;
  }

  pump() {
    while (this.waiting && this.flying < this.limit) {
      const { request } = this.waiting;
      const mine = ++this.asked;
      this.waiting = null;
      this.flying++;
      this.work(request).then(
        (answer) => {
          this.flying--;
          this.outages = 0;
          if (mine > this.shown) {
            this.shown = mine;
            this.show(answer, request);
          }
          this.pump();
        },
        (error) => {
          this.flying--;
          const isCalledOff = /** @type {Error | undefined} */ (error)?.name === "AbortError"; // its asker went elsewhere
          if (!isCalledOff && mine === this.asked && !this.waiting && mine > this.shown) this.giveUp(error, request);
          this.pump();
        },
      );
    }
  }

  /**
   * Tell that the newest request failed, and send it again if only the way to the server was broken.
   * @param {unknown} error
   * @param {Request} request
   */
  giveUp(error, request) {
    const wait = error instanceof Unreachable ? OUTAGE_MS[this.outages++] : undefined;
    if (wait !== undefined) this.retry = setTimeout(() => this.ask(request), wait);
    else this.outages = 0;
    this.fail(wait !== undefined ? new Unreachable(true) : error, request);
  }
}
