import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, run, until } from "./command";
import { type Ledger } from "./ledger";
import { identify } from "./process-identity";

/** An address in a namespace of its own, joined to the rack's switch. */
export interface HostLink {
  readonly namespace: string;
  readonly address: string;
}

/** Addresses of the line to the far site: documentation addresses, so that nothing real is ever meant. */
export const FAR_ADDRESS = "203.0.113.10";
const FAR_GATEWAY = "203.0.113.1";

/**
 * A switch with a router in a namespace of its own (the rack), reached from this machine over one link.
 * Neither forwarding nor a bridge is turned on in the machine's own namespace.
 */
export class Network {
  readonly cidr: string;
  /** The network of another place's machines, which the rack's router joins with this one. */
  readonly otherCidr: string;
  /** The rack's own address: the hosts' default route, and where local servers for them listen. */
  readonly gateway: string;
  /** A second address of the rack, so that two archives can be told apart by where they come from. */
  readonly secondGateway: string;
  readonly rack: string;
  /** This machine's link to the rack's switch. */
  private readonly link: string;
  private hosts = 0;
  private hasOther = false;

  private constructor(
    private readonly ledger: Ledger,
    private readonly third: number,
  ) {
    this.cidr = `10.77.${third}.0/24`;
    this.otherCidr = `10.78.${third}.0/24`;
    this.gateway = `10.77.${third}.1`;
    this.secondGateway = `10.77.${third}.2`;
    this.rack = `tricloud-${ledger.id}-rack`;
    this.link = `tricloud-${ledger.id}`;
  }

