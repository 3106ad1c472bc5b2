import { join } from "node:path";
import fc from "fast-check";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, ORIGIN, Testbed, until, type VirtualHost } from "../testbed";
import { SERVERS_HEALTH } from "../testbed/consul-commands";
import { difference, snapshot } from "./host-snapshot";

type Server = DedicatedRegionInput["servers"][number];
type Role = Server["roles"][number];

/** Machines there are; the region has at most all of them and at least five. */
const MACHINES = ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7"];
const FEWEST = 5;
const HEALTH_OF_ORIGIN = `http://${ORIGIN}.ccnproxy-https/hc`;

/** A machine's part in the region. */
interface Entry {
  name: string;
  host: VirtualHost;
  roles: Set<Role>;
  retired?: true;
}

/** One change that was made and deployed. */
export interface Change {
  readonly what: string;
  /** What is not as it should be afterwards. */
  readonly wrong: readonly string[];
}

/** Asks for a name and calls through a proxy all the time, as an application would, and notes what fails. */
const CALLER = `#!/bin/sh
while :; do
  getent ahostsv4 ${ORIGIN}.ccnproxy-https >/dev/null || echo "$(date +%T) no address" >>/srv/failed
  said=$(curl -sS -m 20 -o /dev/null -w '%{http_code}' ${HEALTH_OF_ORIGIN} 2>&1)
  [ "$said" = 200 ] || echo "$(date +%T) call: $said" >>/srv/failed
  echo >>/srv/asked
  sleep 0.2
done`;

/** What two machines with the same task differ in. */
const OF_ONE_MACHINE = [
  / \/etc\/machine-id/,
  / \/etc\/ssh\/ssh_host_/,
  // What apt, and the last check, said.
  / \/var\/lib\/tricloud\/(apt|check)\.log$/,
  // Compared line by line: the lists keep the order in which things came.
  / \/var\/lib\/tricloud\/(files|services|directories|own-packages)$/,
  / \/var\/lib\/consul\//,
  / \/srv\//,
  / \/var\/lib\/dbus\//,
  /call-all-the-time/,
];

/** A region on virtual hosts that is changed again and again while an application calls through it. */
export class Fleet {
  private readonly entries: Entry[] = [];
  private peers: NonNullable<DedicatedRegionInput["consul"]>["peers"] = undefined;
  private named = 0;

  private constructor(
    private readonly testbed: Testbed,
    private readonly deployment: Deployment,
    private readonly draws: number[],
  ) {}

  /** Deploys the first five machines: three Consul servers, two proxies, all but the caller's among them. */
  static async boot(seed: number): Promise<Fleet> {
    const testbed = await Testbed.boot({ hosts: MACHINES, far: { names: [ORIGIN] } });
    const draws = fc.sample(fc.noBias(fc.nat()), { seed, numRuns: 10_000 });
    const fleet = new Fleet(testbed, new Deployment(join(testbed.directory, "deployment")), draws);
    for (const host of testbed.hosts.slice(0, FEWEST)) fleet.add(host);
    const [, first, second, third, fourth] = fleet.entries as [Entry, Entry, Entry, Entry, Entry];
    for (const { roles } of [first, second, third]) roles.add("consul-server");
    for (const { roles } of [third, fourth]) roles.add("proxy");
    await fleet.deploy();
    // Resolvers may still hold what was so before the first proxy was named.
    await until("a first call", 60_000, async () => {
      return (await fleet.caller.attempt(`curl -fsS -m 5 ${HEALTH_OF_ORIGIN}`)).code === 0 || undefined;
    });
    await fleet.caller.run(
      `cat >/srv/caller <<'END'\n${CALLER}\nEND\nsystemd-run --quiet --unit=call-all-the-time sh /srv/caller`,
    );
    return fleet;
  }

  stop(): Promise<void> {
    return this.testbed.stop();
  }

  /**
   * Makes that many changes, of kinds in an order drawn from the seed: each once before any comes again, but what would
   * not be legal at its turn.
   */
  async *live(changes: number): AsyncGenerator<Change> {
    for (let made = 0; ;) {
      for (const kind of this.shuffled(KINDS)) {
        const what = await CHANGES[kind](this);
        if (what === undefined) continue;
        const wrong = await this.deployed(kind).catch((error: Error) => [error.message]);
        yield { what, wrong };
        if (wrong.length > 0 || ++made === changes) return;
      }
    }
  }

  private async deployed(kind: Kind): Promise<string[]> {
    const wrong: string[] = [];
    const output = await this.deploy();
    if (kind === "reorder" && !output.includes("No changes.")) wrong.push(`reordered:\n${output}`);
    for (const entry of this.entries.filter(({ retired }) => retired)) {
      this.entries.splice(this.entries.indexOf(entry), 1);
      await this.deploy();
    }
    if (!(await this.deploy()).includes("No changes.")) wrong.push("a second deploy changes something");
    wrong.push(...(await this.votersAmiss()), ...(await this.callsAmiss()));
    return wrong;
  }

