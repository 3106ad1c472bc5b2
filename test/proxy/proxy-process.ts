import { buildSync } from "esbuild";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { NODE } from "./node-program";

const ROOT = join(__dirname, "../..");

/** Proxies that run; a test that fails leaves its own, whose ports the next file's tests would meet. */
const running = new Set<ChildProcess>();

/** A directory of this test's own, removed when Jest ends it together with what still runs. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-proxy-test-"));
  afterAll(() => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** The proxy, or another program on its engine, as it is shipped: one bundled file, made in `directory`. */
export function bundle(directory: string, program: "proxy" | "gateway" = "proxy"): string {
  const outfile = join(directory, `tricloud-${program}.js`);
  buildSync({
    entryPoints: [join(ROOT, program, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
  return outfile;
}

export interface RunningProxy {
  readonly port: number;
  readonly adminPort: number;
  readonly child: ChildProcess;
  /** What was written to stdout and stderr so far. */
  output(): string;
  /** Resolves when `text` has been written. */
  said(text: string): Promise<void>;
  /** Sends SIGTERM and waits; the exit code, or the signal's name. */
  stop(): Promise<number | string>;
}

/** Below the kernel's own range, and apart from what other test processes take. */
let nextPort = 10_000 + (process.pid % 340) * 64;

/** A port that nothing listens on; each call another one. */
export function freePort(): number {
  const taken = listenedOn();
  while (taken.has(nextPort)) nextPort++;
  return nextPort++;
}

/** Ports of this machine's listeners, whose address and state are the second and fourth field of a line. */
function listenedOn(): Set<number> {
  const lines = ["tcp", "tcp6"].flatMap((kind) => readFileSync(`/proc/net/${kind}`, "utf8").split("\n"));
  const listeners = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === "0A");
  return new Set(listeners.map(([, local]) => parseInt(local!.split(":")[1]!, 16)));
}

/** Starts the bundle with `flags`, on a port of its own, and waits until it listens. */
export async function startProxy(
  file: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const port = freePort();
  const adminPort = freePort();
  const own = ["--listen", "127.0.0.1", "--port", String(port), "--admin-listen", `127.0.0.1:${adminPort}`];
  return startProgram(file, [...own, ...flags], { port, adminPort }, env);
}

/**
 * Starts a program of the proxy's engine that its arguments have listen on these ports.
 *
 * @param command that runs it, and becomes it
 */
export async function startProgram(
  file: string,
  args: readonly string[],
  { port, adminPort }: Pick<RunningProxy, "port" | "adminPort">,
  env: Readonly<Record<string, string>> = {},
  [command, ...first]: readonly [string, ...string[]] = [NODE],
): Promise<RunningProxy> {
  const child = spawn(command, [...first, file, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let text = "";
  let ended: number | string | undefined;
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const exit = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve((ended = code ?? signal ?? "unknown")));
  });
  const said = async (wanted: string): Promise<void> => {
    const giveUp = Date.now() + 30_000;
    while (!text.includes(wanted)) {
      if (ended !== undefined)
        throw new Error(`the proxy ended (${ended}) before it said ${wanted}:\n${text}`);
      if (Date.now() > giveUp) throw new Error(`the proxy did not say ${wanted}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await said('"listening"');
  return {
    port,
    adminPort,
    child,
    output: () => text,
    said,
    stop: () => {
      if (ended === undefined) child.kill("SIGTERM");
      return exit;
    },
  };
}

/** The same for as long as `use` takes. */
export async function usingProxy(
  file: string,
  flags: readonly string[],
  use: (proxy: RunningProxy) => Promise<void>,
): Promise<void> {
  const proxy = await startProxy(file, flags);
  try {
    await use(proxy);
  } finally {
    await proxy.stop();
  }
}

/** Sockets that the proxy has open, as the kernel counts them. */
export function socketsOf({ child }: RunningProxy): number {
  const at = `/proc/${child.pid}/fd`;
  return readdirSync(at).filter((fd) => {
    try {
      return readlinkSync(`${at}/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

/** What the admin listener says of each series. */
export async function metricsOf({ adminPort }: RunningProxy): Promise<Map<string, number>> {
  const text = await new Promise<string>((resolve, reject) => {
    get({ port: adminPort, path: "/metrics", agent: false }, (response) => {
      let body = "";
      response.on("data", (part) => (body += part)).on("end", () => resolve(body));
    }).on("error", reject);
  });
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ""), Number(line.replace(/^.* /, ""))]));
}

/**
 * Calls again and again, on each of these lines one call after the other, for as long as `use` takes. Whatever becomes of
 * it the calls end: the next file's programs listen on the same ports.
 */
export async function whileCalling(
  lines: readonly (() => Promise<void>)[],
  use: () => Promise<void>,
): Promise<void> {
  let calling = true;
  const all = Promise.all(
    lines.map(async (call) => {
      while (calling) await call();
    }),
  );
  try {
    await use();
  } finally {
    calling = false;
    await all;
  }
}

/** Waits until `holds`. @throws Error when it still does not after `ms` */
export async function eventually(holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const giveUp = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > giveUp) throw new Error(`waited ${ms} ms in vain for ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until what `seen` gives is `expected`. @throws as `expect` does, with what it gave last, after `ms` */
export async function becomes<T>(seen: () => T | Promise<T>, expected: T, ms = 15_000): Promise<void> {
  const giveUp = Date.now() + ms;
  for (;;) {
    const last = await seen();
    if (isDeepStrictEqual(last, expected)) return;
    if (Date.now() > giveUp) expect(last).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
