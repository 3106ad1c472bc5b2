import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { consulConfig } from "../../constructs/dns/consul-config";
import type { ConsulOptions } from "../../constructs/dns/consul-options";
import { unboundConf } from "../../constructs/dns/unbound-conf";
import type { UnboundOptions } from "../../constructs/dns/unbound-options";
import { findProgram } from "../constructs/dns/real-binaries";
import { attempt, type CommandResult, run, until } from "../testbed/command";
import { Ledger } from "../testbed/ledger";
import { startProcess } from "../testbed/network";

const RUNS = resolve(process.env.TRICLOUD_TESTBED_DIR ?? ".testbed", "runs");
/** From the project's root, since a bundled bench lies elsewhere. */
const SCRIPTS = resolve("test/e2e");
const GOSSIP_KEY = Buffer.alloc(32, 3).toString("base64");

export const DATACENTERS = ["jp", "us", "uk"] as const;
export type Datacenter = (typeof DATACENTERS)[number];

/** Addresses of the laboratory: 10.REGION.0.x on the loopback device of a namespace of its own. */
export const ADDRESS = {
  servers: (dc: Datacenter): string[] => [11, 12, 13].map((last) => `10.${network(dc)}.0.${last}`),
  /** The machine whose resolver the cases ask. */
  app: (dc: Datacenter): string => `10.${network(dc)}.0.21`,
  proxies: (dc: Datacenter): string[] => [31, 32].map((last) => `10.${network(dc)}.0.${last}`),
  upstream: "10.9.0.53",
};
const network = (dc: Datacenter): number => DATACENTERS.indexOf(dc) + 1;

const PROGRAMS = {
  consul: findProgram("consul", resolve(".testbed/consul/usr/bin")),
  unbound: findProgram("unbound"),
  "unbound-checkconf": findProgram("unbound-checkconf"),
  "unbound-control": findProgram("unbound-control"),
  nft: findProgram("nft"),
  ip: findProgram("ip"),
  python3: findProgram("python3"),
};

/** Whether a look-up found an address, and which. */
export interface LookUp {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  /** Milliseconds. */
  readonly took: number;
  readonly ok: boolean;
  readonly why?: string;
  readonly addresses?: readonly string[];
  readonly server?: string;
}

/**
 * Consul datacenters of three servers, joined over the WAN, with unbound and proxies' stand-ins, as real processes
 * on addresses of their own in one network namespace. Needs root on Linux.
 */
export class DnsLab {
  private readonly processes = new Map<string, number>();
  private readonly namespace: string;

  private constructor(private readonly ledger: Ledger) {
    this.namespace = `tricloud-${ledger.id}-dns`;
  }

  /** Why there can be no laboratory here; undefined when there can. */
  static obstacle(): string | undefined {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
    const missing = Object.entries(PROGRAMS).filter(([, path]) => path === undefined);
    if (missing.length === 0) return undefined;
    // Consul comes with the testbed, everything else by script/setup.
    return `needs ${missing.map(([name]) => name).join(", ")}: run script/setup and node .testbed/build/cli.js prepare`;
  }

  static async create(): Promise<DnsLab> {
    for (const ledger of Ledger.abandoned(RUNS, "crashed")) await ledger.undo();
    const lab = new DnsLab(Ledger.create(RUNS));
    lab.ledger.record({ kind: "namespace", name: lab.namespace });
    await run("ip", ["netns", "add", lab.namespace]);
    await run("ip", ["-netns", lab.namespace, "link", "set", "lo", "up"]);
    await lab.inside(["nft", "add table inet lab"]);
    await lab.inside(["nft", "add chain inet lab in { type filter hook input priority 0; }"]);
    return lab;
  }

  /** Ends every process and removes everything made. */
  stop(): Promise<void> {
    return this.ledger.undo();
  }

  /** Starts the servers of the datacenters, and waits until each has a leader and sees all others. */
  async startServers(datacenters: readonly Datacenter[], more: Partial<ConsulOptions> = {}): Promise<void> {
    for (const dc of datacenters) {
      for (const address of ADDRESS.servers(dc)) {
        const others = datacenters.filter((other) => other !== dc).flatMap(ADDRESS.servers);
        await this.startAgent(dc, address, { server: { expect: 3 }, retryJoinWan: others, ...more });
      }
    }
    for (const dc of datacenters) await this.untilLed(dc);
    if (datacenters.length < 2) return;
    await until("the datacenters to know one another", 60_000, async () => {
      const known = await this.api(ADDRESS.servers(datacenters[0]!)[0]!, "catalog/datacenters");
      return (JSON.parse(known || "[]") as string[]).length === datacenters.length || undefined;
    });
  }