  /** What the hosts hold that new ones deployed with the same region value do not, and the other way round. */
  async unlikeFresh(): Promise<string[]> {
    await this.caller.run("systemctl stop call-all-the-time; rm -rf /srv/*");
    const aged = await this.snapshots();
    await Promise.all(this.entries.map(({ host }) => host.reinstall().then(() => host.start())));
    const fresh = new Deployment(join(this.testbed.directory, "fresh"), this.deployment);
    await this.deploy(fresh);
    const young = await this.snapshots();
    return this.entries.flatMap(({ name }, index) =>
      difference(young[index]!, aged[index]!)
        .filter((line) => !OF_ONE_MACHINE.some((pattern) => pattern.test(line)))
        .map((line) => `${name}: ${line}`),
    );
  }

  /** What a deploy from a second clone, whose state knows none of the hosts, changes on them or has calls suffer. */
  async changedBySecondClone(): Promise<string[]> {
    const before = await this.processes();
    await this.deploy(new Deployment(join(this.testbed.directory, "clone"), this.deployment));
    return [...difference(before, await this.processes()), ...(await this.callsAmiss())];
  }

  /** What runs of ours, each a line. */
  private async processes(): Promise<string[]> {
    const units = "consul.service unbound.service tricloud-proxy.service";
    const all = this.entries.map(async ({ name, host }) =>
      (await host.run(`systemctl show -p Id,MainPID,ActiveState ${units}`))
        .split("\n\n")
        .map((unit) => `${name}: ${unit.trim().replaceAll("\n", " ")}`),
    );
    return (await Promise.all(all)).flat();
  }

  private snapshots(): Promise<string[][]> {
    const record =
      "cd /var/lib/tricloud && grep -H '' files services directories own-packages 2>/dev/null; true";
    return Promise.all(
      this.entries.map(async ({ host }) => [
        ...(await snapshot(host)),
        ...(await host.run(record))
          .split("\n")
          .filter(Boolean)
          .map((line) => `record ${line}`),
      ]),
    );
  }

  // --- what changes are made of ---

  /** One of the entries other than the caller's that fit; undefined when none does. */
  entry(fits: (entry: Entry) => boolean = () => true): Entry | undefined {
    const fitting = this.entries.filter((entry) => entry.host !== this.caller && fits(entry));
    return fitting.length === 0 ? undefined : fitting[this.draw(fitting.length)];
  }

  with(role: Role): Entry[] {
    return this.entries.filter(({ roles }) => roles.has(role));
  }

  get canLoseOne(): boolean {
    return this.entries.length > FEWEST;
  }

  /** A machine that is not in the region. */
  get spare(): VirtualHost | undefined {
    return this.testbed.hosts.find((host) => !this.entries.some((entry) => entry.host === host));
  }

  add(host: VirtualHost): string {
    const name = this.newName();
    this.entries.push({ name, host, roles: new Set(["app"]) });
    return name;
  }

  newName(): string {
    return `jp-${++this.named}`;
  }

  reorder(): void {
    this.entries.reverse();
  }

  togglePeers(): string {
    this.peers = this.peers === undefined ? { us: ["192.0.2.10"] } : undefined;
    return JSON.stringify(this.peers ?? "none");
  }

  renumber(host: VirtualHost): Promise<void> {
    return this.testbed.renumber(host);
  }

  // --- how it is ---

  /** The machine of the application: it stays as it is. */
  private get caller(): VirtualHost {
    return this.testbed.hosts[0]!;
  }

  private async votersAmiss(): Promise<string[]> {
    const expected = this.with("consul-server").map(({ name }) => name);
    const { host } = this.with("consul-server")[0]!;
    const health = await until("an answer of the servers", 120_000, async () => {
      const answer = await host.attempt(SERVERS_HEALTH);
      return answer.stdout.startsWith("{") ? answer.stdout : undefined;
    });
    const { Servers } = JSON.parse(health) as { Servers: { Name: string; Voter: boolean }[] };
    const voters = Servers.flatMap(({ Name, Voter }) => (Voter ? [Name] : []));
    if (voters.sort().join() === expected.sort().join()) return [];
    return [`voters are ${voters.join(", ")}, expected ${expected.join(", ")}: ${health}`];
  }

  private async callsAmiss(): Promise<string[]> {
    const failed = await this.caller.run("cat /srv/failed 2>/dev/null || true");
    const asked = Number(await this.caller.run("cat /srv/asked 2>/dev/null | wc -l"));
    const underWay =
      asked > 10 ? "" : await this.caller.run("ps -eo etimes,args | grep -E 'getent|curl' || true");
    await this.caller.run("rm -f /srv/failed /srv/asked");
    return [
      ...failed.split("\n").filter(Boolean),
      ...(asked > 10 ? [] : [`only ${asked} calls were made; under way: ${underWay}`]),
    ];
  }

