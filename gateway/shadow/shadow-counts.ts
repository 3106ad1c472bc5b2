import { type Snapshot } from "../../proxy/engine";
import { type Comparison } from "./comparison";
import { type Miss } from "../asking/own-request";

/**
 * What became of a shadow: what its comparison came to, or `unasked`, since the client left or the primary had no answer
 * to compare with, or `dropped`, since as many as may be were under way.
 */
export type Outcome = Comparison["outcome"] | Miss | "unasked" | "dropped";

/** Milliseconds between two lines of the log about one route's differences. */
const SAMPLE_MS = 10_000;

/** What is counted of one route's shadows. */
export class ShadowCounts {
  /** From the begin of the primary's request until the answers are compared. */
  active = 0;

  private readonly byService = new Map<string, Map<Outcome, number>>();
  private toldAt = -Infinity;
  private untold = 0;

  constructor(private readonly route: string) {}

  add(service: string, outcome: Outcome): void {
    let counts = this.byService.get(service);
    if (counts === undefined) this.byService.set(service, (counts = new Map()));
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  /** How many differences the log is to tell of with this one; 0 where it is to wait for a later one. */
  sample(now: number): number {
    this.untold++;
    if (now - this.toldAt < SAMPLE_MS) return 0;
    const told = this.untold;
    this.toldAt = now;
    this.untold = 0;
    return told;
  }

  into(snapshot: Snapshot): void {
    for (const [service, counts] of this.byService) {
      for (const [outcome, count] of counts)
        snapshot[`route_shadows_total{route="${this.route}",service="${service}",outcome="${outcome}"}`] =
          count;
    }
    if (this.byService.size > 0 || this.active > 0)
      snapshot[`route_shadows_active{route="${this.route}"}`] = this.active;
  }
}
