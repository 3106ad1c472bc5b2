import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AptSource } from "../../constructs/host";
import { aptRepository, consulReleases } from "./apt-repository";
import { makeCertificates } from "./certificates";
import { Cluster, type ClusterProps } from "./cluster/cluster";
import { run } from "./command";
import { debianLayer, type Prepared } from "./debian-layer";
import { debianMirror, debianRoot, missingPrograms } from "./debian-root";
import { exclusively } from "./exclusive";
import { Ledger } from "./ledger";
import { FAR_ADDRESS, Network } from "./network";
import { type OperatorKey, VirtualHost } from "./virtual-host";
import { serveArchive, serveOrigin, type ServiceEnvironment } from "./web-server";

export interface TestbedProps {
  /** Names of the virtual servers; the first gets the address ending in .11. */
  readonly hosts: readonly string[];
  /** Whether these are in another place's network. @default false */
  readonly elsewhere?: boolean;
  /** Size of each server's own disk, for servers that can lose what was not synced. @default - they share the memory */
  readonly diskMegabytes?: number;
  /** Whether the servers can run containers. @default false */
  readonly containers?: boolean;
  /** @default - no far site */
  readonly far?: FarSiteProps;
  /** @default - no Kubernetes */
  readonly cluster?: ClusterProps;
  /** Told what is being done, a line each. @default - silent */
  readonly onStep?: (step: string) => void;
}

export interface FarSiteProps {
  /** Names the HTTPS origin's certificate is valid for. */
  readonly names: readonly string[];
  /** Services that answer there by HTTPS, each under its name. @default - none */
  readonly services?: Readonly<Record<string, ServiceEnvironment>>;
  /** @default 19 */
  readonly roundTripMs?: number;
}

/** An HTTPS origin behind a long line. */
export interface FarSite {
  readonly address: string;
  readonly roundTripMs: number;
  readonly namespace: string;
  /** Path of the PEM certificate of the authority that signed the origin's. */
  readonly authority: string;
  /** Files put here are served by the origin. */
  readonly files: string;
  /** The origin's access log. */
  readonly accessLog: string;
}

/** Repository directory that holds what testbeds keep between runs. */
export const TESTBED_DIRECTORY = resolve(process.env.TRICLOUD_TESTBED_DIR ?? ".testbed");

const CACHE = join(TESTBED_DIRECTORY, "cache");

/** Real Debian machines on this one, in network namespaces of their own. Needs root on Linux. */
export class Testbed {
  private stopping: Promise<void> | undefined;
  private kubernetes: Cluster | undefined;

  private constructor(
    /** What is noted here ends with the run. */
    readonly ledger: Ledger,
    readonly network: Network,
    readonly hosts: VirtualHost[],
    readonly operator: OperatorKey,
    private readonly prepared: Prepared,
    private readonly farSite: FarSite | undefined,
  ) {}

  /** Why no testbed can be made here; undefined when one can. */
  static obstacle(): string | undefined {
    if (process.platform !== "linux") return `virtual hosts need Linux, this is ${process.platform}`;
    if (process.getuid?.() !== 0) return "virtual hosts need root";
    const missing = missingPrograms();
    return missing.length === 0 ? undefined : `virtual hosts need ${missing.join(", ")}: run script/setup`;
  }

  /**
   * Makes and fetches what all testbeds share: the Debian root and the packages its hosts may install.
   *
   * @param onStep told what is being done, a line each
   */
  static async prepare(onStep: (step: string) => void): Promise<Prepared> {
    mkdirSync(CACHE, { recursive: true });
    return exclusively(join(CACHE, "lock"), async () => {
      const mirror = await debianMirror();
      onStep("Debian 13 for the virtual servers (made once, then kept)");
      const root = await debianRoot(CACHE, mirror);
      onStep("packages for the virtual servers (fetched once, then kept)");
      const { directory: archives } = await aptRepository(CACHE, mirror, root);
      return { root, archives };
    });
  }

