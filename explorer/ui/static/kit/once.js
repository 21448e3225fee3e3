/**
 * What was made before under a key, or is made now; what failed is made anew.
 * @template T
 * @param {Map<string, Promise<any>>} made
 * @param {string} key
 * @param {() => Promise<T>} make
 * @returns {Promise<T>}
 */
export function once(made, key, make) {
  let found = made.get(key);
  if (!found) {
    found = make();
    made.set(key, found);
    found.catch(() => made.delete(key));
  }
  return found;
}
