import { Cidr } from "../grammar/cidr";

/** The three tiers of a zone: load balancers and NAT, machines, managed data stores. */
export interface ZoneNetworks {
  readonly public: string;
  readonly private: string;
  readonly data: string;
}

/** A sixteenth of the network each: twelve are used, four are left for what comes later. */
const SUBNET_BITS = 4;
export const MOST_ZONES = 4;

/**
 * Networks of a VPC's subnets, a tier after the other, so that a zone more does not move what is there.
 *
 * @param cidr IPv4 network of /16 to /24, without host bits
 * @param zones how many, 1 to 4
 * @throws RangeError when the network is not one, or the zones are too many
 */
export function subnetPlan(cidr: string, zones: number): ZoneNetworks[] {
  const network = Cidr.parse(cidr);
  if (network === undefined || network.prefixLength < 16 || network.prefixLength > 24) {
    throw new RangeError(
      `cidr must be an IPv4 network of /16 to /24 without host bits, got: ${JSON.stringify(cidr)}`,
    );
  }
  if (!Number.isInteger(zones) || zones < 1 || zones > MOST_ZONES) {
    throw new RangeError(`a network spreads over 1 to ${MOST_ZONES} zones, got: ${zones}`);
  }
  const nth = (n: number) => network.subnet(network.prefixLength + SUBNET_BITS, n).toString();
  return Array.from({ length: zones }, (_, zone) => ({
    public: nth(zone),
    private: nth(MOST_ZONES + zone),
    data: nth(2 * MOST_ZONES + zone),
  }));
}