  /** Builds and fetches what clusters share: about a quarter of an hour the first time. */
  static async prepareCluster(onStep: (step: string) => void): ReturnType<typeof Cluster.prepare> {
    const { root } = await Testbed.prepare(onStep);
    return Cluster.prepare(join(TESTBED_DIRECTORY, "cache"), root, join(TESTBED_DIRECTORY, "consul"), onStep);
  }

  /**
   * Makes the machines, their network and the far site, and returns when all hosts are up. What crashed runs
   * left on the machine is removed first.
   */
  static async boot(props: TestbedProps): Promise<Testbed> {
    const step = props.onStep ?? (() => undefined);
    const obstacle = Testbed.obstacle();
    if (obstacle !== undefined) throw new Error(obstacle);
    await Testbed.removeRuns("crashed");
    const prepared = await Testbed.prepare(step);
    const parts = props.cluster && (await Testbed.prepareCluster(step));

    const ledger = Ledger.create(join(TESTBED_DIRECTORY, "runs"));
    try {
      step("network");
      const network = await Network.create(ledger);
      await serveArchive(ledger, network.rack, prepared.archives);
      const far = props.far === undefined ? undefined : await Testbed.addFarSite(ledger, network, props.far);
      if (props.hosts.length > 0) step(`${props.hosts.length} virtual servers: ${props.hosts.join(", ")}`);
      const operator = await makeOperatorKey(ledger.directory);
      const storage = join(ledger.directory, "disks");
      mkdirSync(storage);
      // In memory: an overlay's upper layer may not lie on another overlay, and nothing here need survive.
      ledger.record({ kind: "mount", path: storage });
      await run("mount", ["-t", "tmpfs", "-o", "mode=0755", "tricloud-testbed", storage]);
      const testbed = new Testbed(ledger, network, [], operator, prepared, far);
      for (const name of props.hosts) {
        await testbed.addHost(name, [], props.diskMegabytes, props.containers, props.elsewhere);
      }
      await Promise.all(testbed.hosts.map((host) => host.start()));
      if (props.cluster !== undefined && parts !== undefined) {
        step("Kubernetes");
        testbed.kubernetes = await Cluster.start(ledger, network, parts, props.cluster);
      }
      return testbed;
    } catch (error) {
      // A failure to clean up must not hide why it came to that; the next run tries the clean-up again.
      await ledger.undo().catch((also: Error) => step(also.message));
      throw error;
    }
  }

  /** Removes runs whose process crashed, or those also that were kept on purpose; returns how many. */
  static async removeRuns(which: "crashed" | "all"): Promise<number> {
    const ledgers = Ledger.abandoned(join(TESTBED_DIRECTORY, "runs"), which);
    for (const ledger of ledgers) await ledger.undo();
    return ledgers.length;
  }

