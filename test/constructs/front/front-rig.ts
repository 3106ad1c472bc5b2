import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFileSync,
  spawn,
  spawnSync,
} from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DEFAULT_ERROR_PAGE } from "../../../constructs/front/error-page";
import {
  FRONT_ADMIN_PORT,
  frontConfig,
  type FrontConfigOptions,
} from "../../../constructs/front/front-config";
import { acmeScript, type AcmeScriptOptions } from "../../../constructs/front/front-acme";
import { frontGuard } from "../../../constructs/front/front-guard";
import { ACME_PATHS, FRONT_PATHS, FRONT_RUNTIME } from "../../../constructs/front/front-paths";
import { makeCertificates } from "../../testbed/certificates";
import { DnsDouble } from "./dns-double";
import { findProgram } from "../dns/real-binaries";

/** Where the front's own program is, and what its guard speaks to it by. */
export const haproxy = process.env["TRICLOUD_TEST_HAPROXY"] ?? findProgram("haproxy");
export const socat = findProgram("socat");

/** What an instance has been asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** One instance of a service, on a loopback address of its own. */
export class Instance {
  readonly asked: Asked[] = [];
  /** How long it takes to answer, in milliseconds. */
  delay = 0;
  healthy = true;
  private server: Server | undefined;

  constructor(
    readonly address: string,
    private readonly port: number,
  ) {}

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url === "/healthz") return void response.writeHead(this.healthy ? 200 : 500).end();
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString("latin1")));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        this.asked.push({ method, url, headers, body });
        const answering = setTimeout(() => {
          response.writeHead(url === "/broken" ? 500 : 200, { "Content-Type": "text/plain" });
          response.end(url === "/large" ? "0123456789".repeat(5000) : `from ${this.address}\n`);
        }, this.delay);
        answering.unref();
      });
    });
    await once(server.listen(this.port, this.address), "listening");
    this.server = server;
  }

  /** Ends all that is under way, as the end of a process does. */
  async stop(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    const closed = once(server.close(), "close");
    server.closeAllConnections();
    await closed;
  }
}

/** HAProxy as a front runs it, with certificates, a discovery and instances of this run alone. */
export class FrontRig {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly adminPort: number;
  readonly instances: readonly Instance[];
  readonly directory = mkdtempSync(join(tmpdir(), "tricloud-front-"));
  readonly authority: string;
  private process: ChildProcess | undefined;
  private isOrdering = false;
  said = "";
  newestAuthority = "";

  private constructor(
    readonly dns: DnsDouble,
    ports: readonly number[],
  ) {
    [this.httpsPort, this.httpPort, this.adminPort] = ports as [number, number, number];
    this.instances = [1, 2, 3, 4].map((number) => new Instance(`127.77.0.${number}`, ports[3]!));
    const made = makeCertificates(this.directory, NAMES);
    this.authority = readFileSync(made.authority, "utf8");
    this.put(FRONT_PATHS.certificate, readFileSync(made.certificate, "utf8"));
    this.put(FRONT_PATHS.key, readFileSync(made.key, "utf8"));
    this.put(FRONT_PATHS.errorPage, DEFAULT_ERROR_PAGE);
    mkdirSync(this.runtime, { recursive: true });
    const guard = frontGuard()
      .replaceAll(`/run/${FRONT_RUNTIME}`, this.runtime)
      .replaceAll(String(FRONT_ADMIN_PORT), String(this.adminPort));
    this.put(FRONT_PATHS.guard, guard);
    this.port = ports[3]!;
  }

  /** Port of all instances. */
  readonly port: number;

  static async make(): Promise<FrontRig> {
    return new FrontRig(await DnsDouble.start(), await freePorts(4));
  }

  get runtime(): string {
    return join(this.directory, "runtime");
  }

  put(path: string, content: string): void {
    mkdirSync(dirname(join(this.directory, path)), { recursive: true });
    writeFileSync(join(this.directory, path), content);
  }

  get(path: string): string {
    return readFileSync(join(this.directory, path), "utf8");
  }

