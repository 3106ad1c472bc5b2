/** A certificate that the fronts order themselves, and renew in time. */
export interface AcmeCertificate {
  /** URL of the authority's ACME directory (RFC 8555). @default - Let's Encrypt's */
  readonly directory?: string;
  /** PEM certificate that the directory's own is checked against. @default - the public authorities */
  readonly caCertificate?: string;
  /** Whom the authority writes to. */
  readonly email: string;
  /** How the fronts show, by a TXT record, that the names are theirs. */
  readonly dns: AcmeDns;
}

export type AcmeDns = { readonly route53: Route53Access } | { readonly rfc2136: DynamicUpdates };

/** A key of AWS that may change records `_acme-challenge.*` of the zone: expressions, never literals. */
export interface Route53Access {
  readonly keyId: string;
  readonly secretKey: string;
}

/** A name server that takes updates (RFC 2136) signed by a key (TSIG). */
export interface DynamicUpdates {
  /** `HOST` or `HOST:PORT` of the zone's first server. */
  readonly server: string;
  readonly keyName: string;
  /** @default "hmac-sha256" */
  readonly algorithm?: TsigAlgorithm;
  /** Base64 of the key: an expression of a sensitive value, never a literal. */
  readonly secret: string;
}

export const TSIG_ALGORITHMS = ["hmac-sha256", "hmac-sha512", "hmac-sha1"] as const;
export type TsigAlgorithm = (typeof TSIG_ALGORITHMS)[number];

export const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

/**
 * Fronts of one set of names that may order from Let's Encrypt: it gives five certificates a week for the same names,
 * and a front that is set up anew takes one more. https://letsencrypt.org/docs/rate-limits/
 */
export const MOST_FRONTS_OF_LETS_ENCRYPT = 4;

/** Names that Let's Encrypt puts into one certificate. */
export const MOST_NAMES = 100;

/** @throws Error when there are more fronts, or names, than the authority gives certificates for */
export function refuseTooMuch(path: string, acme: AcmeCertificate, fronts: number, names: number): void {
  const { directory = LETS_ENCRYPT } = acme;
  if (names > MOST_NAMES) {
    throw new Error(
      `front ${path}: expected at most ${MOST_NAMES} host names in one certificate, got: ${names}`,
    );
  }
  if (directory === LETS_ENCRYPT && fronts > MOST_FRONTS_OF_LETS_ENCRYPT) {
    throw new Error(
      `front ${path}: expected at most ${MOST_FRONTS_OF_LETS_ENCRYPT} fronts, each with a certificate of its own for the same names, got: ${fronts}`,
    );
  }
}
