import { type ShareMessage, type ShareOrder } from "./share-book";

/** What keeps to a share. */
export interface ShareHolder {
  /** How much of its share it can do without now. */
  spare(): number;
  /** Its share has become smaller by so many. */
  lost?(count: number): void;
  /** Its share has become larger by so many. */
  gained?(count: number): void;
}

/** Milliseconds until more is asked for again, after there was nothing to be had. */
const DENIED_MS = 50;
/** Milliseconds that somebody waits for more at most. */
const PATIENCE_MS = 100;

/** What the worker in this slot has of a whole before anything was passed on. */
export function firstShare(total: number, count: number, slot: number): number {
  return Math.floor(total / count) + (slot < total % count ? 1 : 0);
}

/** One worker's part of what all have together. */
export class Share {
  /** Others want what becomes free here, down to what each may keep. */
  private owing = false;
  private asking: Promise<void> | undefined;
  private answered: (() => void) | undefined;
  private deniedUntil = 0;
  private kept = true;

  /**
   * @param total of all workers; 0 for what has no fixed sum
   * @param fair the least that a worker needs not go below for others
   * @param say tells who keeps the book; undefined where there are no others
   */
  constructor(
    readonly key: string,
    readonly total: number,
    public size: number,
    private readonly fair: number,
    private holder: ShareHolder,
    private readonly say: ((message: ShareMessage) => void) | undefined,
  ) {}

  /** Others may have something that can be had. */
  get mayGrow(): boolean {
    return (
      this.say !== undefined &&
      (this.total === 0 || this.size < this.total) &&
      performance.now() >= this.deniedUntil
    );
  }

  /** Asks for more. @returns when that was answered, or took too long */
  want(): Promise<void> {
    if (this.asking !== undefined) return this.asking;
    if (!this.mayGrow) return Promise.resolve();
    this.asking = new Promise((resolve) => {
      const timer = setTimeout(() => this.denied(), PATIENCE_MS);
      this.answered = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.say!({ key: this.key, total: this.total });
    return this.asking;
  }

  /** One that was in use no longer is. True: it is others' now, and may not be used again. */
  passesOn(): boolean {
    this.owing &&= this.size > this.fair;
    if (this.owing) this.part(1);
    return this.owing;
  }

  obey({ grant, give }: ShareOrder): void {
    if (give === true) {
      const count = Math.max(0, Math.ceil(this.holder.spare() / 2));
      this.owing = count === 0 && this.size > this.fair;
      this.part(count);
      return;
    }
    if (grant === undefined) {
      this.denied();
      return;
    }
    this.deniedUntil = 0;
    this.size += grant;
    this.holder.gained?.(grant);
    this.settle();
  }

  /** Who keeps to it now. */
  takenBy(holder: ShareHolder): void {
    this.holder = holder;
    this.kept = true;
  }

  /** Nobody keeps to it any more, unless another one has taken it. @returns whether it was that one's */
  leftBy(holder: ShareHolder): boolean {
    if (holder !== this.holder) return false;
    this.holder = { spare: () => this.size };
    this.kept = false;
    // Whatever it wanted, it wants no more.
    this.part(0);
    return true;
  }

  /** Where nobody keeps to it, what is above `first` is others'. @returns whether it is as if it had never been */
  restsAt(first: number): boolean {
    if (this.kept) return false;
    if (this.total === 0) return true;
    if (this.size > first) this.part(this.size - first);
    return this.size === first;
  }

  private part(count: number): void {
    this.size -= count;
    if (count > 0) this.holder.lost?.(count);
    this.say?.({ key: this.key, total: this.total, given: count });
  }

  private denied(): void {
    this.deniedUntil = performance.now() + DENIED_MS;
    this.settle();
  }

  private settle(): void {
    this.answered?.();
    this.answered = this.asking = undefined;
  }
}