  /** Starts a Consul agent, or starts one that was stopped once more. */
  async startAgent(dc: Datacenter, address: string, more: Partial<ConsulOptions> = {}): Promise<void> {
    await this.addAddress(address);
    const folder = join(this.ledger.directory, address);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "consul.json");
    writeFileSync(
      file,
      consulConfig({
        datacenter: dc,
        nodeName: address.replaceAll(".", "-"),
        dataDir: join(folder, "data"),
        bindAddress: address,
        httpAddresses: [address],
        dnsAddresses: [address],
        retryJoin: ADDRESS.servers(dc),
        gossipKey: GOSSIP_KEY,
        logLevel: "warn",
        ...more,
      }),
    );
    await this.restartAgent(address);
  }

  /** Starts the agent with the configuration that it had, or that `startAgent` gave it. */
  async restartAgent(address: string): Promise<void> {
    const file = join(this.ledger.directory, address, "consul.json");
    await this.start(`consul ${address}`, [PROGRAMS.consul!, "agent", `-config-file=${file}`]);
    await until(
      `agent on ${address}`,
      20_000,
      async () => (await this.api(address, "status/leader")) || undefined,
    );
  }

  /** A machine with a proxy: an agent, and something that answers its health check. */
  async startProxy(dc: Datacenter, address: string, more: Partial<ConsulOptions> = {}): Promise<void> {
    await this.addAddress(address);
    await this.startInstance(address);
    const check = { http: `http://${address}:9300/`, intervalSeconds: 2, timeoutSeconds: 1 };
    await this.startAgent(dc, address, { services: [{ name: "proxy", port: 80, checks: [check] }], ...more });
  }

  async startInstance(address: string): Promise<void> {
    await this.start(`proxy ${address}`, [
      ...["python3", "-m", "http.server", "--bind", address, "--directory", this.ledger.directory, "9300"],
    ]);
  }

  /** Starts unbound on the machine of that address, which must have an agent. */
  async startResolver(dc: Datacenter, address: string, more: Partial<UnboundOptions> = {}): Promise<void> {
    await this.addAddress(address);
    this.writeResolver(dc, address, more);
    await this.restartResolver(address);
  }

  /** Writes the resolver's configuration, and returns where it lies. */
  writeResolver(dc: Datacenter, address: string, more: Partial<UnboundOptions> = {}): string {
    const folder = join(this.ledger.directory, address);
    mkdirSync(folder, { recursive: true });
    const file = this.resolverFile(address);
    const peers = DATACENTERS.filter((other) => other !== dc);
    writeFileSync(
      file,
      unboundConf({
        interfaces: [address],
        accessControl: [{ netblock: "10.0.0.0/8", action: "allow" }],
        forwardZones: [
          { name: "consul", forwarders: [address, ...ADDRESS.servers(dc)].map((one) => `${one}@8600`) },
        ],
        upstreams: [ADDRESS.upstream],
        proxySuffixes: [
          { suffix: "ccnproxy-https", target: "proxy.service.consul" },
          ...peers.map((peer) => ({
            suffix: `ccnproxy-https.${peer}`,
            target: `proxy.service.${peer}.consul`,
          })),
        ],
        validate: false,
        controlSocket: join(folder, "control.sock"),
        ...more,
      }),
    );
    return file;
  }

  async restartResolver(address: string): Promise<void> {
    await this.start(`unbound ${address}`, [PROGRAMS.unbound!, "-d", "-p", "-c", this.resolverFile(address)]);
    await until(`unbound on ${address}`, 10_000, async () => {
      return (await this.control(address, "status")).code === 0 || undefined;
    });
  }

  /** Runs `unbound-control` for the resolver of that address. */
  control(address: string, ...command: readonly string[]): Promise<CommandResult> {
    return attempt(PROGRAMS["unbound-control"]!, ["-c", this.resolverFile(address), ...command]);
  }

  checkResolver(file: string): Promise<CommandResult> {
    return attempt(PROGRAMS["unbound-checkconf"]!, [file]);
  }

  /** The server of the public names, answering with this time to live. */
  async startUpstream(ttlSeconds: number): Promise<void> {
    await this.addAddress(ADDRESS.upstream);
    const program = join(SCRIPTS, "dns-upstream.py");
    await this.start("upstream", ["python3", program, ADDRESS.upstream, String(ttlSeconds)]);
  }

  /** Looks names up at `ratePerSecond` until the returned function is called, which gives all look-ups. */
  async load(
    servers: readonly string[],
    names: readonly string[],
    ratePerSecond = 100,
  ): Promise<() => Promise<LookUp[]>> {
    const file = join(this.ledger.directory, `load-${this.loads++}.json`);
    const name = `load ${file}`;
    await this.start(name, [
      ...["python3", join(SCRIPTS, "dns-load.py"), file, String(ratePerSecond)],
      ...[servers.join(","), names.join(",")],
    ]);
    await until(
      "the first look-up",
      20_000,
      async () => (existsSync(file) && statSync(file).size > 0) || undefined,
    );
    return async () => {
      await this.signal(name, "SIGTERM");
      await until("the last look-ups", 20_000, async () => !this.isRunning(name) || undefined);
      const lines = readFileSync(file, "utf8").trim().split("\n");
      return lines.map((line) => JSON.parse(line) as LookUp).sort((a, b) => a.askedAt - b.askedAt);
    };
  }
  private loads = 0;

  /** Packets from and to the address vanish, as when a cable is pulled. Returns what puts it back. */
  async cut(address: string): Promise<() => Promise<void>> {
    for (const end of ["saddr", "daddr"]) {
      await this.inside(["nft", `add rule inet lab in ip ${end} ${address} drop`]);
    }
    return async () => {
      await this.inside(["nft", "flush chain inet lab in"]);
    };
  }

  /** Takes a machine's power away: its processes end and its address is silent. */
  async cutPower(address: string): Promise<() => Promise<void>> {
    const restore = await this.cut(address);
    for (const name of [...this.processes.keys()].filter((key) => key.endsWith(` ${address}`))) {
      await this.signal(name, "SIGKILL");
    }
    return restore;
  }

  /** Sends a signal to the process of that name (`consul ADDRESS`, `unbound ADDRESS`, `proxy ADDRESS`). */
  async signal(name: string, signal: NodeJS.Signals): Promise<void> {
    const pid = this.processes.get(name);
    if (pid === undefined) throw new Error(`no process ${name} in the laboratory`);
    process.kill(pid, signal);
    if (signal !== "SIGKILL") return;
    await until(`${name} to end`, 5_000, async () => !this.isRunning(name) || undefined);
  }

  /** Processor time that the process has taken so far, in seconds. */
  processorSeconds(name: string): number {
    const pid = this.processes.get(name);
    if (pid === undefined) throw new Error(`no process ${name} in the laboratory`);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    // Linux counts in hundredths of a second here, whatever its own clock does.
    return (user! + system!) / 100;
  }

  isRunning(name: string): boolean {
    const pid = this.processes.get(name);
    if (pid === undefined) return false;
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  /** What an agent's HTTP API answers to a GET; empty when it does not. */
  async api(address: string, path: string): Promise<string> {
    const { stdout } = await this.attemptInside([
      "curl",
      "-sS",
      "-m",
      "3",
      `http://${address}:8500/v1/${path}`,
    ]);
    return stdout;
  }

  /** Has an agent's HTTP API make something; throws when it refuses. */
  post(address: string, path: string, body: unknown): Promise<string> {
    return this.send("POST", address, path, body);
  }

  /** Like `post`, with PUT and a token. */
  put(address: string, path: string, body: unknown, token: string): Promise<string> {
    return this.send("PUT", address, path, body, ["-H", `X-Consul-Token: ${token}`]);
  }

  private send(
    method: string,
    address: string,
    path: string,
    body: unknown,
    more: string[] = [],
  ): Promise<string> {
    const url = `http://${address}:8500/v1/${path}`;
    return this.inside(["curl", "-fsS", "-X", method, ...more, "-d", JSON.stringify(body), url]);
  }

  /** Waits until every server of the datacenter is healthy by their own account, or, where that is secret, led. */
  async untilLed(dc: Datacenter): Promise<void> {
    await until(`servers of ${dc} to be healthy`, 60_000, async () => {
      for (const address of ADDRESS.servers(dc)) {
        const health = await this.api(address, "operator/autopilot/health");
        if (health.includes('"FailureTolerance":1')) return true;
        if (/permission denied|acl not found/i.test(health))
          return (await this.api(address, "status/leader")) !== '""' || undefined;
      }
      return undefined;
    });
  }

  /** Asks the resolver until the name has exactly so many addresses. */
  async untilResolves(server: string, name: string, addresses: readonly string[]): Promise<void> {
    await until(`${name} to be ${addresses.join(", ")}`, 30_000, async () => {
      const stop = await this.load([server], [name], 20);
      await new Promise((elapsed) => setTimeout(elapsed, 300));
      const last = (await stop()).at(-1);
      const found = [...(last?.addresses ?? [])].sort().join();
      return found === [...addresses].sort().join() || undefined;
    });
  }

  /** Release of the unbound that the laboratory runs, for example `1.17.1`. */
  async unboundRelease(): Promise<string> {
    const { stdout } = await attempt(PROGRAMS.unbound!, ["-V"]);
    return /Version (\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  /** Release of the Consul that the laboratory runs. */
  async consulRelease(): Promise<string> {
    const { stdout } = await attempt(PROGRAMS.consul!, ["version"]);
    return /Consul v(\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  /** Runs a command in the laboratory's namespace and returns what it printed. */
  inside(command: readonly string[]): Promise<string> {
    return run("ip", ["netns", "exec", this.namespace, ...command]);
  }

  private attemptInside(command: readonly string[]): Promise<CommandResult> {
    return attempt("ip", ["netns", "exec", this.namespace, ...command]);
  }

  private async start(name: string, command: readonly string[]): Promise<void> {
    const log = join(this.ledger.directory, `${name.split(" ")[0]}.log`);
    const { pid } = await startProcess(this.ledger, log, "ip", ["netns", "exec", this.namespace, ...command]);
    this.processes.set(name, pid);
  }

  private async addAddress(address: string): Promise<void> {
    await this.attemptInside(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  }

  private resolverFile(address: string): string {
    return join(this.ledger.directory, address, "unbound.conf");
  }
}
