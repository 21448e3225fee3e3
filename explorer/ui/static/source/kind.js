/** Which kind of source this page has; a page without a server is written with the other one (explorer/site/). */

export { ServerSource as Kind } from "./server.js";
