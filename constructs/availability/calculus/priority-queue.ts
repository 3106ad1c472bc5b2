/** Gives back what has the highest priority; among equals, in no particular order. */
export class PriorityQueue<T> {
  private readonly items: T[] = [];
  private readonly priorities: number[] = [];

  get size(): number {
    return this.items.length;
  }

  push(item: T, priority: number): void {
    let at = this.items.push(item) - 1;
    this.priorities.push(priority);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.priorities[parent] as number) >= (this.priorities[at] as number)) break;
      this.swap(at, parent);
      at = parent;
    }
  }

  pop(): T | undefined {
    if (this.items.length === 0) return undefined;
    this.swap(0, this.items.length - 1);
    const top = this.items.pop();
    this.priorities.pop();
    for (let at = 0; ;) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (
          child < this.items.length &&
          (this.priorities[child] as number) > (this.priorities[best] as number)
        ) {
          best = child;
        }
      }
      if (best === at) return top;
      this.swap(at, best);
      at = best;
    }
  }

  private swap(a: number, b: number): void {
    [this.items[a], this.items[b]] = [this.items[b] as T, this.items[a] as T];
    [this.priorities[a], this.priorities[b]] = [this.priorities[b] as number, this.priorities[a] as number];
  }
}
