import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../command";
import { type Ledger } from "../ledger";
import { type Network, startProcess } from "../network";
import { exclusively } from "../exclusive";
import { debianMirror } from "../debian-root";
import { ClusterNetwork, type ClusterRanges, METADATA_ADDRESS } from "./cluster-network";
import { ClusterNode } from "./cluster-node";
import { ControlPlane } from "./control-plane";
import { ClusterAuthority } from "./credentials";
import { helmProgram } from "./helm-program";
import { ALIVE, idleNodes, speakForIdleNodes } from "./idle-nodes";
import { kubernetesProgram, obstacleToBuild } from "./kubernetes-program";
import { nodeImages } from "./node-images";
import { nodePackages } from "./node-packages";
import { programFile } from "./program-file";
import { NODE_DNS_ADDRESS, type KubernetesObject, systemObjects } from "./system-objects";

export interface ClusterProps {
  /** Google Cloud's project, which the machines' internal names hold. */
  readonly project: string;
  /** A node in each, which runs pods. */
  readonly zones: readonly string[];
  /**
   * Nodes in each zone that run nothing, in place of those that run pods: as many as a test of scheduling wants. Their
   * pods are said to run.
   * @default - none
   */
  readonly idleNodes?: Readonly<Record<string, number>>;
  readonly ranges: ClusterRanges;
  /** IPv4 addresses by name that Google's resolver knows besides its own and the nodes'. @default {} */
  readonly records?: Readonly<Record<string, readonly string[]>>;
}

/** What clusters are made of and keep between runs. */
export interface ClusterParts {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly helm: string;
  readonly images: string;
  /** Directories of a node's root file system, upper first. */
  readonly lower: string;
}

/** A real Kubernetes: control plane in the rack, and one node in each zone that runs pods. */
export class Cluster {
  private constructor(
    private readonly ledger: Ledger,
    private readonly controlPlane: ControlPlane,
    readonly network: ClusterNetwork,
    readonly nodes: readonly ClusterNode[],
    private readonly recordsFile: string,
    private records: Readonly<Record<string, readonly string[]>>,
    /** Path of Helm. */
    readonly helmProgram: string,
  ) {}

  /** Why no cluster can be made here; undefined when one can. */
  static obstacle(): string | undefined {
    return obstacleToBuild();
  }

  /**
   * Builds and fetches what all clusters share.
   *
   * @param cache directory that also holds what virtual hosts share
   * @param root the Debian root
   * @param consul directory of an unpacked Consul
   */
  static async prepare(
    cache: string,
    root: string,
    consul: string,
    onStep: (step: string) => void,
  ): Promise<ClusterParts> {
    const directory = join(cache, "cluster");
    mkdirSync(directory, { recursive: true });
    return exclusively(join(directory, "lock"), async () => {
      const kubernetes = await kubernetesProgram(directory, onStep);
      onStep("containerd, etcd and images for the cluster (made once, then kept)");
      const from = { mirror: await debianMirror(), root };
      const packages = await nodePackages(directory, from);
      const lower = `${packages}:${root}`;
      const images = await nodeImages(directory, consul, from, lower);
      const helm = await helmProgram(directory);
      return { kubernetes, helm, etcd: join(packages, "usr/bin/etcd"), images, lower };
    });
  }

  /** Returns when all nodes are ready and the cluster's DNS answers. */
  static async start(
    ledger: Ledger,
    rack: Network,
    parts: ClusterParts,
    props: ClusterProps,
  ): Promise<Cluster> {
    const { zones, ranges, project } = props;
    const network = await ClusterNetwork.create(rack, ranges);
    const authority = await ClusterAuthority.create(join(ledger.directory, "cluster-certificates"));
    const controlPlane = await ControlPlane.start({
      ledger,
      network,
      authority,
      namespace: rack.rack,
      address: rack.gateway,
      programs: parts,
    });
    const nodes: ClusterNode[] = [];
    for (const zone of props.idleNodes === undefined ? zones : []) {
      const name = `node-${zone.slice(-1)}`;
      nodes.push(
        await ClusterNode.create({
          ledger,
          name,
          zone,
          link: await network.addNode(name),
          authority,
          server: controlPlane.server,
          dnsAddress: NODE_DNS_ADDRESS,
          podRange: ranges.pods,
          project,
          lower: parts.lower,
          kubernetes: parts.kubernetes,
          images: parts.images,
        }),
      );
    }
    const recordsFile = join(ledger.directory, "google-resolver.json");
    const own = nodes.map(({ name, zone, address }) => [`${name}.${zone}.c.${project}.internal`, [address]]);
    const records = {
      "metadata.google.internal": [METADATA_ADDRESS],
      ...Object.fromEntries(own),
      ...props.records,
    };
    const cluster = new Cluster(ledger, controlPlane, network, nodes, recordsFile, records, parts.helm);
    if (props.idleNodes !== undefined) await cluster.addIdleNodes(props.idleNodes);
    else {
      await cluster.startResolver(rack.rack);
      await cluster.enforcePolicies();
      await Promise.all(nodes.map((node) => node.start()));
    }
    await cluster.apply(...systemObjects(network, zones, controlPlane.port));
    await Promise.all(nodes.map((node) => cluster.untilReady(node)));
    for (const dns of ["deployment/kube-dns", "daemonset/node-local-dns"])
      await cluster.rollout("kube-system", dns);
    return cluster;
  }

