import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A JWK set as it was told, and when. */
interface Kept {
  /** Where it was told: what another place said is of no use. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly told: number;
  /** The answer's text. */
  readonly set: string;
}

/** Keeps what an issuer told in a file, for a gateway that starts while the issuer does not answer. */
export class KeptKeys {
  private readonly file: string;

  /**
   * @param directory that nobody else may write to: who can, says whose tokens are believed
   * @param issuer its name
   * @param source where it tells its keys
   */
  constructor(
    private readonly directory: string,
    issuer: string,
    private readonly source: string,
  ) {
    this.file = join(directory, `keys-${issuer}.json`);
  }

  /**
   * What was told last, and how many seconds ago.
   *
   * @returns undefined where nothing was, or by somebody else, or at a time that has not come yet
   * @throws where the file is not what was written
   */
  read(): { readonly set: string; readonly age: number } | undefined {
    let text: string;
    try {
      text = readFileSync(this.file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const { source, told, set } = JSON.parse(text) as Partial<Kept>;
    if (typeof told !== "number" || typeof set !== "string")
      throw new Error(`${this.file} does not hold kept keys`);
    const age = (Date.now() - told) / 1000;
    return source === this.source && age >= 0 ? { set, age } : undefined;
  }

  /** @throws the file system's error */
  write(set: string): void {
    const kept: Kept = { source: this.source, told: Date.now(), set };
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    // Each worker writes a file of its own first: a reader finds all of one.
    const next = `${this.file}.${process.pid}`;
    writeFileSync(next, JSON.stringify(kept), { mode: 0o600, flush: true });
    renameSync(next, this.file);
  }
}
