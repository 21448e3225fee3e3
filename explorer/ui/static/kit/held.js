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
  const bytes = new Uint8Array(Math.floor((7 * text.length) / 8));
  let [rest, bits, at] = [0, 0, 0];
  for (let k = 0; k < text.length; k++) {
    rest = ((rest << 7) | (text.charCodeAt(k) & 127)) & 0x7fff; // seven bits a letter (explorer/site/pages.py)
    bits += 7;
    if (bits >= 8) bytes[at++] = (rest >> (bits -= 8)) & 255;
  }
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
