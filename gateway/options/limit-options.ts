import { type ClaimPath } from "./issuer-options";

/** By what those are told apart who have a quota each. */
export type LimitKey =
  { readonly address: true } | { readonly header: string } | { readonly claim: ClaimPath };

/** How many requests each may send. */
export interface LimitOptions {
  readonly name: string;
  /** In each window, to all gateways of the region. */
  readonly requests: number;
  /** Seconds. */
  readonly window: number;
  readonly key: LimitKey;
  /** Who are remembered at the same time at most. */
  readonly maxKeys: number;
}
