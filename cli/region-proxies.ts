import { type AnswerOfProxy, ClusterProxies } from "./cluster-proxies";
import { GroupProxies } from "./machines/group-proxies";
import { onHosts, PROXIES, synthesisedRegion } from "./region-hosts";

/** How proxies are asked. */
export interface AskedBy {
  /** A bash program, which each host runs as root. */
  readonly onHost: string;
  readonly onMachines: (proxies: GroupProxies) => Promise<AnswerOfProxy[]>;
  readonly inPods: (proxies: ClusterProxies) => Promise<AnswerOfProxy[]>;
}

/**
 * Asks all proxies of a region, on dedicated servers, on EC2 or on a cluster.
 *
 * @returns undefined where the app could not be synthesised, which it has said
 * @throws Error where no region is named, or it has no proxies there
 */
export async function askProxies(
  { region, out }: { readonly region?: string | undefined; readonly out?: string | undefined },
  { onHost, onMachines, inPods }: AskedBy,
): Promise<AnswerOfProxy[] | undefined> {
  const synthesised = synthesisedRegion(region, out);
  if (synthesised === undefined) return undefined;
  const proxies = await ClusterProxies.of(synthesised.out, synthesised.region);
  if (proxies !== undefined) return inPods(proxies);
  const machines = GroupProxies.of(synthesised.out, synthesised.region);
  if (machines !== undefined) return onMachines(machines);
  const answers = await onHosts({ ...synthesised, ...PROXIES }, onHost);
  return answers.map(({ host, answer }) => ({ host: host.name, ...answer }));
}
