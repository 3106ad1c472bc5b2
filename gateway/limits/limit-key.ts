import ipaddr from "ipaddr.js";
import { type JWTPayload } from "jose";
import { type LimitKey } from "../options/limit-options";
import { claimAt } from "../tokens/claims";

/** What a key is read from. */
export interface Keyed {
  /** The client's address. */
  readonly address: string;
  /** Of the request, unless it is read no more. */
  fieldValue(name: string): string | undefined;
}

/** Whose quota a request draws on; those that do not say share one. */
export function keyOf(key: LimitKey, request: Keyed): string {
  if ("address" in key) return networkOf(request.address);
  return "header" in key ? (request.fieldValue(key.header) ?? "") : "";
}

/** The same by what a token says. */
export function claimedKeyOf(key: LimitKey, claims: JWTPayload): string {
  const said = "claim" in key ? claimAt(claims, key.claim) : undefined;
  return said === undefined ? "" : typeof said === "string" ? said : JSON.stringify(said);
}

/** Whoever has an address of IPv6 has 2^64 of them. */
function networkOf(address: string): string {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":");
}
