import type { Construct } from "constructs";
import { peerName, type ProxyPeers } from "../constructs/proxy";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import type { Ec2Region } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { calledByPeers, calledServices } from "./service-needs";

/** Variables that hold the identity of a region's proxies, as `tricloud secrets` makes it. */
export const PEER_VARIABLES = { certificate: "proxy_peer_certificate", key: "proxy_peer_key" } as const;

/**
 * How the region's proxies and those of other regions know one another; undefined where no service calls from one to
 * another through them.
 *
 * @param authority PEM certificate of Consul's, which the proxies' certificates are by, as an expression. Its own names
 *   keep the two apart, and a host of proxies is an agent, whose certificate Consul's servers take anyway.
 */
export function proxyPeers(
  scope: Construct,
  region: Pick<Ec2Region, "name" | "peered">,
  services: readonly ServiceValue[],
  authority: string | undefined,
): ProxyPeers | undefined {
  const callers = [...new Set(calledByPeers(services, region).flatMap(({ from }) => from))];
  const calls = calledServices(services, region).some(({ elsewhere = [] }) =>
    elsewhere.some((other) => typeof other !== "string"),
  );
  if (region.peered === undefined || authority === undefined || (callers.length === 0 && !calls))
    return undefined;
  const pem = (name: string, description: string): string =>
    sensitiveVariable(scope, name.replaceAll("_", "-"), {
      ...{ name, description, expected: "be a PEM text", madeBy: "npx tricloud secrets" },
      condition: `can(regex("^-----BEGIN [A-Z ]+-----", var.${name}))`,
    });
  return {
    certificate: pem(
      PEER_VARIABLES.certificate,
      "Certificate of the region's proxies for other regions', PEM",
    ),
    key: pem(PEER_VARIABLES.key, "Key of that certificate, PEM"),
    authorities: authority,
    listen:
      callers.length === 0 ? undefined : { port: region.peered.port, names: callers.sort().map(peerName) },
  };
}
