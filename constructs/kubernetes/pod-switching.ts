import type { Switching } from "../availability";
import { CATALOG_WRITE_SECONDS } from "./consul-values";
import { LOST_AFTER_SECONDS } from "./node-loss";

/**
 * How long the name of a lost node's pods goes on being given out.
 *
 * @param ttl how long an answer may be kept, in seconds
 */
export const podSwitching = (ttl: number): Switching => ({
  seconds: LOST_AFTER_SECONDS + CATALOG_WRITE_SECONDS + ttl,
  // A node that is down is silent.
  coverage: 1,
  source: `nodes silent for ${LOST_AFTER_SECONDS} s are lost, the catalog is written every ${CATALOG_WRITE_SECONDS} s, names live for ${ttl} s`,
});
