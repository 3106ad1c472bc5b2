import { existsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A call that reads a file by an absolute path or one below the home directory, in JSON text. */
const READING = /\b(file|filebase64)\((pathexpand\()?\\"([~/][^"\\]*)\\"/g;

/**
 * Replaces what the configuration reads from elsewhere on the deployer's machine, such as a private key, by
 * a file that says so, where it is not there. Files that belong to the stack are named relative to it and
 * are not touched.
 *
 * @param configuration in JSON
 * @param directory where the files are made
 */
export function withStandInFiles(
  configuration: string,
  directory: string,
): { readonly configuration: string; readonly files: readonly string[] } {
  const files: string[] = [];
  const replaced = configuration.replace(
    READING,
    (call, read: string, expand: string | undefined, path: string) => {
      if (existsSync(path.replace(/^~/, homedir()))) return call;
      if (!files.includes(path)) files.push(path);
      const file = join(directory, `stand-in-${files.indexOf(path)}`);
      writeFileSync(file, `stands in for ${path}\n`);
      return `${read}(${expand ?? ""}\\"${file}\\"`;
    },
  );
  return { configuration: replaced, files };
}
