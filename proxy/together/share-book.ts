import { firstShare } from "./share";

/** What a worker is told of its part of something. */
export interface ShareOrder {
  readonly key: string;
  /** Of all workers together. */
  readonly total: number;
  /** So many more are its own. */
  readonly grant?: number;
  /** It is to give back what it can do without, and say how much that is. */
  readonly give?: true;
  /** There is nothing to be had for now. */
  readonly none?: true;
}

/** What a worker says of its part. */
export interface ShareMessage {
  readonly key: string;
  /** Of all workers together; 0 for what has no fixed sum, and is only passed on. */
  readonly total: number;
  /** So many are its own no more, and it wants no more; undefined where it does. */
  readonly given?: number;
}

interface Entry {
  readonly total: number;
  /** What each worker has, by its slot. */
  readonly held: number[];
  /** What nobody has. */
  free: number;
  /** Those who want more, in the order in which they said so. */
  readonly wanting: Set<number>;
  /** Those who were asked to give, and have not answered yet. */
  readonly asked: Set<number>;
}

/**
 * Keeps book of what all workers have together, such as requests that an origin may be sent at a time: each begins with
 * its part, and one that needs more gets what others can do without. What all hold is never more than the whole.
 */
export class ShareBook {
  private readonly entries = new Map<string, Entry>();
  private readonly present = new Set<number>();

  /**
   * @param count of workers there are to be
   * @param tell gives a worker an order, by its slot
   */
  constructor(
    private readonly count: number,
    private readonly tell: (slot: number, order: ShareOrder) => void,
  ) {}

  /** A worker begins. @returns what it has of that of which it has not its first part */
  join(slot: number): [string, number][] {
    this.present.add(slot);
    const others: [string, number][] = [];
    for (const [key, entry] of this.entries) {
      const first = firstShare(entry.total, this.count, slot);
      const given = Math.min(entry.free, first);
      entry.free -= given;
      entry.held[slot] = given;
      if (given < first) others.push([key, given]);
      this.forgetUnlessNeeded(key, entry);
    }
    return others;
  }

  /** A worker is no more: what it had is free. */
  leave(slot: number): void {
    this.present.delete(slot);
    for (const [key, entry] of this.entries) {
      if (entry.total > 0) entry.free += entry.held[slot]!;
      entry.held[slot] = 0;
      entry.wanting.delete(slot);
      entry.asked.delete(slot);
      this.settle(key, entry);
    }
  }

  hear(slot: number, { key, total, given }: ShareMessage): void {
    const entry = this.entry(key, total);
    if (given === undefined) {
      entry.wanting.add(slot);
      this.grant(key, entry);
      if (entry.wanting.has(slot)) this.ask(slot, key, entry);
    } else {
      entry.held[slot]! -= given;
      entry.free += given;
      entry.asked.delete(slot);
      entry.wanting.delete(slot);
    }
    this.settle(key, entry);
  }

  private settle(key: string, entry: Entry): void {
    this.grant(key, entry);
    this.deny(key, entry);
    this.restore(key, entry);
    this.forgetUnlessNeeded(key, entry);
  }

  private entry(key: string, total: number): Entry {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      const held = Array.from({ length: this.count }, (_, slot) =>
        this.present.has(slot) ? firstShare(total, this.count, slot) : 0,
      );
      const free = total - held.reduce((sum, part) => sum + part, 0);
      this.entries.set(key, (entry = { total, held, free, wanting: new Set(), asked: new Set() }));
    }
    return entry;
  }

  private grant(key: string, entry: Entry): void {
    for (const slot of entry.wanting) {
      if (entry.free <= 0) break;
      const grant = Math.ceil(entry.free / entry.wanting.size);
      entry.free -= grant;
      entry.held[slot]! += grant;
      entry.wanting.delete(slot);
      this.tell(slot, { key, total: entry.total, grant });
    }
  }

  /**
   * Says that there is nothing, once all were asked. Who wanted some of a fixed sum is remembered: what is in use may
   * be given yet.
   */
  private deny(key: string, { wanting, asked, total }: Entry): void {
    if (asked.size > 0) return;
    for (const slot of wanting) this.tell(slot, { key, total, none: true });
    if (total === 0) wanting.clear();
  }

  /** What nobody wants goes to those who have less than at first. */
  private restore(key: string, entry: Entry): void {
    const { total, held } = entry;
    if (total === 0) entry.free = 0;
    for (const slot of this.present) {
      const grant = Math.min(entry.free, firstShare(total, this.count, slot) - held[slot]!);
      if (grant <= 0) continue;
      entry.free -= grant;
      held[slot]! += grant;
      this.tell(slot, { key, total, grant });
    }
  }

  /** Asks all but the one who wants some: what others wanted may be long ago. */
  private ask(wanting: number, key: string, entry: Entry): void {
    if (entry.asked.size > 0) return;
    for (const slot of this.present)
      if (slot !== wanting && (entry.total === 0 || entry.held[slot]! > 0)) entry.asked.add(slot);
    for (const slot of entry.asked) this.tell(slot, { key, total: entry.total, give: true });
  }

  /** What is as it was at first needs no book. */
  private forgetUnlessNeeded(key: string, entry: Entry): void {
    const { held, wanting, asked, total, free } = entry;
    if (wanting.size > 0 || asked.size > 0 || free > 0) return;
    const asAtFirst = held.every((part, slot) => part === firstShare(total, this.count, slot));
    if (total === 0 || asAtFirst) this.entries.delete(key);
  }
}
