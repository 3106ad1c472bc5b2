import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

/** Files by which proxies of different regions know one another. */
export interface PeerFiles {
  readonly peerCertFile: string;
  readonly peerKeyFile: string;
  readonly peerCaFile: string;
}

/**
 * What both ends of a connection between regions agree on. Not TLS 1.3, in which a client hears only after its first
 * request that its certificate was refused: one that may not be sent twice could then go to no other origin.
 */
const AGREED = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ciphers: [
    ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    ...["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"],
  ].join(":"),
} as const satisfies SecureContextOptions;

/** As a context is made of them, read anew. The authorities of the public count for nothing. @throws Error of file system or OpenSSL */
export const peerIdentity = ({ peerCertFile, peerKeyFile, peerCaFile }: PeerFiles): SecureContextOptions => ({
  ...AGREED,
  cert: readFileSync(peerCertFile),
  key: readFileSync(peerKeyFile),
  ca: readFileSync(peerCaFile),
});

/** For connections to other regions' proxies. @throws Error of file system or OpenSSL, where a key is another certificate's too */
export const peerContext = (files: PeerFiles): SecureContext => createSecureContext(peerIdentity(files));
