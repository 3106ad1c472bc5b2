import { OWN_LABELS } from "../../constructs/kubernetes/own-labels";
import type { ClusterApi, KubernetesObject } from "./cluster-api";
import type { ClusterStack, StackObject, StackRelease } from "./stack-objects";

/** A revision of a Helm release that an operation began and never ended. */
export interface StaleRevision {
  readonly release: StackRelease;
  readonly revision: number;
  /** As Helm calls it: `pending-install`, `pending-upgrade`, `pending-rollback` or `uninstalling`. */
  readonly status: string;
  /** When the operation began, in ISO 8601. */
  readonly since: string;
  /** Where Helm keeps it. */
  readonly secret: KubernetesObject;
}

/** What a deploy that was cut short left behind. */
export interface Findings {
  /** On the cluster, ours, and not in Terraform's state. */
  readonly unnoted: readonly StackObject[];
  /** On the cluster under a name that the stack wants, and made by somebody else. */
  readonly foreign: readonly StackObject[];
  /** From the last one back. */
  readonly stale: readonly StaleRevision[];
}

/** @param noted addresses in Terraform's state */
export async function findLeftovers(
  stack: ClusterStack,
  noted: ReadonlySet<string>,
  api: ClusterApi,
): Promise<Findings> {
  const unnoted: StackObject[] = [];
  const foreign: StackObject[] = [];
  for (const object of stack.objects) {
    if (noted.has(object.address)) continue;
    const found = await api.find(object);
    if (found !== undefined) (isOwn(found) ? unnoted : foreign).push(object);
  }
  const stale: StaleRevision[] = [];
  for (const release of stack.releases) stale.push(...(await staleRevisions(release, api)));
  return { unnoted, foreign, stale };
}

const isOwn = ({ metadata: { labels = {} } }: KubernetesObject): boolean =>
  Object.entries(OWN_LABELS).every(([name, value]) => labels[name] === value);

const UNENDED = ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"];

/** Those at the end of the release's history: while one is there Helm begins nothing else. */
async function staleRevisions(release: StackRelease, api: ClusterApi): Promise<StaleRevision[]> {
  const secrets = await api.secrets(release.namespace, `owner=helm,name=${release.name}`);
  const history = secrets
    .map((secret) => {
      const { labels = {}, creationTimestamp } = secret.metadata;
      const [revision, status] = [Number(labels["version"]), labels["status"] ?? ""];
      return { release, revision, status, since: creationTimestamp, secret };
    })
    .sort((a, b) => b.revision - a.revision);
  const ended = history.findIndex(({ status }) => !UNENDED.includes(status));
  return ended < 0 ? history : history.slice(0, ended);
}
