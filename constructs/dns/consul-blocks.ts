import { atLeast, type Block, component, series } from "../availability";

/** Works while a majority of the servers does. */
export function quorumOf(servers: readonly Block[]): Block {
  return atLeast(Math.floor(servers.length / 2) + 1, ...servers);
}

/**
 * Works while the servers have a leader: a quorum, less the seconds an election takes.
 *
 * @param datacenter whose leader it is
 */
export function leaderOf(datacenter: string, quorum: Block): Block {
  const election = component(
    `consul/${datacenter}/election`,
    { mtbfHours: 168, mttrHours: 3 / 3600 },
    {
      label: `Consul elections in ${datacenter}`,
      kind: "assumed",
      plane: "control",
      source:
        "one leader lost a week by a restart or a failure (assumed), 3 s without one each time (measured, docs/dns.md)",
    },
  );
  return series(quorum, election);
}
