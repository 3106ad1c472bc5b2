import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Certificates } from "../../test/testbed/certificates";
import { NODE } from "../../test/proxy/node-program";
import { nginxConf } from "../../test/testbed/nginx-conf";

/** How an origin is spoken to: h2 is HTTP/2 over TLS, where the contender knows it, else as https. */
export type Scheme = "http" | "https" | "h2";

/** The bench's servers: origin, ours, and those it is held against. Each runs as one process on one core. */
export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Host that makes it forward to the origin over this scheme. */
  host(scheme: Scheme): string;
  /** Seconds of CPU it has used so far. */
  cpuSeconds(): number;
  /** Resident memory in MiB. */
  memory(): number;
  stop(): Promise<void>;
}

export const ORIGIN = {
  address: "127.0.0.1",
  http: 22_080,
  https: 22_443,
  h2: 22_444,
  name: "localhost",
} as const;
/** User-visible clock ticks a second: what /proc counts in. */
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export function onPath(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** nginx with a 22-byte answer at /small and the files of `directory`/www. */
export function startOrigin(directory: string, certificates: Certificates, core: number): Promise<Server> {
  const { address, http, https, h2 } = ORIGIN;
  return startNginx(
    join(directory, "origin"),
    `server { listen ${address}:${http}; listen ${address}:${https} ssl; listen ${address}:${h2} ssl http2;
       ssl_certificate ${certificates.certificate}; ssl_certificate_key ${certificates.key};
       location = /small { return 200 "twenty-two bytes body."; }
       location / { root ${directory}/www; } }`,
    core,
    http,
  );
}

/** An nginx that neither logs nor ever closes a connection by itself. */
export async function startNginx(prefix: string, http: string, core: number, port: number): Promise<Server> {
  mkdirSync(prefix);
  const file = join(prefix, "nginx.conf");
  const never = "access_log off; keepalive_requests 1000000000; keepalive_timeout 3600;";
  writeFileSync(file, nginxConf(prefix, `${never}\n${http}`));
  return start(["nginx", "-p", prefix, "-c", file, "-e", `${prefix}/error.log`], core, port);
}

export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `command` on one core and waits until its port answers. */
export async function start(command: readonly string[], core: number, port: number): Promise<Server> {
  if (await answers(port))
    throw new Error(`port ${port}, which is ${command[0]}'s, is taken by another program`);
  const child: ChildProcess = spawn(
    "sh",
    ["-c", `ulimit -n $(ulimit -H -n); exec taskset -c ${core} "$@"`, "sh", ...command],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  // Who is left by the load at its end says so; it is of interest only when nothing else comes.
  let said = "";
  child.stderr!.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-2_000)));
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const giveUp = Date.now() + 10_000;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > giveUp) {
      child.kill("SIGKILL");
      throw new Error(`${command.join(" ")} does not answer on port ${port}\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    pid: child.pid!,
    stop: () => {
      child.kill("SIGKILL");
      return exit;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Everybody who can be run here, started on `core`; `started` is told of each at once, so that none is left behind. */
export async function startContenders(
  directory: string,
  { authority }: Certificates,
  bundle: string,
  core: number,
  started: (contender: Contender) => void,
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const add = async (
    name: string,
    port: number,
    host: Contender["host"],
    starting: Promise<Server>,
  ): Promise<void> => {
    const server = await starting;
    const contender: Contender = {
      name,
      port,
      host,
      cpuSeconds: () => cpuSeconds(server.pid),
      memory: () => memory(server.pid),
      stop: () => server.stop(),
    };
    contenders.push(contender);
    started(contender);
  };
  const label = (scheme: Scheme): string =>
    `${ORIGIN.name}.ccnproxy${scheme === "http" ? "" : "-https"}:${ORIGIN[scheme]}`;
  const ours = [
    "--listen",
    "127.0.0.1",
    "-p",
    "22001",
    "--allow",
    ORIGIN.name,
    "--allow-address",
    "127.0.0.0/8",
  ];
  const program = [NODE, bundle, ...ours, "--ca-file", authority, "--access-log-dir", "none"];
  await add("ours", 22_001, label, start(program, core, 22_001));

  const http = `
    upstream http { server 127.0.0.1:${ORIGIN.http}; keepalive 64; keepalive_requests 1000000000; }
    upstream https { server 127.0.0.1:${ORIGIN.https}; keepalive 64; keepalive_requests 1000000000; }
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host ${ORIGIN.name};
    server { listen 127.0.0.1:22002; server_name http; location / { proxy_pass http://http; } }
    server { listen 127.0.0.1:22002; server_name https; location / { proxy_pass https://https;
      proxy_ssl_trusted_certificate ${authority}; proxy_ssl_verify on; proxy_ssl_name ${ORIGIN.name}; proxy_ssl_server_name on; } }`;
  const nginx = startNginx(join(directory, "nginx"), http, core, 22_002);
  await add("nginx", 22_002, (scheme) => (scheme === "http" ? "http" : "https"), nginx);

  const haproxy = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 3600s
  timeout server 60s
frontend clients
  bind 127.0.0.1:22003
  use_backend tls if { hdr(host) https }
  use_backend h2 if { hdr(host) h2 }
  default_backend plain
backend plain
  http-request set-header Host ${ORIGIN.name}
  server origin 127.0.0.1:${ORIGIN.http} pool-max-conn 64
backend tls
  http-request set-header Host ${ORIGIN.name}
  server origin 127.0.0.1:${ORIGIN.https} ssl verify required ca-file ${authority} verifyhost ${ORIGIN.name} sni str(${ORIGIN.name}) pool-max-conn 64
backend h2
  http-request set-header Host ${ORIGIN.name}
  server origin 127.0.0.1:${ORIGIN.h2} ssl verify required ca-file ${authority} verifyhost ${ORIGIN.name} sni str(${ORIGIN.name}) alpn h2
`;
  writeFileSync(join(directory, "haproxy.cfg"), haproxy);
  const command = ["haproxy", "-db", "-f", join(directory, "haproxy.cfg")];
  await add("haproxy", 22_003, (scheme) => scheme, start(command, core, 22_003));
  if (onPath("chocon")) {
    process.env["SSL_CERT_FILE"] = authority;
    process.env["GOMAXPROCS"] = "1";
    const chocon = ["chocon", "-l", "127.0.0.1", "-p", "22004", "-c", "64", "--access-log-dir", "none"];
    await add("chocon", 22_004, label, start(chocon, core, 22_004));
  }
  return contenders;
}

/** Seconds of CPU that a process has used so far. */
export function cpuSeconds(pid: number): number {
  // After the command's name in brackets: state is field 3, utime 14, stime 15.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function memory(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}
