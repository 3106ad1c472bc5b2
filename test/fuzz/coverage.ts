import { type Profiler, Session } from "node:inspector";

/**
 * Which code has run, as V8 counts it: by blocks, of the scripts that are of interest. One for a process: code that was
 * compiled before it, or for an earlier one, is counted by whole functions.
 */
export class Coverage {
  private readonly session = new Session();
  /** By script: 1 for each character that has run. */
  private readonly seen = new Map<string, Uint8Array>();

  /** @param concerns whether a script is of interest, by its URL */
  constructor(private readonly concerns: (url: string) => boolean) {
    this.session.connect();
    this.post("Profiler.enable");
    this.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Begins anew. */
  forget(): void {
    this.seen.clear();
  }

  /**
   * Looks at what has run since the last look.
   *
   * @param remember counts it as seen from now on
   * @returns whether some of it never had before
   */
  look(remember: boolean): boolean {
    let isNew = false;
    const { result } = this.post("Profiler.takePreciseCoverage") as Profiler.TakePreciseCoverageReturnType;
    for (const { url, functions } of result) {
      if (!this.concerns(url)) continue;
      const ran = charactersThatRan(functions);
      let seen = this.seen.get(url) ?? new Uint8Array(0);
      if (seen.length < ran.length) {
        const longer = new Uint8Array(ran.length);
        longer.set(seen);
        this.seen.set(url, (seen = longer));
      }
      for (let i = 0; i < ran.length; i++) {
        if (ran[i] === 0 || seen[i] === 1) continue;
        isNew = true;
        if (!remember) break;
        seen[i] = 1;
      }
    }
    return isNew;
  }

  stop(): void {
    this.post("Profiler.stopPreciseCoverage");
    this.session.disconnect();
  }

  /** Within one thread the answer is there at once. */
  private post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }
}

/** Ranges lie within each other, and the innermost is what counts. */
function charactersThatRan(functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
  const ranges = functions.flatMap(({ ranges: each }) => each);
  const ran = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)));
  ranges.sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return ran;
}
