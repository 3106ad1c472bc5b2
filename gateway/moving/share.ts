import { type Identity } from "../options/gateway-options";

/** What an identity is read from. */
export interface Identified {
  /** The client's address. */
  readonly address: string;
  fieldValue(name: string): string | undefined;
}

/** Who asks; undefined where the request does not say. */
export function userOf(identity: Identity, request: Identified): string | undefined {
  if ("address" in identity) return request.address;
  if ("header" in identity) return request.fieldValue(identity.header);
  const cookies = request.fieldValue("cookie")?.split(";") ?? [];
  const prefix = `${identity.cookie}=`;
  return cookies
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(prefix))
    ?.slice(prefix.length);
}

/**
 * Where a user stands between 0 and 1, for good. Who stands below a share belongs to it, so that a share which grows
 * keeps those it has. Each route has an order of its own, or the same few would try everything that is new.
 */
export function standing(route: string, user: string): number {
  let hash = 0x811c9dc5;
  const text = `${route}\n${user}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV-1a leaves texts that differ in their last character close together: mixed as MurmurHash3 ends.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
