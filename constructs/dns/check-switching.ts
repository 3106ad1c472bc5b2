import type { Switching } from "../availability";

/** How often Consul asks an instance, and how long it waits for the answer, in seconds. */
export interface CheckSeconds {
  readonly interval: number;
  readonly timeout: number;
}

/**
 * How long the name of an instance that has failed its check goes on being given out.
 *
 * @param ttl how long an answer may be kept, in seconds
 */
export const checkSwitching = ({ interval, timeout }: CheckSeconds, ttl: number): Switching => ({
  seconds: interval + timeout + ttl,
  source: `checked every ${interval} s for up to ${timeout} s, names live for ${ttl} s`,
});
