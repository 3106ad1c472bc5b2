/**
 * Thrown where a message has something that the short way does not know, or that is wrong: the library then has all of
 * it, and says what it is.
 */
export const UNUSUAL = new Error("this is for the library");

/** @returns undefined where it is for the library */
export function unlessUnusual<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}

/** What the library makes of a part; what it refuses it shall refuse as part of the whole, where it can say which. */
export function byLibrary<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw UNUSUAL;
  }
}
