export interface TimeWindow<V> {
  readonly value: V;
  /** As `performance.now()` tells it. */
  readonly endsAt: number;
}

/** Something of each key, until its window ends. All windows last for as long: what began first ends first. */
export class Windows<V> {
  private readonly byKey = new Map<string, TimeWindow<V>>();

  /** @param most keys at the same time; beyond it the one whose window began first is forgotten */
  constructor(private readonly most: number) {}

  /** No more fit in without another one being forgotten. */
  get full(): boolean {
    this.dropEnded();
    return this.byKey.size >= this.most;
  }

  /** None is under way. */
  get over(): boolean {
    this.dropEnded();
    return this.byKey.size === 0;
  }

  get(key: string): TimeWindow<V> | undefined {
    const entry = this.byKey.get(key);
    return entry !== undefined && entry.endsAt > performance.now() ? entry : undefined;
  }

  /** Another one for this key, from now on. */
  begin(key: string, milliseconds: number, value: V): TimeWindow<V> {
    this.byKey.delete(key);
    if (this.full) this.byKey.delete(this.byKey.keys().next().value!);
    const entry = { value, endsAt: performance.now() + milliseconds };
    this.byKey.set(key, entry);
    return entry;
  }

  private dropEnded(): void {
    const now = performance.now();
    for (const [key, { endsAt }] of this.byKey) {
      if (endsAt > now) return;
      this.byKey.delete(key);
    }
  }
}
