import { Windows } from "./windows";

/** What a worker asks for: some of somebody's quota. */
export interface QuotaQuestion {
  /** Of the limit, and what it was told: at a reload another one begins anew. */
  readonly limit: string;
  readonly key: string;
  /** Requests that it wants to let through. */
  readonly wanted: number;
  readonly quota: number;
  /** Seconds. */
  readonly window: number;
  readonly maxKeys: number;
}

export interface QuotaGrant {
  /** Requests that it may let through; fewer than it wanted where there are no more. */
  readonly granted: number;
  /** Those that nobody was granted yet. */
  readonly left: number;
  /** Milliseconds until the window ends. */
  readonly endsIn: number;
  /** Somebody else was forgotten for this one. */
  readonly forgot: boolean;
}

/** What is left of all quotas: kept where all workers of a gateway ask. */
export class QuotaBook {
  private readonly limits = new Map<string, Windows<{ left: number }>>();

  /** Who has no window has one that begins now. */
  grant({ limit, key, wanted, quota, window, maxKeys }: QuotaQuestion): QuotaGrant {
    let windows = this.limits.get(limit);
    if (windows === undefined) {
      for (const [name, other] of this.limits) if (other.over) this.limits.delete(name);
      this.limits.set(limit, (windows = new Windows(maxKeys)));
    }
    let entry = windows.get(key);
    const forgot = entry === undefined && windows.full;
    entry ??= windows.begin(key, window * 1000, { left: quota });
    const granted = Math.min(wanted, entry.value.left);
    entry.value.left -= granted;
    return { granted, left: entry.value.left, endsIn: entry.endsAt - performance.now(), forgot };
  }
}
