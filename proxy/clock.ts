/** Milliseconds between two ticks, and so the precision of every time-out. */
export const TICK_MS = 250;

type Listener = (now: number) => void;

/**
 * One coarse clock for all time-outs. A timer per socket costs more than the rest of a request's bookkeeping; instead
 * connections note `clock.now` when something happens and are looked at once a tick.
 */
class Clock {
  /** Milliseconds since the process started, up to TICK_MS late. */
  now = performance.now();
  private readonly listeners = new Set<Listener>();
  private timer: NodeJS.Timeout | undefined;

  onTick(listener: Listener): () => void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref();
    return () => this.listeners.delete(listener);
  }

  private tick(): void {
    this.now = performance.now();
    // After a while without time for this process, what came meanwhile is read before anybody is blamed for its absence.
    setImmediate(() => {
      for (const listener of this.listeners) listener(this.now);
    });
  }
}

export const clock = new Clock();

/**
 * Calls back when the time is up and what has come meanwhile was read, however long this process was held up.
 *
 * @returns takes it back
 */
export function whenUp(seconds: number, then: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(then)), seconds * 1000);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
