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
import { DnsHost } from "./dns-host";

const RUNS = resolve(process.env.TRICLOUD_TESTBED_DIR ?? ".testbed", "runs");
/** From the project's root, since a bundled bench lies elsewhere. */
const SCRIPTS = resolve("test/e2e");
const GOSSIP_KEY = Buffer.alloc(32, 3).toString("base64");

/**
 * An agent whose report of a check went to a server that has been restarted meanwhile, over a connection that is no
 * longer, loses it, and repeats it with its next whole synchronisation: once a minute, and up to a minute later.
 */
export const LOST_REPORT_MS = 150_000;

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

  private constructor(
    private readonly ledger: Ledger,
    private readonly programs: typeof PROGRAMS,
  ) {
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

  /** @param props.unboundFolder where unbound's programs lie; by default those of this machine are run */
  static async create({ unboundFolder }: { unboundFolder?: string } = {}): Promise<DnsLab> {
    for (const ledger of Ledger.abandoned(RUNS, "crashed")) await ledger.undo();
    const unbound = (name: string): string => join(unboundFolder!, name);
    const lab = new DnsLab(Ledger.create(RUNS), {
      ...PROGRAMS,
      ...(unboundFolder === undefined
        ? {}
        : {
            unbound: unbound("unbound"),
            "unbound-checkconf": unbound("unbound-checkconf"),
            "unbound-control": unbound("unbound-control"),
          }),
    });
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
  async startServers(
    datacenters: readonly Datacenter[],
    more: (dc: Datacenter) => Partial<ConsulOptions> = () => ({}),
  ): Promise<void> {
    for (const dc of datacenters) {
      for (const address of ADDRESS.servers(dc)) {
        const others = datacenters.filter((other) => other !== dc).flatMap(ADDRESS.servers);
        await this.startAgent(dc, address, { server: { expect: 3 }, retryJoinWan: others, ...more(dc) });
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
    const options = this.agentOptions(dc, address, more);
    const host = this.host(address);
    writeFileSync(join(host.consulFolder, "agent.json"), consulConfig(options));
    host.layOutAgent({
      isServer: options.server !== undefined,
      spareServers: 1,
      nodeName: options.nodeName,
    });
    await this.restartAgent(address);
  }

  private agentOptions(dc: Datacenter, address: string, more: Partial<ConsulOptions>): ConsulOptions {
    return {
      datacenter: dc,
      nodeName: address.replaceAll(".", "-"),
      dataDir: this.host(address).path("/var/lib/consul"),
      bindAddress: address,
      httpAddresses: [address],
      dnsAddresses: [address],
      retryJoin: ADDRESS.servers(dc),
      gossipKey: GOSSIP_KEY,
      logLevel: "warn",
      ...more,
    };
  }

  /** Changes settings in the agent's file, which the running agent does not see before its guard's `apply`. */
  changeAgent(address: string, settings: Record<string, unknown>): void {
    const file = join(this.host(address).consulFolder, "agent.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...config, ...settings }));
  }

  /** Starts the agent with the configuration that it had, or that `startAgent` gave it. */
  async restartAgent(address: string): Promise<void> {
    const host = this.host(address);
    await this.runOn(address, "consul-guard", "remember");
    const command = [this.programs.consul!, "agent", `-config-dir=${host.consulFolder}`];
    host.remember("consul", await this.start(`consul ${address}`, command));
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

  /** Starts unbound and its guard's watch on the machine of that address, which must have an agent. */
  async startResolver(dc: Datacenter, address: string, more: Partial<UnboundOptions> = {}): Promise<void> {
    await this.addAddress(address);
    this.writeResolver(dc, address, more);
    this.host(address).layOutResolver([{ kind: "address", host: ADDRESS.upstream, port: 53 }]);
    await this.restartResolver(address);
    await this.start(`watch ${address}`, this.host(address).command("unbound-guard", "watch"));
  }

  /** Runs a program that real hosts have, such as `consul-guard`, on the machine of that address. */
  runOn(address: string, program: string, ...args: readonly string[]): Promise<CommandResult> {
    return this.attemptInside(this.host(address).command(program, ...args));
  }

  /** Writes the resolver's configuration, and returns where it lies. */
  writeResolver(dc: Datacenter, address: string, more: Partial<UnboundOptions> = {}): string {
    const { conf, socket } = this.host(address).resolver;
    const peers = DATACENTERS.filter((other) => other !== dc);
    writeFileSync(
      conf,
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
        controlSocket: socket,
        ...more,
      }),
    );
    return conf;
  }

  async restartResolver(address: string): Promise<void> {
    const host = this.host(address);
    await this.runOn(address, "unbound-guard", "remember");
    const command = [this.programs.unbound!, "-d", "-p", "-c", host.resolver.conf];
    host.remember("unbound", await this.start(`unbound ${address}`, command));
    await until(`unbound on ${address}`, 10_000, async () => {
      return (await this.control(address, "status")).code === 0 || undefined;
    });
  }

  /** Runs `unbound-control` for the resolver of that address. */
  control(address: string, ...command: readonly string[]): Promise<CommandResult> {
    return attempt(this.programs["unbound-control"]!, ["-c", this.host(address).resolver.conf, ...command]);
  }

  checkResolver(file: string): Promise<CommandResult> {
    return attempt(this.programs["unbound-checkconf"]!, [file]);
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
    const pid = this.processOf(name);
    if (pid === undefined) throw new Error(`no process ${name} in the laboratory`);
    process.kill(pid, signal);
    if (signal !== "SIGKILL") return;
    await until(`${name} to end`, 5_000, async () => !this.isRunning(name) || undefined);
  }

  /** Processor time that the process has taken so far, in seconds. */
  processorSeconds(name: string): number {
    const pid = this.processOf(name);
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
    const pid = this.processOf(name);
    if (pid === undefined) return false;
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  /** What an agent's HTTP API answers to a GET; empty when it does not. */
  async api(address: string, path: string): Promise<string> {
    const url = `http://${address}:8500/v1/${path}`;
    return (await this.attemptInside(["curl", "-sS", "-m", "3", url])).stdout;
  }

  /** An agent's answer to a request without a token. */
  async anonymously(
    address: string,
    method: string,
    path: string,
    body: unknown = {},
  ): Promise<{ readonly status: number; readonly text: string }> {
    const url = `http://${address}:8500/v1/${path}`;
    const data = method === "GET" ? [] : ["-d", JSON.stringify(body)];
    const answer = await this.inside(["curl", "-sS", "-w", "\\n%{http_code}", "-X", method, ...data, url]);
    const lineEnd = answer.lastIndexOf("\n");
    return { status: Number(answer.slice(lineEnd + 1)), text: answer.slice(0, lineEnd) };
  }

  /** Has an agent's HTTP API make something; throws when it refuses. */
  post(address: string, path: string, body: unknown): Promise<string> {
    return this.send("POST", address, path, body);
  }

  /** Like `post`, with PUT and a token. */
  put(address: string, path: string, body: unknown, token: string): Promise<string> {
    return this.send("PUT", address, path, body, ["-H", `X-Consul-Token: ${token}`]);
  }

  /** Has the datacenter log as many changes, each a key of its own. */
  async writeKeys(address: string, count: number): Promise<void> {
    const writer = `
import http.client
connection = http.client.HTTPConnection("${address}", 8500)
for number in range(${count}):
    connection.request("PUT", f"/v1/kv/{number}", "x" * 200)
    assert connection.getresponse().read().strip() == b"true"
`;
    await this.inside(["python3", "-c", writer]);
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

  /** Makes a private authority and a server certificate for each datacenter, with Consul's own tool. */
  async makeCertificates(): Promise<{
    authority: string;
    servers: Record<Datacenter, { certFile: string; keyFile: string }>;
  }> {
    const folder = join(this.ledger.directory, "tls");
    mkdirSync(folder);
    const tls = (...args: string[]) => run(this.programs.consul!, ["tls", ...args], { cwd: folder });
    await tls("ca", "create");
    const servers = {} as Record<Datacenter, { certFile: string; keyFile: string }>;
    for (const dc of DATACENTERS) {
      await tls("cert", "create", "-server", "-dc", dc);
      const certificate = join(folder, `${dc}-server-consul-0`);
      servers[dc] = { certFile: `${certificate}.pem`, keyFile: `${certificate}-key.pem` };
    }
    return { authority: join(folder, "consul-agent-ca.pem"), servers };
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

  /** Asks the resolver (`ADDRESS`, or `ADDRESS@PORT`) until the name has exactly these addresses. */
  async untilResolves(
    server: string,
    name: string,
    addresses: readonly string[],
    timeoutMs = 30_000,
  ): Promise<void> {
    await until(`${name} to be ${addresses.join(", ")}`, timeoutMs, async () => {
      const stop = await this.load([server], [name], 20);
      await new Promise((elapsed) => setTimeout(elapsed, 300));
      const last = (await stop()).at(-1);
      const found = [...(last?.addresses ?? [])].sort().join();
      return found === [...addresses].sort().join() || undefined;
    });
  }

  /** Release of the unbound that the laboratory runs, for example `1.17.1`. */
  async unboundRelease(): Promise<string> {
    const { stdout } = await attempt(this.programs.unbound!, ["-V"]);
    return /Version (\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  /** Release of the Consul that the laboratory runs. */
  async consulRelease(): Promise<string> {
    const { stdout } = await attempt(this.programs.consul!, ["version"]);
    return /Consul v(\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  /** Runs a command in the laboratory's namespace and returns what it printed. */
  inside(command: readonly string[]): Promise<string> {
    return run("ip", ["netns", "exec", this.namespace, ...command]);
  }

  private attemptInside(command: readonly string[]): Promise<CommandResult> {
    return attempt("ip", ["netns", "exec", this.namespace, ...command]);
  }

  private async start(name: string, command: readonly string[]): Promise<number> {
    const log = join(this.ledger.directory, `${name.split(" ")[0]}.log`);
    const { pid } = await startProcess(this.ledger, log, "ip", ["netns", "exec", this.namespace, ...command]);
    this.processes.set(name, pid);
    return pid;
  }

  /** What the programs of that name have written, on all machines. */
  written(program: string): string {
    return readFileSync(join(this.ledger.directory, `${program}.log`), "utf8");
  }

  /** The process of that name; a guard may have had it replaced since it was started. */
  processOf(name: string): number | undefined {
    const [unit, address] = name.split(" ") as [string, string];
    const started = this.processes.get(name);
    if (started === undefined || (unit !== "consul" && unit !== "unbound")) return started;
    return Number(readFileSync(this.host(address).pidFile(unit), "utf8"));
  }

  /** Gives the machines' namespace an address; does nothing where it has it. */
  async addAddress(address: string): Promise<void> {
    await this.attemptInside(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  }

  /** The machine of that address: its files, and programs that real hosts have. */
  host(address: string): DnsHost {
    const known = this.hosts.get(address);
    if (known !== undefined) return known;
    const host = new DnsHost(join(this.ledger.directory, address), address, {
      consul: this.programs.consul!,
      unbound: this.programs.unbound!,
    });
    this.hosts.set(address, host);
    return host;
  }
  private readonly hosts = new Map<string, DnsHost>();
}
