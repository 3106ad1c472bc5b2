import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readVariables } from "../../stacks/secrets/secret-files";

/** A folder of files that only their owner may read. Each is written whole or not at all. */
export class SecretStore {
  constructor(readonly directory: string) {}

  variables(path: string): Record<string, string> | undefined {
    return readVariables(join(this.directory, path));
  }

  text(path: string): string | undefined {
    try {
      return readFileSync(join(this.directory, path), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** @throws Error when the file is there: another one may have been given out already */
  add(path: string, content: string): void {
    this.write(path, content, (draft, file) => {
      try {
        linkSync(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        throw new Error(`${file} is there already: nothing is written`, { cause: error });
      } finally {
        rmSync(draft);
      }
    });
  }

  replace(path: string, content: string): void {
    this.write(path, content, renameSync);
  }

  private write(path: string, content: string, place: (draft: string, file: string) => void): void {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Nothing of it goes into a repository, whatever that one's own list says.
    writeFileSync(join(this.directory, ".gitignore"), "*\n");
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, content, { mode: 0o600, flag: "w" });
    place(draft, file);
  }
}

/** A file of variables' values, as Terraform reads it. */
export const variablesText = (variables: Readonly<Record<string, string>>): string =>
  `${JSON.stringify(variables, undefined, 2)}\n`;
