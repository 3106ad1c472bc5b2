import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Certificates, makeCertificates } from "../test/testbed/certificates";
import { nginxConf } from "../test/testbed/nginx-conf";
import { roundTrip, runClient, type WanOrder, type WanResult } from "./load/wan-client";

/*
 * What a call to an https origin 19 ms away costs: direct, through chocon when it is on PATH, through ours, one request
 * and 200 at once, on the first call and later: `npm run bench:wan`. A first call is one after each start, so that
 * proxies are started several times; medians count. Two network namespaces are joined by a line that
 * holds every packet back for half the round trip (test/testbed/long-line.py). Prints a table and writes JSON.
 */

const ROUND_TRIP_MS = 19;
const NEAR = `tcwan-near-${process.pid}`;
const FAR = `tcwan-far-${process.pid}`;
const DEVICE = "tcwan";
const NEAR_ADDRESS = "10.231.19.1";
const FAR_ADDRESS = "10.231.19.2";
const HTTP1_PORT = 43_443;
const HTTP2_PORT = 43_444;
const PROXY_PORT = 43_000;
const ADMIN_PORT = 43_001;
const CONCURRENT = [1, 200];
/** Times that everything is started anew for one row. */
const STARTS = 5;
const RESULT = ".testbed/bench/wan.json";

interface Running {
  readonly output: () => string;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

interface Row extends WanResult {
  readonly way: string;
  readonly concurrent: number;
  /** TLS handshakes with the origin until the last answer; undefined where nobody counts them. */
  readonly handshakes: number | undefined;
}

const running: Running[] = [];
const namespaces: string[] = [];
let directory = "";
/** PEM file of who signed the origin's certificate. */
let authority = "";

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("bench:wan needs root: it makes network namespaces");
  const missing = ["nginx", "ip", "python3", "openssl", "curl"].filter((program) => !onPath(program));
  if (missing.length > 0)
    throw new Error(
      `bench:wan needs ${missing.join(", ")}: apt-get install nginx-light iproute2 python3 openssl curl`,
    );
  directory = mkdtempSync(join(tmpdir(), "tricloud-bench-wan-"));
  const interrupted = (): void => void cleanUp().then(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    await layLine();
    const certificates = makeCertificates(directory, [FAR_ADDRESS]);
    ({ authority } = certificates);
    await startOrigin(certificates);
    // The file that is shipped; script/bench has built it.
    const bundle = resolve("dist/tricloud-proxy.js");
    const measured = await inside(NEAR, { address: FAR_ADDRESS, port: HTTP1_PORT });
    const trip = (measured as { roundTrip: number }).roundTrip;
    console.log(
      `round trip ${trip.toFixed(1)} ms (TCP connect), https origin; milliseconds until the answer, slowest of all\n`,
    );
    console.log("way                              at once   first    over   later    over   handshakes");
    const rows: Row[] = [];
    for (const concurrent of CONCURRENT) {
      rows.push(await repeated(() => direct(concurrent)));
      if (onPath("chocon")) rows.push(await repeated(() => throughChocon(concurrent)));
      else if (concurrent === 1) console.log("chocon is not on PATH and is left out");
      for (const [way, port, warm] of [
        ["ours, HTTP/1.1 origin", HTTP1_PORT, concurrent],
        ["ours, HTTP/2 origin", HTTP2_PORT, 2],
      ] as const)
        rows.push(await repeated(() => throughOurs(bundle, way, concurrent, port, warm)));
      for (const row of rows.filter((each) => each.concurrent === concurrent)) print(row, trip);
    }
    mkdirSync(join(RESULT, ".."), { recursive: true });
    writeFileSync(RESULT, `${JSON.stringify({ roundTripMs: trip, rows }, null, 2)}\n`);
    console.log(`\nwritten to ${RESULT}`);
  } finally {
    await cleanUp();
  }
}

/** Ends all that was started, newest first, and takes the line away. */
async function cleanUp(): Promise<void> {
  for (const each of running.splice(0).reverse()) await each.stop();
  for (const namespace of namespaces.splice(0)) ip("netns", "del", namespace);
  rmSync(directory, { recursive: true, force: true });
}

/** The median of several runs, first and later requests each by themselves. */
async function repeated(run: () => Promise<Row>): Promise<Row> {
  const rows: Row[] = [];
  for (let i = 0; i < STARTS; i++) rows.push(await run());
  const median = (of: "first" | "later"): Row["first"] =>
    rows.map((row) => row[of]).sort((a, b) => a.slowest - b.slowest)[Math.floor(STARTS / 2)]!;
  return { ...rows[0]!, first: median("first"), later: median("later") };
}

function print(row: Row, trip: number): void {
  const ms = (value: number): string => value.toFixed(1).padStart(7);
  const over = (value: number): string => `+${(value - trip).toFixed(1)}`.padStart(7);
  const { first, later } = row;
  console.log(
    row.way.padEnd(32),
    String(row.concurrent).padStart(7),
    ms(first.slowest),
    over(first.slowest),
    ms(later.slowest),
    over(later.slowest),
    String(row.handshakes ?? "?").padStart(12),
  );
}

async function direct(concurrent: number): Promise<Row> {
  const order = {
    address: FAR_ADDRESS,
    port: HTTP1_PORT,
    host: FAR_ADDRESS,
    ca: authority,
    concurrent,
  };
  return { way: "direct", concurrent, ...((await inside(NEAR, order)) as WanResult), handshakes: concurrent };
}