  private async deploy(deployment = this.deployment): Promise<string> {
    const described = jpRegion(this.testbed);
    const servers = this.entries.map(({ name, host, roles, retired }) => ({
      name,
      address: host.address,
      hostKey: host.hostKey,
      roles: [...roles],
      ...(retired === undefined ? {} : { retired }),
    }));
    // Whoever has peers says whose tokens hold; it says so always, that peers alone come and go.
    const consul = {
      ...described.consul,
      primaryDatacenter: "jp",
      ...(this.peers === undefined ? {} : { peers: this.peers }),
    };
    deployment.write({ ...described, consul, servers });
    const { code, output } = await deployment.deploy("jp");
    if (code !== 0) throw new Error(`exit code ${code}:\n${output}`);
    return output;
  }

  private draw(below: number): number {
    const drawn = this.draws.pop();
    if (drawn === undefined) throw new Error("more draws than were made");
    return drawn % below;
  }

  private shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.draw(left.length), 1)[0]!);
  }
}

const isServer = ({ roles }: Entry): boolean => roles.has("consul-server");
const isProxy = ({ roles }: Entry): boolean => roles.has("proxy");

/** Gives a role of one to another that has it not. */
function handOn(fleet: Fleet, role: Role, from: Entry): Entry | undefined {
  const to = fleet.entry((entry) => entry !== from && !entry.roles.has(role));
  to?.roles.add(role);
  if (to !== undefined) from.roles.delete(role);
  return to;
}

/** Every kind of change: each makes one and says which, or undefined where it would not be legal now. */
const CHANGES = {
  add: async (fleet: Fleet) => fleet.spare && `add ${fleet.add(fleet.spare)}`,
  retire: async (fleet: Fleet) => {
    const leaving = fleet.canLoseOne ? fleet.entry() : undefined;
    if (leaving === undefined) return undefined;
    for (const role of ["consul-server", "proxy"] as const) {
      if (leaving.roles.has(role) && handOn(fleet, role, leaving) === undefined) return undefined;
    }
    leaving.retired = true;
    return `retire ${leaving.name}`;
  },
  reinstall: async (fleet: Fleet) => {
    const entry = fleet.entry();
    if (entry === undefined) return undefined;
    // An owner lets a machine say good-bye first.
    await entry.host.shutDown();
    await until(`${entry.name} is off`, 120_000, async () => !entry.host.isOn || undefined);
    await entry.host.reinstall();
    await entry.host.start();
    return `reinstall ${entry.name}`;
  },
  rename: async (fleet: Fleet) => {
    const entry = fleet.entry();
    if (entry === undefined) return undefined;
    const before = entry.name;
    entry.name = fleet.newName();
    return `rename ${before} to ${entry.name}`;
  },
  "move server": async (fleet: Fleet) => {
    const from = fleet.entry(isServer);
    const to = from && handOn(fleet, "consul-server", from);
    return to && `${to.name} is a Consul server instead of ${from.name}`;
  },
  "move proxy": async (fleet: Fleet) => {
    const from = fleet.entry(isProxy);
    const to = from && handOn(fleet, "proxy", from);
    return to && `${to.name} is a proxy instead of ${from.name}`;
  },
  reorder: async (fleet: Fleet) => {
    fleet.reorder();
    return "turn the list round";
  },
  renumber: async (fleet: Fleet) => {
    const entry = fleet.entry();
    if (entry === undefined) return undefined;
    const before = entry.host.address;
    // Calls under way would be lost with the address: an owner lets them end first.
    if (isProxy(entry)) await entry.host.run("systemctl stop tricloud-proxy.service");
    await fleet.renumber(entry.host);
    return `renumber ${entry.name} from ${before} to ${entry.host.address}`;
  },
  "new key": async (fleet: Fleet) => {
    const entry = fleet.entry();
    await entry?.host.changeHostKeys();
    return entry && `new host keys on ${entry.name}`;
  },
  "new package": async (fleet: Fleet) => {
    const entry = fleet.entry((one) => !isProxy(one));
    entry?.roles.add("proxy");
    return entry && `a proxy's packages on ${entry.name}`;
  },
  "new option": async (fleet: Fleet) => `Consul's peers are ${fleet.togglePeers()}`,
  "more servers": async (fleet: Fleet) => {
    const one = fleet.entry((entry) => !isServer(entry));
    const other = fleet.entry((entry) => !isServer(entry) && entry !== one);
    if (fleet.with("consul-server").length !== 3 || !one || !other) return undefined;
    for (const { roles } of [one, other]) roles.add("consul-server");
    return `${one.name} and ${other.name} are Consul servers too`;
  },
  "fewer servers": async (fleet: Fleet) => {
    const one = fleet.entry(isServer);
    const other = fleet.entry((entry) => isServer(entry) && entry !== one);
    if (fleet.with("consul-server").length !== 5 || !one || !other) return undefined;
    for (const { roles } of [one, other]) roles.delete("consul-server");
    return `${one.name} and ${other.name} are Consul servers no longer`;
  },
} satisfies Readonly<Record<string, (fleet: Fleet) => Promise<string | undefined>>>;

type Kind = keyof typeof CHANGES;

const KINDS = Object.keys(CHANGES) as Kind[];
