import { type App } from "cdktf";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { shownGateway } from "../../stacks/values/gateways/gateway-entrances";
import { type GkeRegion, validateRegions } from "../../stacks/values/regions";
import { removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";
import { type Manifest, manifestsOf, wholeManifestsOf } from "../constructs/kubernetes/manifests";
import { describeOnCluster } from "../e2e/on-cluster";
import { gatewayIn, validatedGateways } from "../stacks/gateway-values";
import { servicesOf, validated } from "../stacks/service-values";
import { Testbed, until } from "../testbed";
import { UK_CLUSTER } from "../testbed/uk-region";

const [ZONE_OF_SIX, ZONE_OF_MANY, ZONE_OF_ONE] = UK_CLUSTER.zones as [string, string, string];
const NODES = { [ZONE_OF_SIX]: 6, [ZONE_OF_MANY]: 23, [ZONE_OF_ONE]: 1 };

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly message?: string }[];
  };
}

/** What uk runs with two services and a gateway, as its stack makes it; namespaces first. */
function workloads(): Manifest[] {
  const regions = validateRegions([{ file: "uk.ts", value: uk }]);
  const service = servicesOf("uk");
  const placing = { uk: { instances: 3, atMost: 6 } };
  const routes = { search: { path: "/search" } };
  const inputs = [service("shop", 8085, { in: placing }), service("search", 8081, { in: placing, routes })];
  const gateway = gatewayIn("uk", { hosts: ["api.uk.example.com"], monolith: "shop", in: placing });
  const [services, gateways] = [validated(inputs, regions), validatedGateways([gateway], inputs, regions)];
  const stack = synthesiseApp("uk-workloads", (app: App) => {
    const shown = [...services, ...gateways.map(shownGateway)];
    const cluster = new UkStack(app, regions[0] as GkeRegion, shown);
    return new UkWorkloadsStack(app, cluster, services, gateways);
  });
  // The rest of those that the stack says whole are of Google's kinds, and no pods.
  const deployments = wholeManifestsOf(stack).filter(({ kind }) => kind === "Deployment");
  const isNamespace = ({ kind }: Manifest) => Number(kind === "Namespace");
  return [...manifestsOf(stack), ...deployments].sort((a, b) => isNamespace(b) - isNamespace(a));
}

describeOnCluster("uk-workloads on thirty nodes that run nothing", () => {
  let testbed: Testbed;
  const made = workloads();
  /** Deployments of as many pods as are wanted. */
  const scaled = made
    .filter(({ kind }) => kind === "HorizontalPodAutoscaler")
    .map(({ metadata }) => metadata as { name: string; namespace: string });

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: [], cluster: { ...UK_CLUSTER, idleNodes: NODES } });
    await testbed.cluster.apply(...made);
  }, 900_000);
  afterAll(async () => {
    removeSynthesised();
    await testbed?.stop();
  }, 60_000);

  /** Zones of the pods that stay, by Deployment: the reason where there is none. */
  const zones = async (): Promise<Record<string, string[]>> => {
    const { items: nodes } = await testbed.cluster.get<{ items: Pod[] }>("nodes");
    const zoneOf = (name: string) =>
      nodes.find(({ metadata }) => metadata.name === name)!.metadata.labels["topology.kubernetes.io/zone"]!;
    const { items } = await testbed.cluster.get<{ items: Pod[] }>("pods", "--all-namespaces");
    const zonesOf = (name: string) =>
      items
        .filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === "ReplicaSet")
        .filter(({ metadata }) => metadata.labels["app.kubernetes.io/name"] === name)
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ spec, status }) =>
          spec.nodeName === undefined
            ? `pending: ${status.conditions?.map(({ message }) => message).join()}`
            : zoneOf(spec.nodeName),
        );
    return Object.fromEntries(scaled.map(({ name }) => [name, zonesOf(name).sort()]));
  };

  /** Waits until all workloads' pods are where they are wanted; what there is in the end when that does not come. */
  const placed = async (areWanted: (own: readonly string[]) => boolean, timeoutMs: number) => {
    let found: Record<string, string[]> = {};
    await until("pods are where they are wanted", timeoutMs, async () => {
      found = await zones();
      return Object.values(found).every(areWanted) || undefined;
    }).catch(() => undefined);
    return found;
  };
  const are = (wanted: readonly string[]) => (own: readonly string[]) => own.join() === wanted.join();
  const each = (wanted: readonly string[]) =>
    Object.fromEntries(scaled.map(({ name }) => [name, [...wanted]]));

  it("has the pods of each workload in all zones", async () => {
    expect(scaled.map(({ name }) => name).sort()).toEqual(["api", "proxy", "search", "shop"]);
    const all = [...UK_CLUSTER.zones].sort();
    expect(await placed(are(all), 120_000)).toEqual(each(all));
  }, 150_000);

  it("leaves none pending when the only node of a zone is drained", async () => {
    const only = `node-${ZONE_OF_ONE.slice(-1)}-1`;
    await testbed.cluster.kubectl(
      "drain",
      only,
      "--ignore-daemonsets",
      "--delete-emptydir-data",
      "--timeout=120s",
    );
    // THEN three of each run in the other zones: two in one of them, whichever it is
    const elsewhere = (own: readonly string[]) =>
      own.length === 3 && own.every((zone) => [ZONE_OF_SIX, ZONE_OF_MANY].includes(zone));
    const found = await placed(elsewhere, 60_000);
    await testbed.cluster.kubectl("uncordon", only);
    expect(Object.entries(found).filter(([, own]) => !elsewhere(own))).toEqual([]);
  }, 240_000);

  it("places six pods of each in the zones that are left when one is lost, also on a zone's only node", async () => {
    const { cluster } = testbed;
    // WHEN all nodes of a zone say nothing any more, and six pods are wanted of each workload
    await cluster.loseIdleNodes(ZONE_OF_SIX);
    await until("the zone's nodes are found lost", 180_000, async () => {
      const ready = await Promise.all(
        [1, 2, 3, 4, 5, 6].map((n) => cluster.isReady(`node-${ZONE_OF_SIX.slice(-1)}-${n}`)),
      );
      return ready.every((is) => !is) || undefined;
    });
    for (const { name, namespace } of scaled)
      await cluster.kubectl("-n", namespace, "scale", `deployment/${name}`, "--replicas=6");
    // THEN those that were in it are replaced too, and the two zones have three each
    const left = [ZONE_OF_MANY, ZONE_OF_ONE].sort().flatMap((zone) => [zone, zone, zone]);
    expect(await placed(are(left), 240_000)).toEqual(each(left));
  }, 480_000);
});
