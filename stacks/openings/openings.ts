import type { DedicatedRegion, Region, ServerRole } from "../values/regions";
import { isPeered, type PeeredRegion, reaches } from "../values/services/service-peers";

/** One thing that firewalls and routes between two regions must let through. */
export interface Opening {
  readonly from: Side;
  readonly to: Side;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly why: string;
}

export interface Side {
  readonly region: string;
  /** IPv4 addresses or networks, or host names. */
  readonly addresses: readonly string[];
}

/** Ports: https://developer.hashicorp.com/consul/docs/reference/architecture/ports */
const WAN = [
  { protocol: "tcp", port: 8302, why: "gossip between Consul servers" },
  { protocol: "udp", port: 8302, why: "gossip between Consul servers" },
  { protocol: "tcp", port: 8300, why: "questions that another datacenter's Consul servers answer" },
] as const;

/**
 * What must be open between regions that federate, for each two of which one names the other in `consul.peers`: both
 * ways between their Consul servers, and toward the proxies of a region from each that names it, since no other has names
 * that lead there. A peer that is none of the regions counts with the addresses given for it. Then between proxies of each two
 * regions with `peered`, and from the internet toward fronts.
 */
export function openings(regions: readonly Region[]): Opening[] {
  const between = federated(regions).flatMap(([one, other]) => [
    ...toward(one, other),
    ...toward(other, one),
  ]);
  return [...between, ...betweenProxies(regions), ...fromTheInternet(regions)];
}

const betweenProxies = (regions: readonly Region[]): Opening[] => {
  const peered = regions.filter(isPeered);
  return peered.flatMap((from) =>
    peered
      .filter((to) => reaches(from, to))
      .map((to) => ({
        from: { region: from.name, addresses: proxiesOf(from) },
        to: {
          region: to.name,
          addresses: (to.platform === "dedicated" ? to.peered.hosts : undefined) ?? proxiesOf(to),
        },
        protocol: "tcp" as const,
        port: to.peered.port,
        why: `calls of services, from the proxies of ${from.name} to those of ${to.name}`,
      })),
  );
};

/** Machines and pods come and go in clouds: any address of the region's network may be a proxy's. */
const proxiesOf = (region: PeeredRegion): readonly string[] =>
  region.platform === "dedicated" ? withRole(region, "proxy") : [region.cidr];

const withRole = ({ servers }: DedicatedRegion, role: ServerRole): string[] =>
  servers.filter(({ retired, roles }) => !retired && roles.includes(role)).map(({ address }) => address);

/** What the internet must reach: fronts of regions on dedicated servers, whose firewalls are nobody else's matter. */
const fromTheInternet = (regions: readonly Region[]): Opening[] =>
  regions.flatMap((region) => {
    if (region.platform !== "dedicated") return [];
    const addresses = withRole(region, "front");
    if (addresses.length === 0) return [];
    const { httpsPort, httpPort } = region.front;
    const way = {
      from: { region: "internet", addresses: ["0.0.0.0/0"] },
      to: { region: region.name, addresses },
      protocol: "tcp" as const,
    };
    return [
      { ...way, port: httpsPort, why: "requests of services with public, at the fronts" },
      { ...way, port: httpPort, why: "clients that the fronts send on to HTTPS" },
    ];
  });

/** A region as its firewall is concerned. */
interface Place {
  readonly name: string;
  readonly consulServers: readonly string[];
  /** Regions to whose proxies names lead here. */
  readonly peers: readonly string[];
  /** Where clients of the proxies are. */
  readonly clients: readonly string[];
  /** Nothing where they are not known. */
  readonly proxies: readonly string[];
  readonly proxyPort: number | undefined;
}

function toward(from: Place, to: Place): Opening[] {
  const servers = {
    from: { region: from.name, addresses: from.consulServers },
    to: { region: to.name, addresses: to.consulServers },
  };
  const wan = WAN.map((traffic) => ({ ...servers, ...traffic }));
  if (to.proxyPort === undefined || !from.peers.includes(to.name)) return wan;
  const proxies: Opening = {
    from: { region: from.name, addresses: from.clients },
    to: { region: to.name, addresses: to.proxies },
    protocol: "tcp",
    port: to.proxyPort,
    why: `requests through the proxies of ${to.name}: NAME.ccnproxy-https.${to.name}`,
  };
  return [...wan, proxies];
}

/** Each two that federate once, in the order of the regions. */
function federated(regions: readonly Region[]): [Place, Place][] {
  const places = new Map(regions.map((region) => [region.name, placeOf(region)]));
  const pairs = new Map<string, [Place, Place]>();
  for (const region of regions) {
    for (const [name, addresses] of Object.entries(region.consul.peers)) {
      if (name === region.name) continue;
      const peer = places.get(name) ?? stranger(name, addresses);
      const key = [region.name, name].sort().join(" ");
      if (!pairs.has(key)) pairs.set(key, [places.get(region.name) as Place, peer]);
    }
  }
  return [...pairs.values()];
}

function placeOf(region: Region): Place {
  const { name, cidr } = region;
  const proxyPort = region.proxy.port;
  const peers = Object.keys(region.consul.peers);
  if (region.platform !== "dedicated") {
    // Machines come and go there: any address of the region's network may be a server's.
    return { name, consulServers: [cidr], peers, clients: [cidr], proxies: [cidr], proxyPort };
  }
  return {
    name,
    consulServers: withRole(region, "consul-server"),
    peers,
    clients: [cidr],
    proxies: withRole(region, "proxy"),
    proxyPort,
  };
}

const stranger = (name: string, addresses: readonly string[]): Place => ({
  name,
  consulServers: addresses,
  peers: [],
  clients: [],
  proxies: [],
  proxyPort: undefined,
});