  /** Path of a kubeconfig for this machine: everything is allowed. */
  get kubeconfig(): string {
    return this.controlPlane.kubeconfig;
  }

  /** Host and port at which this machine reaches the API. */
  get apiAddress(): string {
    return this.controlPlane.apiAddress;
  }

  /** Path of the certificate of the authority behind the API's own. */
  get authority(): string {
    return this.controlPlane.authority;
  }

  /** A token with which everything is allowed, for two days. */
  async token(): Promise<string> {
    const [namespace, name] = ["kube-system", "deployer"];
    const metadata = { name, namespace };
    await this.apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ kind: "ServiceAccount", ...metadata }],
      },
    );
    return (await this.kubectl("-n", namespace, "create", "token", name, "--duration=48h")).trim();
  }

  /** How kubectl is run for this cluster: the program and what comes before a command. */
  get kubectlCommand(): readonly [string, ...string[]] {
    return this.controlPlane.kubectlCommand;
  }

  /** The node of a zone. */
  node(zone: string): ClusterNode {
    const found = this.nodes.find((node) => node.zone === zone);
    if (found === undefined)
      throw new Error(`no node in ${zone}; there are ${this.nodes.map((each) => each.zone)}`);
    return found;
  }

  /** Runs kubectl, which must succeed; returns what it prints. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Runs kubectl and returns what it said, whatever its exit code. */
  attempt(...args: readonly string[]): ReturnType<ControlPlane["kubectl"]> {
    return this.controlPlane.kubectl(args);
  }

  /** Makes objects be as given; fields that are not given stay as they are. */
  apply(...objects: readonly KubernetesObject[]): Promise<void> {
    return this.applyAs("testbed", ...objects);
  }

  /** The same under another owner of fields: what an owner no longer gives is taken away. */
  async applyAs(owner: string, ...objects: readonly KubernetesObject[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    const args = ["apply", "--server-side", "--force-conflicts", `--field-manager=${owner}`, "-f", "-"];
    const { code, stderr } = await this.controlPlane.kubectl(args, JSON.stringify(list));
    if (code !== 0) throw new Error(`kubectl apply: exit code ${code}\n${stderr}`);
  }

  /** @throws Error as the API server does when there is an object of that name already */
  async refuseExisting(object: KubernetesObject): Promise<void> {
    const { code, stderr } = await this.controlPlane.kubectl(
      ["create", "--dry-run=server", "-f", "-"],
      JSON.stringify(object),
    );
    if (code !== 0) throw new Error(stderr.trim());
  }

  /** An object, or a list of them. */
  async get<T = Record<string, unknown>>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl("get", "-o", "json", ...args)) as T;
  }

  /** Waits until a workload's pods are those it says and ready. */
  async rollout(namespace: string, workload: string, timeoutSeconds = 180): Promise<void> {
    await this.kubectl("-n", namespace, "rollout", "status", workload, `--timeout=${timeoutSeconds}s`);
  }

  /** Waits until the node is ready, after it was started. */
  async untilReady(node: ClusterNode, timeoutMs = 120_000): Promise<void> {
    await until(
      `node ${node.name} is ready`,
      timeoutMs,
      async () => (await this.isReady(node.name)) || undefined,
      300,
    );
  }

  async isReady(node: string): Promise<boolean> {
    const status = `jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
    return (await this.attempt("get", "node", node, "-o", status)).stdout === "True";
  }

  /** Adds names that Google's resolver answers. */
  setRecords(records: Readonly<Record<string, readonly string[]>>): void {
    this.records = { ...this.records, ...records };
    writeFileSync(this.recordsFile, JSON.stringify(this.records));
  }

  /** Has all nodes of a zone that run nothing say nothing either: the zone is lost. */
  async loseIdleNodes(zone: string): Promise<void> {
    await this.kubectl("label", "nodes", "-l", `topology.kubernetes.io/zone=${zone}`, `${ALIVE}-`);
  }

  private async addIdleNodes(byZone: Readonly<Record<string, number>>): Promise<void> {
    await this.apply(...idleNodes(byZone));
    await speakForIdleNodes(this.ledger, this.kubeconfig);
  }

  private async enforcePolicies(): Promise<void> {
    const { ranges } = this.network;
    await startProcess(this.ledger, join(this.ledger.directory, "policy-agent.log"), process.execPath, [
      ...[programFile("policy-agent.cjs"), this.kubeconfig, `${ranges.nodes},${ranges.pods}`],
      ...this.nodes.map(({ policies }) => policies),
    ]);
  }

  private async startResolver(namespace: string): Promise<void> {
    writeFileSync(this.recordsFile, JSON.stringify(this.records));
    const log = join(this.ledger.directory, "google-resolver.log");
    const program = programFile("google-resolver.cjs");
    await startProcess(this.ledger, log, "nsenter", [
      ...[`--net=/run/netns/${namespace}`, process.execPath, program, METADATA_ADDRESS, this.recordsFile],
    ]);
  }
}
