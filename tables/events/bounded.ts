/** Reading bytes that may end early. */

/**
 * @returns null where `read` looks beyond the end of a Buffer or DataView
 * @throws what else it throws
 */
export function withinBounds<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    // By name: a RangeError of Node's own realm is none of a vm context's.
    if ((error as { readonly name?: unknown } | null)?.name === 'RangeError') return null;
    throw error;
  }
}
