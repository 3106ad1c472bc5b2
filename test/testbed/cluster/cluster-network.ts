import { run } from "../command";
import { ip, type Network } from "../network";

/** Ranges of the cluster's addresses, as in the region's value: `10.30.0.0/20` and the like. */
export interface ClusterRanges {
  readonly nodes: string;
  readonly pods: string;
  readonly services: string;
}

/** A node's place in the network. */
export interface NodeLink {
  readonly namespace: string;
  readonly address: string;
  /** Of its pods: a /24 of the range. */
  readonly podCidr: string;
  /** Whether the rest of the world can be reached, and reaches it. */
  connect(connected: boolean): Promise<void>;
}

/** Where every machine of Google's finds its metadata and its resolver. */
export const METADATA_ADDRESS = "169.254.169.254";

/**
 * The subnet of a cluster's nodes, on a switch of its own in the rack, whose router leads to it and to the pods of
 * each node. Addresses are those the region names: they are known inside the testbed's namespaces only.
 */
export class ClusterNetwork {
  /** The subnet's router, and where the control plane answers. */
  readonly gateway: string;
  private readonly links: NodeLink[] = [];

  private constructor(
    private readonly network: Network,
    readonly ranges: ClusterRanges,
  ) {
    this.gateway = addressIn(ranges.nodes, 1);
  }

  static async create(network: Network, ranges: ClusterRanges): Promise<ClusterNetwork> {
    const made = new ClusterNetwork(network, ranges);
    const { rack } = network;
    await ip(rack, ["link", "add", BRIDGE, "type", "bridge"]);
    await ip(rack, ["address", "add", `${made.gateway}/${lengthOf(ranges.nodes)}`, "dev", BRIDGE]);
    await ip(rack, ["address", "add", `${METADATA_ADDRESS}/32`, "dev", BRIDGE]);
    await ip(rack, ["link", "set", BRIDGE, "up"]);
    return made;
  }

  /** Puts one more node on the switch; addresses count up from the subnet's 11th. */
  async addNode(name: string): Promise<NodeLink> {
    const { network, ranges, gateway } = this;
    const index = this.links.length;
    const port = `node${index}`;
    const link: NodeLink = {
      namespace: `${network.rack.replace(/rack$/, "")}${name}`,
      address: addressIn(ranges.nodes, 11 + index),
      podCidr: `${addressIn(ranges.pods, (1 + index) * 256)}/24`,
      connect: async (connected) =>
        void (await ip(network.rack, ["link", "set", port, connected ? "up" : "down"])),
    };
    this.links.push(link);
    const { namespace, address } = link;
    await network.addNamespace(namespace);
    await ip(network.rack, ["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
    await ip(network.rack, ["link", "set", port, "master", BRIDGE, "up"]);
    await ip(namespace, ["address", "add", `${address}/${lengthOf(ranges.nodes)}`, "dev", "eth0"]);
    await ip(namespace, ["link", "set", "eth0", "up"]);
    await ip(namespace, ["route", "add", "default", "via", gateway]);
    await run("nsenter", [
      `--net=/run/netns/${namespace}`,
      "sh",
      "-c",
      "echo 1 >/proc/sys/net/ipv4/ip_forward",
    ]);
    await ip(network.rack, ["route", "add", link.podCidr, "via", address]);
    return link;
  }
}

const BRIDGE = "cluster";

const lengthOf = (cidr: string): string => cidr.split("/")[1]!;

/** The n-th address of a range. */
export function addressIn(cidr: string, n: number): string {
  const value =
    cidr
      .split("/")[0]!
      .split(".")
      .reduce((sum, octet) => sum * 256 + Number(octet), 0) + n;
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