  static async create(ledger: Ledger): Promise<Network> {
    const network = new Network(ledger, await freeThirdOctet());
    const { rack, gateway, secondGateway, link } = network;
    await network.addNamespace(rack);
    await ip(rack, ["link", "add", "br0", "type", "bridge"]);
    await ip(rack, ["address", "add", `${gateway}/24`, "dev", "br0"]);
    await ip(rack, ["address", "add", `${secondGateway}/24`, "dev", "br0"]);
    await ip(rack, ["link", "set", "br0", "up"]);
    await run("nsenter", [`--net=/run/netns/${rack}`, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);

    ledger.record({ kind: "link", name: link });
    await run("ip", ["link", "add", link, "type", "veth", "peer", "name", "uplink", "netns", rack]);
    await run("ip", ["address", "add", `10.77.${network.third}.254/24`, "dev", link]);
    await run("ip", ["link", "set", link, "up"]);
    await ip(rack, ["link", "set", "uplink", "master", "br0", "up"]);
    return network;
  }

  /** Address of the next machine on the switch; they count up from .11. */
  get nextAddress(): string {
    return `10.77.${this.third}.${11 + this.hosts}`;
  }

  /**
   * Puts one more machine on the switch.
   *
   * @param isElsewhere whether it is in the other place's network
   */
  async addHost(name: string, isElsewhere = false): Promise<HostLink> {
    const { nextAddress } = this;
    const last = 11 + this.hosts++;
    if (isElsewhere) await this.joinOther();
    const [address, gateway] = isElsewhere
      ? [this.inOther(last), this.inOther(1)]
      : [nextAddress, this.gateway];
    const namespace = `tricloud-${this.ledger.id}-${name}`;
    await this.addNamespace(namespace);
    await ip(this.rack, [
      ...["link", "add", `port${last}`, "type", "veth"],
      ...["peer", "name", "eth0", "netns", namespace],
    ]);
    await ip(this.rack, ["link", "set", `port${last}`, "master", "br0", "up"]);
    await ip(namespace, ["address", "add", `${address}/24`, "dev", "eth0"]);
    await ip(namespace, ["link", "set", "eth0", "up"]);
    await ip(namespace, ["route", "add", "default", "via", gateway]);
    return { namespace, address };
  }

  private inOther(last: number): string {
    return `10.78.${this.third}.${last}`;
  }

  private async joinOther(): Promise<void> {
    if (this.hasOther) return;
    this.hasOther = true;
    await ip(this.rack, ["address", "add", `${this.inOther(1)}/24`, "dev", "br0"]);
    await run("ip", ["address", "add", `${this.inOther(254)}/24`, "dev", this.link]);
  }

  /** Gives a host the next address instead of the one it has. */
  async renumberHost({ namespace, address }: HostLink): Promise<HostLink> {
    const next = this.nextAddress;
    this.hosts++;
    // The first address of a network takes the others with it.
    await ip(namespace, ["address", "delete", `${address}/24`, "dev", "eth0"]);
    await ip(namespace, ["address", "add", `${next}/24`, "dev", "eth0"]);
    await ip(namespace, ["route", "replace", "default", "via", this.gateway]);
    return { namespace, address: next };
  }

  /** Adds a site that every host reaches through the router, `roundTripMs` away. Returns its namespace. */
  async addFarSite(roundTripMs: number): Promise<string> {
    const namespace = `tricloud-${this.ledger.id}-far`;
    await this.addNamespace(namespace);
    const log = join(this.ledger.directory, "long-line.log");
    const line = await startProcess(this.ledger, log, "python3", [
      join(__dirname, "long-line.py"),
      ...[this.rack, namespace, "wan", String(roundTripMs / 2)],
    ]);
    await until(`line to the far site (log: ${log})`, 10_000, async () => {
      if (!line.isRunning()) throw new Error(`the line to the far site ended:\n${readFileSync(log, "utf8")}`);
      return readFileSync(log, "utf8").includes("ready") || undefined;
    });
    for (const [end, address] of [
      [this.rack, FAR_GATEWAY],
      [namespace, FAR_ADDRESS],
    ] as const) {
      await ip(end, ["address", "add", `${address}/24`, "dev", "wan"]);
      await ip(end, ["link", "set", "wan", "up"]);
    }
    await ip(namespace, ["route", "add", "default", "via", FAR_GATEWAY]);
    return namespace;
  }

  /** Makes a namespace of the run's, with nothing in it but its loopback. */
  async addNamespace(name: string): Promise<void> {
    this.ledger.record({ kind: "namespace", name });
    await run("ip", ["netns", "add", name]);
    await ip(name, ["link", "set", "lo", "up"]);
  }
}

/** Runs `ip` on what a network namespace holds. */
export const ip = (namespace: string, args: readonly string[]): Promise<string> =>
  run("ip", ["-netns", namespace, ...args]);

/** An N for which this machine uses nothing of 10.77.N.0/24, neither as an address nor as a route. */
async function freeThirdOctet(): Promise<number> {
  const used =
    (await run("ip", ["-4", "route", "show", "table", "all"])) + (await run("ip", ["-4", "address"]));
  const start = Math.floor(Math.random() * 250);
  for (let step = 0; step < 250; step++) {
    const third = (start + step) % 250;
    if (!used.includes(`10.77.${third}.`)) return third;
  }
  throw new Error("no network 10.77.N.0/24 is free on this machine");
}

/** A program started to run until the testbed is stopped, its output in a file. */
export interface StartedProcess {
  readonly pid: number;
  isRunning(): boolean;
}

export async function startProcess(
  ledger: Ledger,
  log: string,
  file: string,
  args: readonly string[],
): Promise<StartedProcess> {
  const output = openSync(log, "a");
  const child = spawn(file, args, { detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  const started = await new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`cannot run ${file}: ${error.message}`)));
    child.on("spawn", () => resolve(child.pid ?? 0));
  });
  const identity = identify(started);
  if (identity === undefined) throw new Error(`${file} ended at once:\n${readFileSync(log, "utf8")}`);
  ledger.record({ kind: "process", process: identity });
  child.unref();
  return { pid: started, isRunning: () => identify(started)?.startTicks === identity.startTicks };
}

/** Waits until something in `namespace` listens on the TCP port. */
export async function untilListening(namespace: string, port: number): Promise<void> {
  await until(`TCP port ${port} in ${namespace}`, 10_000, async () => {
    const sockets = await attempt("ip", ["netns", "exec", namespace, "ss", "-Hltn", `sport = :${port}`]);
    return sockets.stdout.trim() !== "" || undefined;
  });
}
