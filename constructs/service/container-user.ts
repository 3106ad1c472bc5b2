import { createHash } from "node:crypto";

/**
 * A user that nobody else of the host is and that no account database needs to know: beyond the ranges that Debian and
 * systemd give out, by the service's name, so that services cannot reach into one another.
 */
export const serviceUser = (name: string): number =>
  2_000_000_000 + (createHash("sha256").update(name).digest().readUInt32BE() % 100_000_000);