async function throughOurs(
  bundle: string,
  way: string,
  concurrent: number,
  port: number,
  warm: number,
): Promise<Row> {
  const flags = [
    "--listen",
    "127.0.0.1",
    "-p",
    String(PROXY_PORT),
    "--admin-listen",
    `127.0.0.1:${ADMIN_PORT}`,
  ];
  const origin = ["--allow", FAR_ADDRESS, "--ca-file", authority, "--warm", `${FAR_ADDRESS}:${port}=${warm}`];
  const proxy = start(NEAR, [process.execPath, bundle, ...flags, ...origin, "--access-log-dir", "none"]);
  await until(async () => (await ask(`http://127.0.0.1:${ADMIN_PORT}/readyz`)) === "ready\n");
  const order = {
    address: "127.0.0.1",
    port: PROXY_PORT,
    host: `${FAR_ADDRESS}.ccnproxy-https:${port}`,
    concurrent,
  };
  const result = (await inside(NEAR, order)) as WanResult;
  const metrics = await ask(`http://127.0.0.1:${ADMIN_PORT}/metrics`);
  await proxy.stop();
  const handshakes = Number(/^tricloud_proxy_origin_handshakes_total\{[^}]*\} (\d+)$/m.exec(metrics)?.[1]);
  return { way: `${way}, ${warm} warm`, concurrent, ...result, handshakes };
}

async function throughChocon(concurrent: number): Promise<Row> {
  process.env["SSL_CERT_FILE"] = authority;
  const flags = [
    "-l",
    "127.0.0.1",
    "-p",
    String(PROXY_PORT),
    "-c",
    String(concurrent),
    "--access-log-dir",
    "none",
  ];
  const proxy = start(NEAR, ["chocon", ...flags]);
  await until(async () => (await ask(`http://127.0.0.1:${PROXY_PORT}/.api/stats`)) !== "");
  const host = `${FAR_ADDRESS}.ccnproxy-https:${HTTP1_PORT}`;
  const result = (await inside(NEAR, {
    address: "127.0.0.1",
    port: PROXY_PORT,
    host,
    concurrent,
  })) as WanResult;
  await proxy.stop();
  return { way: "chocon", concurrent, ...result, handshakes: undefined };
}

async function layLine(): Promise<void> {
  for (const namespace of [NEAR, FAR]) {
    ip("netns", "add", namespace);
    namespaces.push(namespace);
  }
  const script = join(process.cwd(), "test/testbed/long-line.py");
  const line = startHere(["python3", script, NEAR, FAR, DEVICE, String(ROUND_TRIP_MS / 2)]);
  await until(async () => line.output().includes("ready"));
  for (const [namespace, address, peer] of [
    [NEAR, NEAR_ADDRESS, FAR_ADDRESS],
    [FAR, FAR_ADDRESS, NEAR_ADDRESS],
  ] as const) {
    ip("-n", namespace, "link", "set", "lo", "up");
    ip("-n", namespace, "addr", "add", address, "peer", peer, "dev", DEVICE);
    ip("-n", namespace, "link", "set", DEVICE, "up");
  }
}

async function startOrigin({ certificate, key }: Certificates): Promise<void> {
  const file = join(directory, "nginx.conf");
  writeFileSync(
    file,
    nginxConf(
      directory,
      `access_log off; keepalive_requests 1000000; http2_max_concurrent_streams 256;
       ssl_certificate ${certificate}; ssl_certificate_key ${key};
       server { listen ${FAR_ADDRESS}:${HTTP1_PORT} ssl; listen ${FAR_ADDRESS}:${HTTP2_PORT} ssl http2;
         location = /small { return 200 "twenty-two bytes body."; } }`,
    ),
  );
  start(FAR, ["nginx", "-p", directory, "-c", file, "-e", `${directory}/error.log`]);
  await until(async () => {
    try {
      return readFileSync(join(directory, "nginx.pid"), "utf8") !== "";
    } catch {
      return false;
    }
  });
}

function onPath(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}

function start(namespace: string, command: readonly string[]): Running {
  return startHere(["ip", "netns", "exec", namespace, ...command]);
}

function startHere([program = "", ...args]: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const exit = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const made: Running = {
    output: () => text,
    ended: exit,
    stop: () => {
      child.kill("SIGKILL");
      return exit;
    },
  };
  running.push(made);
  return made;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > giveUp)
      throw new Error(`not ready in time:\n${running.map((each) => each.output()).join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The body of `url`, asked from the near namespace; empty when nobody answers. */
async function ask(url: string): Promise<string> {
  const client = start(NEAR, ["curl", "-s", "-m", "5", url]);
  await exitOf(client);
  return client.output();
}

async function exitOf(client: Running): Promise<void> {
  const index = running.indexOf(client);
  await client.ended;
  running.splice(index, 1);
}

/** Runs this program's client part in a namespace. */
async function inside(namespace: string, order: Partial<WanOrder>): Promise<unknown> {
  const client = start(namespace, [process.execPath, __filename, "client", JSON.stringify(order)]);
  await exitOf(client);
  try {
    return JSON.parse(client.output());
  } catch {
    throw new Error(`the client failed:\n${client.output()}`);
  }
}

async function client(order: WanOrder): Promise<void> {
  const { address, port, concurrent, ca } = order;
  const result =
    concurrent === undefined
      ? { roundTrip: await roundTrip(address, port) }
      : await runClient(order, ca === undefined ? undefined : readFileSync(ca));
  process.stdout.write(JSON.stringify(result));
}

const work = process.argv[2] === "client" ? client(JSON.parse(process.argv[3]!) as WanOrder) : main();
work.catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
