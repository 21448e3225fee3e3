/** Questions that follow a hand, with the picture that shows the answers and the line that says why there is none. */

import { dim } from "../kit/pixels.js";
import { Unreachable } from "../source/errors.js";
import { NewestWins } from "../source/newest.js";

/**
 * A stream of questions, the newest of which wins. What failed is said in the status line, by the stream alone, and the
 * success that follows takes it back; a picture older than the last question is dim.
 *
 * @template Request, Answer
 * @extends {NewestWins<Request, Answer>}
 */
export class Stream extends NewestWins {
  /**
   * @param {(request: Request) => Promise<Answer>} work
   * @param {(answer: Answer, request: Request) => void} show
   * @param {object} about
   * @param {{say: (words: string, who?: unknown) => void}} about.status
   * @param {string} [about.failed] What there is not, to stand before the reason: "No image".
   * @param {() => (HTMLElement | null | undefined)[]} [about.pictures] What shows the answers.
   * @param {(error: unknown, request: Request) => void} [about.fail] What else is to be done.
   * @param {number} [about.limit] Most requests in flight.
   */
  constructor(work, show, { status, failed, pictures = () => [], fail = () => {}, limit }) {
    const dimmed = (/** @type {boolean} */ stale) => pictures().forEach((picture) => picture && dim(picture, stale));
    super(
      work,
      (answer, request) => {
        status.say("", this);
        dimmed(false);
        show(answer, request);
      },
      (error, request) => {
        const { message } = /** @type {Error} */ (error);
        dimmed(true);
        status.say(failed && !(error instanceof Unreachable) ? `${failed}: ${message}` : message, this);
        fail(error, request);
      },
      limit,
    );
    this.status = status;
  }

  /** Forget what waits and what flies, and what was said of it. */
  drop() {
    super.drop();
    this.status.say("", this);
  }
}
