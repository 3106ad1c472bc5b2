import { Token } from "cdktf";
import { type HostFile, secretContent } from "../host";
import { type PeerListen } from "./proxy-config";

/**
 * How proxies of different regions know one another: each shows a certificate by authorities that all of them trust, with
 * its region's name in it.
 */
export interface ProxyPeers {
  /** PEM certificate, good for clients and servers, as an expression of a sensitive value. */
  readonly certificate: string;
  /** Its PEM key, likewise. */
  readonly key: string;
  /** PEM certificates of the authorities, likewise. */
  readonly authorities: string;
  /** Where others call, and the names in their certificates. @default - nobody does: these proxies call, no more */
  readonly listen?: PeerListen | undefined;
}

/** The name in the certificates of a region's proxies, as Consul would call them. */
export const peerName = (region: string): string => `proxy.${region}.consul`;

/** The name by which regions that federate find a region's healthy proxies, as Consul calls them unless told otherwise. */
export const proxyNameIn = (region: string): string => `proxy.service.${region}.consul`;

/** @throws Error when one of the texts would stand in what is synthesised. @param owner what the message calls the proxies */
export function refuseLiteralPeers(owner: string, peers: ProxyPeers | undefined): void {
  if (peers === undefined) return;
  const literal = (["certificate", "key", "authorities"] as const).find(
    (name) => !Token.isUnresolved(peers[name]),
  );
  if (literal !== undefined)
    throw new Error(`${owner}: peers.${literal} must be a Terraform expression, got: a literal`);
}

/** Certificate, key and authorities as a host has them, and the proxy's flag for each. */
export const peerFiles = ({
  certificate,
  key,
  authorities,
}: ProxyPeers): readonly { readonly file: HostFile; readonly flag: string }[] =>
  [
    { name: "certificate", value: certificate, flag: "--peer-cert-file" },
    { name: "key", value: key, flag: "--peer-key-file" },
    { name: "authorities", value: authorities, flag: "--peer-ca-file" },
  ].map(({ name, value, flag }) => ({
    file: {
      path: `/etc/tricloud/proxy-peers/${name}.pem`,
      content: secretContent(`proxy-peer-${name}`, value),
      mode: "0400",
    },
    flag,
  }));
