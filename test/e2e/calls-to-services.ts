import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { VirtualHost } from "../testbed";

/** What one load saw. */
export interface LoadReport {
  readonly gets: number;
  readonly posts: readonly string[];
  readonly failures: readonly string[];
  /** When each of them began, in milliseconds since 1970. */
  readonly failedBegan: readonly number[];
  /** Answers by the version that gave them. */
  readonly versions: Readonly<Record<string, number>>;
}

export interface ServiceLoad {
  /** Ends it once all calls under way are over. */
  end(): Promise<LoadReport>;
}

/** One of the ways that calls go in turn. */
export interface Way {
  readonly host: string;
  readonly port: number;
  /** @default "/" */
  readonly path?: string;
  /** What the name leads to: all of them, in another order each time. @default - what the host's resolver says */
  readonly addresses?: readonly string[];
  /** For TLS: the host's file of whom to trust. @default - plain HTTP */
  readonly authority?: string;
  readonly servername?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Brings the program that calls to a host. */
export const placeLoad = (host: VirtualHost): void =>
  writeFileSync(join(host.root, "srv/load.js"), readFileSync(join(__dirname, "service-load.js")));

/** What the instances of a service on these hosts say they ran: the id of each POST, as often as it was run. */
export async function postsRun(hosts: readonly VirtualHost[], unit: string): Promise<readonly string[]> {
  const said = await Promise.all(
    hosts.map((host) => host.run(`journalctl -q --no-pager -o cat -u ${unit} | sed -n 's/^ran //p'`)),
  );
  return said.join("").split("\n").filter(Boolean);
}

/** From outside, by a public name. */
export const throughFront = (front: VirtualHost, name: string, authority: string, path = "/"): Way => ({
  host: front.address,
  port: 443,
  servername: name,
  headers: { Host: name },
  authority,
  path,
});

/** Calls services from a host, so many times a second, until it is told to end. */
export function startServiceLoad(from: VirtualHost, perSecond: number, ways: readonly Way[]): ServiceLoad {
  const command = `node /srv/load.js ${perSecond} '${JSON.stringify(ways)}'`;
  const load = spawn("ssh", [...from.sshArguments(), command], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  load.stdout.on("data", (part: Buffer) => (said += part.toString()));
  return {
    end: async () => {
      const ended = once(load as ChildProcess, "close");
      load.stdin.end();
      await ended;
      return JSON.parse(said) as LoadReport;
    },
  };
}

/**
 * The load of calls, of which a third are POSTs, while something happens, and for so long before and after it. It is told
 * as a line of a table.
 *
 * @param what happens, for people
 * @param besideMs how long before, and after
 */
export async function tellLoadDuring(
  load: ServiceLoad,
  what: string,
  besideMs: number,
  happens: () => Promise<unknown>,
): Promise<LoadReport> {
  let report: LoadReport;
  try {
    await delay(besideMs);
    await happens();
    await delay(besideMs);
  } finally {
    report = await load.end();
  }
  const { gets, posts, failures } = report;
  process.stdout.write(`| ${[what, gets, posts.length, failures.length].join(" | ")} |\n`);
  return report;
}
