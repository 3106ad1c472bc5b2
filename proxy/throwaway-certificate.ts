import { issueServer, makeAuthority } from "../certificates/x509";

/** A server's private key and certificate, and the authority that signed it, all PEM. */
export interface ThrowawayCertificate {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const HOUR_MS = 3_600_000;

/** A certificate for 127.0.0.1, made on the spot and valid for an hour. */
export function throwawayCertificate(): ThrowawayCertificate {
  const now = Date.now();
  const validity = { from: new Date(now - HOUR_MS), until: new Date(now + HOUR_MS) };
  const authority = makeAuthority({ ...validity, name: "throwaway authority" });
  const { certificate, key } = issueServer(authority, { ...validity, name: "127.0.0.1", dnsNames: [] });
  return { key, cert: certificate, ca: authority.certificate };
}
