import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Log } from "../observation/log";

const FILE = "drained.json";

/** The origins that an operator has taken out of their groups, kept in a file so that restarts do not bring them back. */
export class DrainedOrigins {
  private origins: readonly string[] = [];

  /**
   * @param directory empty for none: then nothing is kept, and nothing can be drained
   * @param given directory of files with an origin each, which are drained where nothing is kept yet; empty for none
   */
  constructor(
    private readonly directory: string,
    log: Log,
    given = "",
  ) {
    if (directory === "") return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    try {
      const file = join(directory, FILE);
      if (existsSync(file)) this.origins = read(readFileSync(file, "utf8"));
      else if (given !== "") this.origins = originsIn(given);
    } catch (error) {
      log.event("error", "drained origins could not be read: none is drained", {
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** As `https://api.example.com:443`. */
  get all(): readonly string[] {
    return this.origins;
  }

  /** On disk first: what was acknowledged is not forgotten. @throws the file system's error */
  set(origin: string, drained: boolean): void {
    const origins = [...new Set(this.origins).add(origin)].filter((each) => drained || each !== origin);
    const file = join(this.directory, FILE);
    writeFileSync(`${file}.new`, `${JSON.stringify(origins)}\n`, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
    this.origins = origins;
  }
}

/** What the files of a directory hold; nothing where there is none. Links beside them, of Kubernetes' own, hold no file. */
function originsIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => !name.startsWith("."));
  return names.map((name) => readFileSync(join(directory, name), "utf8").trim());
}

/** @throws Error when it is no list of texts */
function read(text: string): readonly string[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed) || !parsed.every((each) => typeof each === "string"))
    throw new Error(`${text.slice(0, 80)} is not a list of origins`);
  return parsed as string[];
}
