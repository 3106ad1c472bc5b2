import { Construct } from "constructs";
import { Firewall, tcp, udp } from "./firewall";
import type { INetwork } from "./network";
import type { ServerGroup } from "./server-group";

export interface ConsulFirewallProps {
  /** Names the datacenter, for example `us`. */
  readonly name: string;
  /** Network that the groups are in. */
  readonly network: INetwork;
  /** Groups that hold Consul servers. */
  readonly servers: readonly ServerGroup[];
  /** Groups that hold agents; servers need not be named again. */
  readonly agents: readonly ServerGroup[];
  /** Networks of the other datacenters' servers. @default - none: the datacenter stands alone */
  readonly wanNetworks?: readonly string[];
}

/**
 * Opens what Consul needs between machines and nothing else: gossip among all of them, the servers' calls and name
 * look-ups from them, and gossip between datacenters from the networks named.
 * Ports: https://developer.hashicorp.com/consul/docs/reference/architecture/ports
 */
export class ConsulFirewall extends Construct {
  constructor(scope: Construct, id: string, props: ConsulFirewallProps) {
    super(scope, id);
    const { name, network, servers, agents, wanNetworks = [] } = props;
    const members = new Firewall(this, "members", {
      network,
      name: `${name}-consul`,
      description: `Consul agents of ${name}`,
      outbound: false,
    });
    for (const protocol of [tcp, udp]) members.allowWithin(protocol(GOSSIP), "Consul gossip");
    for (const group of new Set([...servers, ...agents])) group.addFirewall(members);

    for (const { firewall } of servers) {
      // Servers are members of the pool between datacenters even where there is no other, and tell one another of it.
      for (const protocol of [tcp, udp]) {
        for (const other of servers) {
          firewall.allowFrom(other.firewall, protocol(WAN_GOSSIP), "Consul gossip between datacenters");
        }
      }
      firewall.allowFrom(members, tcp(SERVER_CALLS), "Consul agents calling servers");
      for (const protocol of [tcp, udp])
        firewall.allowFrom(members, protocol(NAMES), "Look-ups of Consul names");
      for (const network of wanNetworks) {
        firewall.allowFrom(network, tcp(SERVER_CALLS), "Consul servers of other datacenters");
        for (const protocol of [tcp, udp]) {
          firewall.allowFrom(network, protocol(WAN_GOSSIP), "Consul gossip between datacenters");
        }
      }
    }
  }
}

const SERVER_CALLS = 8300;
const GOSSIP = 8301;
const WAN_GOSSIP = 8302;
const NAMES = 8600;
