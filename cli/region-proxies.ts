import { synthesise } from "./assessment";
import { type AnswerOfProxy, ClusterProxies } from "./cluster-proxies";
import { onHosts, PROXIES, type WantedHosts } from "./region-hosts";

/** How proxies are asked. */
export interface AskedBy {
  /** A bash program, which each host runs as root. */
  readonly onHost: string;
  readonly inPods: (proxies: ClusterProxies) => Promise<AnswerOfProxy[]>;
}

/**
 * Asks all proxies of a region, on dedicated servers or on a cluster.
 *
 * @returns undefined where the app could not be synthesised, which it has said
 * @throws Error where no region is named, or it has no proxies there
 */
export async function askProxies(
  { region, out }: Pick<WantedHosts, "region" | "out">,
  { onHost, inPods }: AskedBy,
): Promise<AnswerOfProxy[] | undefined> {
  if (region === undefined) throw new Error("expected --region NAME");
  if (out === undefined && !synthesise()) return undefined;
  const directory = out ?? "cdktf.out";
  const proxies = await ClusterProxies.of(directory, region);
  if (proxies !== undefined) return inPods(proxies);
  const answers = await onHosts({ region, out: directory, ...PROXIES }, onHost);
  return answers?.map(({ host, answer }) => ({ host: host.name, ...answer }));
}
