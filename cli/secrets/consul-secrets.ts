import { randomBytes, randomUUID, X509Certificate } from "node:crypto";
import { type Identity, issueServer, makeAuthority } from "../../certificates/x509";
import { peerName } from "../../constructs/proxy/proxy-peers";
import { PEER_VARIABLES } from "../../stacks/proxy-peers";

const DAY_MS = 86_400_000;

/** How long the private authority's certificate is good for. */
export const AUTHORITY_DAYS = 3650;
/** How long servers' certificates are good for: longer than anybody waits for the next deploy. */
export const CERTIFICATE_DAYS = 730;

/** Values of variables by name, as `constructs/dns/consul-secrets.ts` and `stacks/proxy-peers.ts` declare them. */
export type Variables = Readonly<Record<string, string>>;

export const newGossip = (): Variables => ({ consul_gossip_key: randomBytes(32).toString("base64") });

export const newTokens = (): Variables => ({
  consul_management_token: randomUUID(),
  consul_agent_token: randomUUID(),
  consul_dns_token: randomUUID(),
});

export function newAuthority(now = new Date()): Identity {
  return makeAuthority({
    // Two of one name could not be told apart while one takes the other's place.
    name: `Consul authority ${now.toISOString().slice(0, 10)} ${randomBytes(4).toString("hex")}`,
    from: anHourBefore(now),
    until: daysAfter(now, AUTHORITY_DAYS),
  });
}

/** What a certificate is made for. */
export interface Datacenter {
  readonly name: string;
  readonly platform: string;
}

/** The identity of a datacenter's servers: one for all of them. */
export function newCertificate(
  authority: Identity,
  { name, platform }: Datacenter,
  now = new Date(),
): Variables {
  const { certificate, key } = newIdentity(
    authority,
    [
      `server.${name}.consul`,
      "localhost",
      // What the chart's own programs call the servers.
      ...(platform === "gke" ? ["consul-server", "consul-server.consul.svc"] : []),
    ],
    now,
  );
  return { consul_server_certificate: certificate, consul_server_key: key };
}

/** What other regions know a region's proxies by: one for all of them, by the name of no server. */
export function newProxyCertificate(
  authority: Identity,
  { name }: Pick<Datacenter, "name">,
  now = new Date(),
): Variables {
  const { certificate, key } = newIdentity(authority, [peerName(name)], now);
  return { [PEER_VARIABLES.certificate]: certificate, [PEER_VARIABLES.key]: key };
}

/** It ends before the authority does. @param names the first of which is the subject's */
const newIdentity = (
  authority: Identity,
  names: readonly [subject: string, ...others: string[]],
  now: Date,
): Identity => {
  const until = Math.min(
    daysAfter(now, CERTIFICATE_DAYS).getTime(),
    Date.parse(new X509Certificate(authority.certificate).validTo),
  );
  return issueServer(authority, {
    ...{ name: names[0], dnsNames: names, from: anHourBefore(now) },
    until: new Date(until),
  });
};

/** Machines' clocks differ. */
const anHourBefore = (date: Date): Date => new Date(date.getTime() - 3_600_000);
const daysAfter = (date: Date, days: number): Date => new Date(date.getTime() + days * DAY_MS);

/** The certificates of a bundle, the first one first. */
export const certificatesIn = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
