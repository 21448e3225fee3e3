/** Files that stand in the page itself: a page of one file has all of its own so. */

/** @param {Uint8Array<ArrayBuffer>} zipped @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function unzipped(zipped) {
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * The bytes of a file; null where it does not stand in the page.
 * @param {string} name
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
export function held(name) {
  const text = globalThis.document?.getElementById(`xp-file-${name}`)?.textContent;
  if (!text) return null;
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

/**
 * An address of a zipped script that stands in the page; null where it does not.
 * @param {string} name
 * @returns {Promise<string | null>}
 */
export async function heldScript(name) {
  const zipped = held(name);
  return zipped && URL.createObjectURL(new Blob([await unzipped(zipped)], { type: "text/javascript" }));
}
