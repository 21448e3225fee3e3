/** Questions of which only the newest counts. */

/** Asking anew gives the question before up: each has a signal that says whether its answer is still wanted. */
export class Latest {
  constructor() {
    this.abort = new AbortController();
  }

  /**
   * Begin a question.
   * @param {AbortSignal} [within] What it belongs to: with that it ends as well.
   * @returns {AbortSignal}
   */
  next(within) {
    this.abort.abort();
    const abort = new AbortController();
    this.abort = abort;
    if (within?.aborted) abort.abort();
    else within?.addEventListener("abort", () => abort.abort(), { once: true, signal: abort.signal });
    return abort.signal;
  }

  /** Nobody waits any longer. */
  stop() {
    this.abort.abort();
  }
}
