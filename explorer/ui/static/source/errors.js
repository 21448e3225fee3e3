/** What a question can come to when there is no answer. */

/** A refusal by the server, in its own words. */
export class ServerError extends Error {
  /**
   * @param {string} message One sentence.
   * @param {number} status HTTP status.
   */
  constructor(message, status) {
    super(message);
    this.name = "ServerError";
    this.status = status;
  }
}

/** No answer at all: the network, or the server, is away. */
export class Unreachable extends Error {
  /** @param {boolean} again Whether the request will be sent again. */
  constructor(again = false) {
    super(`The server cannot be reached; ${again ? "trying again." : "try again later."}`);
    this.name = "Unreachable";
    this.again = again;
  }
}
