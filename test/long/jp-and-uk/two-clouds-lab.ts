import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type AvailabilityRun } from "../../../constructs/availability";
import uk from "../../../regions/uk";
import { type DedicatedRegionInput, type GkeRegionInput } from "../../../stacks/values/regions";
import { type ServiceInput } from "../../../stacks/values/services";
import { Deployment, ImageRegistry, jpRegion, ORIGIN, run, Testbed, until } from "../../testbed";
import { madeImage } from "../../testbed/cluster/made-image";
import { programFile } from "../../testbed/cluster/program-file";
import { Recorder } from "../../testbed/cluster/recorder";
import { WorkloadsDeployment } from "../../testbed/cluster/workloads-deployment";
import { ip, startProcess, untilListening } from "../../testbed/network";
import { UK_CLUSTER, UK_ORIGIN, ukRegion } from "../../testbed/uk-region";

/** jp-3 has the shop, which calls search; jp-3 and jp-4 have search, and so has the cluster. */
const ROLES: Readonly<Record<string, DedicatedRegionInput["servers"][number]["roles"]>> = {
  "jp-1": ["consul-server", "proxy"],
  "jp-2": ["consul-server", "proxy"],
  "jp-3": ["consul-server", "app"],
  "jp-4": ["app"],
};
/** The name that leads to the cluster's search alone, and where it leads. */
const ENTRANCE = uk.entrance!.hosts[0]!;
export const FAR_ENTRANCE = "203.0.113.11";
const PORT = 8081;
const HEALTH = "/healthz";
/** Within which search is expected to answer. */
export const ANSWER_SECONDS = 2;
/** On JP's two hosts for applications, and on the cluster. */
export const IN_JP: ServiceInput["in"] = { jp: { instances: 2 } };
export const IN_UK: ServiceInput["in"] = { uk: {} };
export const SEARCH_UNIT = "tricloud-service-search.service";

/** One call of the shop's, in milliseconds of the clock. */
export interface Call {
  readonly began: number;
  readonly ended: number;
  readonly status: number;
  readonly said: string;
}

/** JP on virtual hosts and UK's workloads on a cluster, with a shop in JP that calls search by its one URL. */
export class TwoCloudsLab {
  private loadBalanced = false;

  private constructor(
    readonly testbed: Testbed,
    readonly workloads: WorkloadsDeployment,
    private readonly hosts: HostsDeployment,
    /** Of search on the cluster, by digest. */
    private readonly image: string,
    /** Of what search on the cluster is posted. */
    readonly recorder: Recorder,
  ) {}

  /** @param places where search runs at first */
  static async boot(places: ServiceInput["in"]): Promise<TwoCloudsLab> {
    const testbed = await Testbed.boot({
      hosts: Object.keys(ROLES),
      containers: true,
      far: { names: [ORIGIN, UK_ORIGIN, ENTRANCE] },
      cluster: UK_CLUSTER,
    });
    try {
      const workloads = await WorkloadsDeployment.create(testbed);
      const directory = join(testbed.directory, "images");
      mkdirSync(directory);
      const image = await madeImage(testbed.cluster, {
        ...{ name: "search", directory, command: ["node", "/srv/web.cjs"] },
        // Said with each answer, as services of hosts say theirs.
        files: { "srv/web.cjs": readFileSync(programFile("web.cjs"), "utf8"), "srv/version": "version uk" },
      });
      const recorder = await Recorder.start(testbed, directory);
      const hosts = await HostsDeployment.create(testbed);
      await ip(testbed.far.namespace, ["address", "add", `${FAR_ENTRANCE}/24`, "dev", "wan"]);
      const lab = new TwoCloudsLab(testbed, workloads, hosts, image, recorder);
      await lab.deployToCluster(places);
      await lab.deployToHosts(places);
      return lab;
    } catch (error) {
      // A failure to clean up must not hide why it came to that.
      await testbed.stop().catch((also: Error) => console.error(also.message));
      throw error;
    }
  }

  /** What JP's deployment says that both promise. */
  get availability(): AvailabilityRun {
    const assessed = join(this.hosts.deployment.directory, "cdktf.out/availability.json");
    return JSON.parse(readFileSync(assessed, "utf8")) as AvailabilityRun;
  }

  /** Deploys UK's workloads, with search on the cluster where it is to run there. */
  async deployToCluster(places: ServiceInput["in"]): Promise<void> {
    const runsThere = places["uk"] !== undefined;
    const env = { RECORDER: this.recorder.address };
    if (runsThere) this.workloads.write({ ...searchIs(this.image, IN_UK), env });
    else this.workloads.remove("search");
    await this.workloads.deploy();
    if (runsThere && !this.loadBalanced) await this.startLoadBalancer();
  }

  /** Deploys JP: the shop, search where it is to run there, and the ways to where else it runs. */
  deployToHosts(places: ServiceInput["in"]): Promise<void> {
    return this.hosts.deploy(places);
  }

  /** What a program of the shop's is answered under a URL; the status alone, 000 for none. */
  async status(url: string): Promise<string> {
    const { stdout } = await this.testbed
      .host("jp-3")
      .attempt(`curl -s -m 20 -o /dev/null -w '%{http_code}' ${url}`);
    return stdout;
  }

