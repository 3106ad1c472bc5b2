import { copyFileSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SERVERS_HEALTH } from "../consul-commands";
import { type VirtualHost } from "../virtual-host";

/** One look-up or call of a load, its times in milliseconds. */
export interface Attempt {
  readonly ok: boolean;
  readonly askedAt: number;
  readonly took: number;
  readonly why?: string;
}

/** What Consul's autopilot says of the servers, as an agent passes it on. */
export interface ServersHealth {
  /** Null until a leader that was just elected has looked at them. */
  readonly Servers:
    | readonly {
        readonly Name: string;
        readonly Address: string;
        readonly Voter: boolean;
        readonly Healthy: boolean;
      }[]
    | null;
}

/** A program that goes on on a machine, its lines of JSON in a file there. */
export class Observation<Line> {
  /** Runs `command` (which may hold $OUTPUT, a file for its lines) with `program` copied to the machine as $PROGRAM. */
  static async start<Line>(host: VirtualHost, name: string, program: string | undefined, command: string) {
    const output = `/var/tmp/${name}.json`;
    const copy = program === undefined ? "" : `/var/tmp/${basename(program)}`;
    if (program !== undefined) copyFileSync(program, join(host.root, copy));
    const line = command.replaceAll("$OUTPUT", output).replaceAll("$PROGRAM", copy);
    await host.run(`: >${output}; systemd-run -q --unit=${name} bash -c '${line}'`);
    return new Observation<Line>(host, name, output);
  }

  private constructor(
    private readonly host: VirtualHost,
    private readonly name: string,
    private readonly output: string,
  ) {}

  /** What it has written so far. */
  get lines(): Line[] {
    const text = readFileSync(join(this.host.root, this.output), "utf8");
    // The last line may be under way.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  }

  async stop(): Promise<Line[]> {
    await this.host.run(`systemctl stop ${this.name}`);
    return this.lines;
  }
}

/** Look-ups at a steady rate on the machine, as its programs would make them. */
export const lookUps = (host: VirtualHost, ratePerSecond: number, names: readonly string[]) =>
  Observation.start<Attempt>(
    host,
    "look-ups",
    join(__dirname, "../../e2e/dns-load.py"),
    `exec python3 $PROGRAM $OUTPUT ${ratePerSecond} 127.0.0.1,127.0.0.2 ${names.join(",")}`,
  );

/** Calls at a steady rate from the machine. */
export const calls = (host: VirtualHost, ratePerSecond: number, urls: readonly string[]) =>
  Observation.start<Attempt>(
    host,
    "calls",
    join(__dirname, "calls.py"),
    `exec python3 $PROGRAM $OUTPUT ${ratePerSecond} ${urls.join(" ")}`,
  );

/** How the Consul servers are, twice a second. */
export const serversHealth = (host: VirtualHost) =>
  Observation.start<ServersHealth>(
    host,
    "servers-health",
    undefined,
    `while :; do ${SERVERS_HEALTH}; echo; sleep 0.5; done >$OUTPUT`,
  );