  /** The host of that name. */
  host(name: string): VirtualHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found === undefined) {
      throw new Error(`no host ${name}; there are ${this.hosts.map((host) => host.name).join(", ")}`);
    }
    return found;
  }

  /** The far site. Throws when the testbed was made without one. */
  get far(): FarSite {
    if (this.farSite === undefined) throw new Error("this testbed was made without a far site");
    return this.farSite;
  }

  /**
   * One more machine, not switched on yet.
   *
   * @param layers directories over Debian's root, the uppermost first, as `layer` makes them
   * @param diskMegabytes size of a disk of its own
   * @param containers whether it can run containers
   * @param isElsewhere whether it is in another place's network
   */
  async addHost(
    name: string,
    layers: readonly string[] = [],
    diskMegabytes?: number,
    containers?: boolean,
    isElsewhere?: boolean,
  ): Promise<VirtualHost> {
    const { ledger, network, operator, prepared } = this;
    const host = await VirtualHost.create(ledger, {
      name,
      link: await network.addHost(name, isElsewhere),
      lower: [...layers, prepared.root],
      storage: join(ledger.directory, "disks", name),
      diskMegabytes,
      containers,
      operator,
      aptSources: `deb [trusted=yes] ${archiveUri(network.gateway, "debian")} ./\n`,
      nameserver: network.gateway,
    });
    this.hosts.push(host);
    return host;
  }

  /** Gives a host another address, as its owner would. */
  renumber(host: VirtualHost): Promise<void> {
    return host.moveTo((link) => this.network.renumberHost(link));
  }

  /** What Debian with these packages has beyond the hosts' root, as a directory. Made once, then kept. */
  layer(name: string, packages: readonly string[]): Promise<string> {
    return exclusively(join(CACHE, "lock"), () =>
      debianLayer(join(CACHE, "layers", name), packages, this.prepared),
    );
  }

  /** Debian's root directory with `layers` over it, to run a program of Debian's in. */
  async mountRoot(name: string, layers: readonly string[]): Promise<string> {
    const storage = join(this.ledger.directory, "disks", name);
    const [root, upper, work] = ["root", "upper", "work"].map((part) => join(storage, part));
    for (const directory of [root, upper, work]) mkdirSync(directory!, { recursive: true });
    this.ledger.record({ kind: "mount", path: root! });
    const lower = [...layers, this.prepared.root].join(":");
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await run("mount", ["-t", "overlay", "tricloud-testbed", root!, "-o", options]);
    return root!;
  }

  /** The hosts' Debian as a directory of this machine; to be read only. */
  get debian(): string {
    return this.prepared.root;
  }

  /** The Kubernetes. Throws when the testbed was made without one. */
  get cluster(): Cluster {
    if (this.kubernetes === undefined) throw new Error("this testbed was made without a cluster");
    return this.kubernetes;
  }

  /** Directory of this run alone, for whatever goes with it. */
  get directory(): string {
    return this.ledger.directory;
  }

  /** Where hosts find Debian 11's Consul: a flat archive, unsigned, alone at its address. */
  get consulSource(): AptSource {
    return consulSource(this.network, "bullseye");
  }

  /** Where hosts find the Consuls of CONSUL_VERSIONS. */
  async consulReleases(): Promise<AptSource> {
    await exclusively(join(CACHE, "lock"), () => consulReleases(this.prepared.archives));
    return consulSource(this.network, "releases");
  }

  /** Ends every process, and removes every mount, namespace, link and file of this run; asked again, once only. */
  stop(): Promise<void> {
    this.stopping ??= Promise.all(this.hosts.map((host) => host.cutPower())).then(() => this.ledger.undo());
    return this.stopping;
  }

  /** Leaves everything running after this process; `removeRuns("all")` ends it. */
  keep(): void {
    this.ledger.keep();
  }

  private static async addFarSite(ledger: Ledger, network: Network, props: FarSiteProps): Promise<FarSite> {
    const roundTripMs = props.roundTripMs ?? 19;
    const namespace = await network.addFarSite(roundTripMs);
    const directory = join(ledger.directory, "certificates");
    mkdirSync(directory);
    const { names, services = {} } = props;
    const certificates = makeCertificates(directory, [...names, ...Object.keys(services)]);
    const { files, accessLog } = await serveOrigin(
      ledger,
      namespace,
      FAR_ADDRESS,
      names,
      certificates,
      services,
    );
    return {
      address: FAR_ADDRESS,
      roundTripMs,
      namespace,
      authority: certificates.authority,
      files,
      accessLog,
    };
  }
}

const consulSource = (network: Network, archive: string): AptSource => ({
  name: "consul",
  uri: archiveUri(network.secondGateway, archive),
  suite: "./",
  components: [],
  trusted: true,
  onlyPackages: ["consul"],
});

const archiveUri = (address: string, archive: string): string => `http://${address}:8000/${archive}`;

async function makeOperatorKey(directory: string): Promise<OperatorKey> {
  const privateKeyPath = join(directory, "operator");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f", privateKeyPath]);
  return { privateKeyPath, publicKey: readFileSync(`${privateKeyPath}.pub`, "utf8").trim() };
}
