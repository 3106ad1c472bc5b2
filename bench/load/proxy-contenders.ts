import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

/** The bench's servers: origin, ours, and those it is held against. Each runs as one process on one core. */
export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Host that makes it forward to the origin over this scheme. */
  host(scheme: "http" | "https"): string;
  /** Seconds of CPU it has used so far. */
  cpuSeconds(): number;
  /** Resident memory in MiB. */
  memory(): number;
  stop(): Promise<void>;
}

export const ORIGIN = { address: "127.0.0.1", http: 42_080, https: 42_443, name: "localhost" } as const;
/** User-visible clock ticks a second: what /proc counts in. */
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export function onPath(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** A certificate for localhost and its authority, in `directory`: ca.pem, origin.pem, origin.key. */
export function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const key = ["-newkey", "rsa:2048", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=bench");
  openssl("req", ...key, "-keyout", "origin.key", "-out", "origin.csr", "-subj", "/CN=localhost");
  writeFileSync(join(directory, "names"), `subjectAltName=DNS:${ORIGIN.name}`);
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "origin.csr", ...signed, "-out", "origin.pem");
  writeFileSync(
    join(directory, "haproxy.pem"),
    readFileSync(join(directory, "origin.pem"), "utf8") + readFileSync(join(directory, "origin.key"), "utf8"),
  );
}

function nginxHead(directory: string, name: string): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off; master_process off; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600;
      ${kinds.map((kind) => `${kind}_temp_path ${directory}/${name}-${kind};`).join(" ")}`;
}

/** nginx with a 22-byte answer at /small and the files of `directory`/www. @param listen its address */
export async function startOrigin(
  directory: string,
  core: number,
  listen: string = ORIGIN.address,
): Promise<Server> {
  const conf = `${nginxHead(directory, "origin")}
      server { listen ${listen}:${ORIGIN.http}; listen ${listen}:${ORIGIN.https} ssl;
        ssl_certificate ${directory}/origin.pem; ssl_certificate_key ${directory}/origin.key;
        location = /small { return 200 "twenty-two bytes body."; }
        location / { root ${directory}/www; } } }`;
  writeFileSync(join(directory, "origin.conf"), conf);
  return start(["nginx", "-p", directory, "-c", join(directory, "origin.conf")], core, ORIGIN.http, listen);
}

export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `command` on one core and waits until its port answers. */
export async function start(
  command: readonly string[],
  core: number,
  port: number,
  address = "127.0.0.1",
): Promise<Server> {
  const child: ChildProcess = spawn(
    "sh",
    ["-c", `ulimit -n $(ulimit -H -n); exec taskset -c ${core} "$@"`, "sh", ...command],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const giveUp = Date.now() + 10_000;
  while (!(await answers(address, port))) {
    if (child.exitCode !== null || Date.now() > giveUp) {
      child.kill("SIGKILL");
      throw new Error(`${command.join(" ")} does not answer on port ${port}`);
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

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
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
  bundle: string,
  core: number,
  started: (contender: Contender) => void,
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const add = async (
    name: string,
    port: number,
    command: string[],
    host: Contender["host"],
  ): Promise<void> => {
    const server = await start(command, core, port);
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
  const label = (scheme: "http" | "https"): string =>
    `${ORIGIN.name}.ccnproxy${scheme === "https" ? "-https" : ""}:${ORIGIN[scheme]}`;
  const ours = [
    "--listen",
    "127.0.0.1",
    "-p",
    "42001",
    "-c",
    "64",
    "--allow",
    ORIGIN.name,
    "--allow-address",
    "127.0.0.0/8",
  ];
  await add(
    "ours",
    42_001,
    [process.execPath, bundle, ...ours, "--ca-file", `${directory}/ca.pem`, "--access-log-dir", "none"],
    label,
  );

  const nginx = `${nginxHead(directory, "nginx")}
      upstream http { server 127.0.0.1:${ORIGIN.http}; keepalive 64; keepalive_requests 1000000000; }
      upstream https { server 127.0.0.1:${ORIGIN.https}; keepalive 64; keepalive_requests 1000000000; }
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host ${ORIGIN.name};
      server { listen 127.0.0.1:42002; server_name http; location / { proxy_pass http://http; } }
      server { listen 127.0.0.1:42002; server_name https; location / { proxy_pass https://https;
        proxy_ssl_trusted_certificate ${directory}/ca.pem; proxy_ssl_verify on; proxy_ssl_name ${ORIGIN.name}; proxy_ssl_server_name on; } } }`;
  writeFileSync(join(directory, "nginx.conf"), nginx);
  await add(
    "nginx",
    42_002,
    ["nginx", "-p", directory, "-c", join(directory, "nginx.conf")],
    (scheme) => scheme,
  );

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
  bind 127.0.0.1:42003
  use_backend tls if { hdr(host) https }
  default_backend plain
backend plain
  http-request set-header Host ${ORIGIN.name}
  server origin 127.0.0.1:${ORIGIN.http} pool-max-conn 64
backend tls
  http-request set-header Host ${ORIGIN.name}
  server origin 127.0.0.1:${ORIGIN.https} ssl verify required ca-file ${directory}/ca.pem verifyhost ${ORIGIN.name} sni str(${ORIGIN.name}) pool-max-conn 64
`;
  writeFileSync(join(directory, "haproxy.cfg"), haproxy);
  await add("haproxy", 42_003, ["haproxy", "-db", "-f", join(directory, "haproxy.cfg")], (scheme) => scheme);
  if (onPath("chocon")) {
    process.env["SSL_CERT_FILE"] = `${directory}/ca.pem`;
    process.env["GOMAXPROCS"] = "1";
    await add(
      "chocon",
      42_004,
      ["chocon", "-l", "127.0.0.1", "-p", "42004", "-c", "64", "--access-log-dir", "none"],
      label,
    );
  }
  return contenders;
}

function cpuSeconds(pid: number): number {
  // After the command's name in brackets: state is field 3, utime 14, stime 15.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function memory(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}
