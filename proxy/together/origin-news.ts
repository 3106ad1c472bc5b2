/** What a worker has seen of an origin, as the others are told it. */
export type OriginEvent =
  | {
      readonly kind: "failed";
      readonly problem: string;
      /** Milliseconds that its circuit is now open for; undefined where it is not. */
      readonly open: number | undefined;
    }
  /** `sure`: it closes an open circuit too. */
  | { readonly kind: "succeeded"; readonly sure: boolean }
  /** The one request that is to decide about an open circuit is under way, or came to nothing. */
  | { readonly kind: "probing" | "undecided" }
  /** What is thought of it by its health check has changed. */
  | { readonly kind: "checked"; readonly failing: boolean; readonly problem: string };

/** An event, and the circuit or check it is of. */
export type OriginNews = readonly [name: string, event: OriginEvent];

/** What one who joins now is told of a circuit or check. */
export interface OriginStanding {
  readonly failures: number;
  readonly problem: string;
  /** Milliseconds that its circuit is open for yet; undefined where it is not. */
  readonly open: number | undefined;
  readonly checkFailing: boolean;
}

interface Entry {
  failures: number;
  problem: string;
  /** As `performance.now()`; undefined where the circuit is closed. */
  openUntil: number | undefined;
  checkFailing: boolean;
  /** The worker whose request is to decide. */
  prober: number | undefined;
  keptUntil: number;
}

/** Milliseconds that failures are remembered after the last, beyond the pause of a circuit. */
const MEMORY_MS = 60_000;
/** Clients choose what is called: beyond this, what was told of longest ago goes. */
const MOST = 10_000;

/** What was told of origins and has not been overtaken yet: for workers, and circuits, that are made later. */
export class NewsBook {
  private readonly entries = new Map<string, Entry>();

  /** @param slot of the worker that tells */
  note([name, event]: OriginNews, slot?: number): void {
    const entry = this.entries.get(name) ?? {
      failures: 0,
      problem: "",
      openUntil: undefined,
      checkFailing: false,
      prober: undefined,
      keptUntil: 0,
    };
    const now = performance.now();
    switch (event.kind) {
      case "failed":
        entry.failures++;
        entry.problem = event.problem;
        entry.prober = undefined;
        if (event.open !== undefined) entry.openUntil = now + event.open;
        break;
      case "succeeded":
        if (entry.openUntil !== undefined && !event.sure) break;
        this.entries.delete(name);
        return;
      case "probing":
        entry.prober = slot;
        break;
      case "undecided":
        entry.prober = undefined;
        break;
      case "checked":
        if (!event.failing) {
          this.entries.delete(name);
          return;
        }
        entry.checkFailing = true;
        entry.problem = event.problem;
    }
    entry.keptUntil = Math.max(now, entry.openUntil ?? 0) + MEMORY_MS;
    // The last one told of is the last to go.
    this.entries.delete(name);
    this.entries.set(name, entry);
    if (this.entries.size > MOST) this.entries.delete(this.entries.keys().next().value!);
  }

  standing(name: string): OriginStanding | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    const now = performance.now();
    // A check that fails goes on failing until it is told that it does not.
    if (!entry.checkFailing && now > entry.keptUntil) {
      this.entries.delete(name);
      return undefined;
    }
    const { failures, problem, openUntil, checkFailing } = entry;
    const open = openUntil === undefined ? undefined : Math.max(0, openUntil - now);
    return { failures, problem, open, checkFailing };
  }

  /** All that is known, for one who joins. */
  all(): [string, OriginStanding][] {
    return [...this.entries.keys()].flatMap((name) => {
      const standing = this.standing(name);
      return standing === undefined ? [] : [[name, standing] as [string, OriginStanding]];
    });
  }

  /** Begins with what another book knew. */
  learn(standings: readonly (readonly [string, OriginStanding])[]): void {
    const now = performance.now();
    for (const [name, { failures, problem, open, checkFailing }] of standings)
      this.entries.set(name, {
        failures,
        problem,
        openUntil: open === undefined ? undefined : now + open,
        checkFailing,
        prober: undefined,
        keptUntil: now + (open ?? 0) + MEMORY_MS,
      });
  }

  /** A worker is no more: what it was to find out stays undecided. */
  left(slot: number): OriginNews[] {
    return [...this.entries].flatMap(([name, entry]) => {
      if (entry.prober !== slot) return [];
      entry.prober = undefined;
      return [[name, { kind: "undecided" }] as const];
    });
  }
}
