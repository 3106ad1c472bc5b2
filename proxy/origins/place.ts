import { isIPv6 } from "node:net";
import { type Origin } from "../route";

/** Where an origin can be reached, and how it compares with the origin's other places (RFC 2782). */
export interface Place {
  /** An IP address; `address:port` or `[address]:port` where the origin is a service. */
  readonly address: string;
  /** Those with the lowest are asked, as long as one of them is in good standing. */
  readonly priority: number;
  /** Its part of the requests beside those of the others of its priority. */
  readonly weight: number;
}

/** Of the origin's own name: one is as good as the other. */
export const equalPlace = (address: string): Place => ({ address, priority: 0, weight: 1 });

/** One that SRV records with a weight of 0 have nearly nothing sent to, beside others. */
const LEAST_WEIGHT = 0.01;

/** A place of a service. */
export const servicePlace = (address: string, port: number, priority: number, weight: number): Place => ({
  address: isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`,
  priority,
  weight: Math.max(weight, LEAST_WEIGHT),
});

/** What to connect to for one of an origin's places. */
export function endpointOf(
  { port, service }: Pick<Origin, "port" | "service">,
  address: string,
): { readonly host: string; readonly port: number; readonly text: string } {
  if (service !== true) return { host: address, port, text: `${address}:${port}` };
  const colon = address.lastIndexOf(":");
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
    text: address,
  };
}