  /** Calls search as the shop does, until it is told to end. */
  async call(): Promise<{ end: () => Promise<readonly Call[]> }> {
    const { namespace } = this.testbed.host("jp-3");
    const program = [process.execPath, resolve("test/long/jp-and-uk/caller.cjs"), SEARCH_URL];
    const child = spawn("nsenter", [`--net=/run/netns/${namespace}`, ...program]);
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (said += part));
    await until("calls go out", 30_000, () => Promise.resolve(said.includes("calling") || undefined));
    return {
      end: async () => {
        const ended = new Promise<number | null>((closed) => (child as ChildProcess).once("close", closed));
        child.stdin.end();
        const code = await ended;
        if (code !== 0) throw new Error(`the caller ended with ${code}:\n${said}`);
        return JSON.parse(said.split("\n").find((line) => line.startsWith("["))!) as Call[];
      },
    };
  }

  async stop(): Promise<void> {
    this.workloads.close();
    await this.testbed.stop();
  }

  /** What stands in for the entrance's load balancer, at the far site. */
  private async startLoadBalancer(): Promise<void> {
    const { cluster, ledger, far, directory } = this.testbed;
    // What the region's entrance allows, where there is one.
    await cluster.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "from-load-balancer", namespace: "app" },
      spec: {
        podSelector: { matchLabels: { "app.kubernetes.io/name": "search" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ ipBlock: { cidr: `${FAR_ENTRANCE}/32` } }] }],
      },
    });
    const certificates = join(directory, "certificates");
    await startProcess(ledger, join(directory, "load-balancer.log"), "nsenter", [
      ...[`--net=/run/netns/${far.namespace}`, process.execPath, programFile("load-balancer.cjs")],
      ...[FAR_ENTRANCE, join(certificates, "server.pem"), join(certificates, "server.key")],
      ...[cluster.kubeconfig, "app", "search", String(PORT), HEALTH],
    ]);
    await untilListening(far.namespace, 443);
    this.loadBalanced = true;
  }
}

export const SEARCH_URL = "http://search.ccnproxy-service/";
export const ORIGIN_URL = `http://${ORIGIN}.ccnproxy-https/hc`;

const searchIs = (image: string, places: ServiceInput["in"]): ServiceInput => ({
  ...{ name: "search", image, port: PORT, health: { path: HEALTH } },
  answerSeconds: ANSWER_SECONDS,
  in: places,
});

/** JP with the shop, as somebody deploys it who runs services in UK too. */
class HostsDeployment {
  private constructor(
    private readonly testbed: Testbed,
    readonly deployment: Deployment,
    private readonly registry: ImageRegistry,
    private readonly image: string,
  ) {}

  static async create(testbed: Testbed): Promise<HostsDeployment> {
    const registry = await ImageRegistry.start(testbed);
    const image = await registry.push("web", { env: { VERSION: "jp" } });
    const deployment = new Deployment(join(testbed.directory, "jp-deployment"));
    const region = jpRegion(testbed);
    deployment.write<DedicatedRegionInput>({
      ...region,
      servers: region.servers.map((server) => ({ ...server, roles: ROLES[server.name]! })),
      origins: { [ORIGIN]: { availability: 0.9995, source: "assumed" } },
      proxy: { ...region.proxy, allow: [], warm: [] },
      dns: { ...region.dns, records: { [ORIGIN]: testbed.far.address, [ENTRANCE]: FAR_ENTRANCE } },
      registry: {
        address: registry.address,
        caCertificate: readFileSync(registry.authority, "utf8"),
        credentials: true,
      },
    });
    const outside = `https://${ORIGIN}`;
    deployment.writeService({
      ...{ name: "shop", image, port: 8082, health: { path: HEALTH } },
      ...{ calls: ["search", outside], degradesWithout: [outside] },
      in: { jp: { instances: 1 } },
    });
    return new HostsDeployment(testbed, deployment, registry, image);
  }

  async deploy(places: ServiceInput["in"]): Promise<void> {
    const backend = { ...uk.entrance!.backend, service: "search", port: PORT, podPort: PORT };
    this.deployment.write<GkeRegionInput>({
      ...ukRegion(this.testbed),
      entrance: places["uk"] === undefined ? undefined : { ...uk.entrance!, backend },
    });
    this.deployment.writeService(searchIs(this.image, places));
    const { code, output } = await this.deployment.deploy("jp", {
      env: { TF_VAR_registry_credentials: this.registry.credentials },
    });
    if (code !== 0) throw new Error(output);
  }
}

/** Drops what comes to an address of the far site, as a lost line does. @returns what ends that */
export async function cutOff(testbed: Testbed, address: string): Promise<() => Promise<unknown>> {
  const inFarSite = (...command: string[]) =>
    run("ip", ["netns", "exec", testbed.far.namespace, "nft", command.join(" ")]);
  const table = `away_${address.replaceAll(".", "_")}`;
  await inFarSite(
    `add table ip ${table}; add chain ip ${table} input { type filter hook input priority 0; };`,
    `add rule ip ${table} input ip daddr ${address} drop`,
  );
  return () => inFarSite(`delete table ip ${table}`);
}
