import { createRequire } from "node:module";

/**
 * Refuses to load a part of the library whose providers the app has not installed: they are peers, and only those
 * that an app uses need be there.
 *
 * @param part entry point of the library, for example `tricloud/aws`
 * @param packages what it imports
 * @throws Error of one line that names what is missing and how to get it
 */
export function requireInstalled(part: string, packages: readonly string[]): void {
  // Not the module's own `require`: a bundler would take its calls for imports.
  const { resolve } = createRequire(__filename);
  const missing = packages.filter((name) => {
    try {
      resolve(`${name}/package.json`);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) {
    throw new Error(`${part} needs ${missing.join(" and ")}: npm install ${missing.join(" ")}`);
  }
}