  /** How many instances the front shares requests among, by its metrics. */
  async servers(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}/metrics`);
    const found = /^haproxy_backend_active_servers\{proxy="service-web"\} (\d+)/m.exec(await response.text());
    return Number(found?.[1]);
  }

  /** Has the front order its certificate; its programs then find all that is the host's in this run's folder. */
  order(options: AcmeScriptOptions): void {
    this.isOrdering = true;
    this.put(FRONT_PATHS.guard, this.here(frontGuard({ ordersCertificate: true })));
    const script = acmeScript(options)
      .replace("systemctl -q is-active haproxy.service", "true")
      .replace("systemctl reload haproxy.service", `sh ${FRONT_PATHS.guard} reload`)
      // The name server has another port than one would ask it by.
      .replace("--dns rfc2136", "--dns rfc2136 --dns.disable-cp");
    this.put(ACME_PATHS.script, this.here(script));
    if (options.caCertificate !== undefined) this.put(ACME_PATHS.authority, options.caCertificate);
    mkdirSync(join(this.directory, ACME_PATHS.state), { recursive: true });
    chmodSync(join(this.directory, ACME_PATHS.script), 0o755);
  }

  /** Runs what keeps its certificate as its unit does. */
  async acme(
    command: string,
    environment: NodeJS.ProcessEnv,
  ): Promise<{ status: number | null; output: string }> {
    const child = spawn(join(this.directory, ACME_PATHS.script), [command], {
      env: { ...this.environment, ...environment, MAINPID: String(this.process?.pid) },
    });
    return outcomeOf(child);
  }

  private here(text: string): string {
    return ["/etc/tricloud", "/var/lib/tricloud", "/usr/local/lib/tricloud"]
      .reduce((changed, folder) => changed.replaceAll(folder, `${this.directory}${folder}`), text)
      .replaceAll("${STAGED}", "")
      .replaceAll(`/run/${FRONT_RUNTIME}`, this.runtime)
      .replaceAll(String(FRONT_ADMIN_PORT), String(this.adminPort));
  }

  configure(options: Partial<FrontConfigOptions> = {}): void {
    const text = frontConfig({
      services: [
        { name: "web", port: this.port, healthPath: "/healthz", hosts: ["www.example.test"] },
        {
          name: "api",
          port: this.port,
          healthPath: "/healthz",
          hosts: ["www.example.test"],
          paths: ["/api"],
        },
      ],
      domain: "consul",
      runtimeDirectory: this.runtime,
      httpsPort: this.httpsPort,
      httpPort: this.httpPort,
      dnsPort: this.dns.port,
      ordersCertificate: this.isOrdering,
      ...options,
    });
    // The unit forbids what HAProxy asks for to compile one, and HAProxy started by itself is not forbidden it.
    expect(text).not.toMatch(/ -m reg|_reg\b|regsub|map_reg/);
    // Where tests run, fewer files may be open than on a front.
    const small = text.replace("maxconn 8000", "maxconn 500");
    this.put(
      FRONT_PATHS.config,
      this.isOrdering ? this.here(small) : small.replaceAll(`:${FRONT_ADMIN_PORT}`, `:${this.adminPort}`),
    );
  }

  /** These instances are known under the service's name. */
  name(service: string, instances: readonly Instance[]): void {
    this.dns.names.set(
      `${service}.service.consul`,
      instances.map(({ address }) => address),
    );
  }

  async start(): Promise<void> {
    const config = join(this.directory, FRONT_PATHS.config);
    this.process = spawn(haproxy!, ["-W", "-f", config], { env: this.environment, stdio: "pipe" });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on("data", (part: Buffer) => (this.said += part.toString()));
    }
    const goal = this.isOrdering ? "up" : "ready";
    await this.until(goal, () => this.guard(goal).status === 0);
  }

  /** Runs the guard as the unit does. */
  guard(...args: readonly string[]): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync("sh", [join(this.directory, FRONT_PATHS.guard), ...args], {
      env: { ...this.environment, MAINPID: String(this.process?.pid) },
      encoding: "utf8",
    });
    return { status, output: stdout + stderr };
  }

  /** The same while this process goes on with its own. */
  async guardBeside(...args: readonly string[]): Promise<{ status: number | null; output: string }> {
    const child = spawn("sh", [join(this.directory, FRONT_PATHS.guard), ...args], {
      env: { ...this.environment, MAINPID: String(this.process?.pid) },
    });
    return outcomeOf(child);
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!(await holds())) {
      if (Date.now() > deadline || (this.process?.exitCode ?? null) !== null)
        throw new Error(`not ${what} in 30 s; HAProxy said:\n${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** A certificate for these names by another authority, with its key. */
  certificateFor(names: readonly string[]): { certificate: string; key: string } {
    const folder = mkdtempSync(join(this.directory, "other-"));
    const made = makeCertificates(folder, names);
    this.newestAuthority = readFileSync(made.authority, "utf8");
    return { certificate: readFileSync(made.certificate, "utf8"), key: readFileSync(made.key, "utf8") };
  }

  /** A certificate that has ended. */
  endedCertificate(): string {
    const folder = join(this.directory, "ended");
    cpSync(join(this.directory, "server.csr"), join(folder, "server.csr"), { recursive: true });
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
    openssl(
      ...["x509", "-req", "-in", "server.csr", "-CA", "../authority.pem", "-CAkey", "../authority.key"],
      ...["-CAcreateserial", "-days", "-1", "-extfile", "../server.ext", "-out", "ended.pem"],
    );
    return readFileSync(join(folder, "ended.pem"), "utf8");
  }

  async stop(): Promise<void> {
    const { process: running } = this;
    if (running !== undefined && running.exitCode === null && running.signalCode === null) {
      const ended = once(running, "exit");
      running.kill("SIGTERM");
      await ended;
    }
    this.process = undefined;
    for (const instance of this.instances) await instance.stop();
    this.dns.stop();
    rmSync(this.directory, { recursive: true });
  }

  private get environment(): NodeJS.ProcessEnv {
    return { ...process.env, STAGED: this.isOrdering ? "" : this.directory };
  }
}

const NAMES = ["www.example.test"];

async function outcomeOf(child: ChildProcessWithoutNullStreams) {
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => (output += part.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output };
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
