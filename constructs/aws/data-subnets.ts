import type { INetwork } from "./network";

/**
 * The subnets that a managed data store goes to: one in each zone, without a way to the internet.
 *
 * @param what named in the error
 * @throws Error when the network has none in some zone
 */
export function dataSubnets(network: INetwork, what: string): string[] {
  return network.zones.map(({ name, dataSubnetId }) => {
    if (dataSubnetId === undefined) {
      throw new Error(`${what}: expected a network with a data subnet in zone ${name}, got: none`);
    }
    return dataSubnetId;
  });
}
