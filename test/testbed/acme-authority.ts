import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import type { DynamicUpdates } from "../../constructs/front/acme-certificate";
import { makeCertificates } from "./certificates";

export interface AcmeAuthorityOptions {
  /** Where all that it keeps lies; is made. */
  readonly directory: string;
  /** Address of this machine that authority and name server listen on. */
  readonly address: string;
  /** Ports of the directory, of its management and of the name server. */
  readonly ports: { readonly directory: number; readonly management: number; readonly dns: number };
  /** Zone whose names it gives certificates for. */
  readonly zone: string;
  /** How long its certificates last, in seconds. */
  readonly lastsSeconds: number;
}

/**
 * A real ACME authority, pebble, which asks a real name server, BIND, for what those who order put there by signed
 * updates. It refuses one of twenty requests for its nonce, as pebble does.
 */
export class AcmeAuthority {
  /** PEM certificate that the directory's own is checked against. */
  readonly directoryAuthority: string;
  readonly updates: DynamicUpdates;
  said = "";
  private pebble: ChildProcess | undefined;
  private named: ChildProcess | undefined;

  private constructor(private readonly options: AcmeAuthorityOptions) {
    const { directory, address, ports, zone, lastsSeconds } = options;
    mkdirSync(directory, { recursive: true });
    const made = makeCertificates(directory, [address]);
    this.directoryAuthority = readFileSync(made.authority, "utf8");
    const secret = randomBytes(32).toString("base64");
    this.updates = { server: `${address}:${ports.dns}`, keyName: "fronts", secret };
    const pebble = {
      listenAddress: `${address}:${ports.directory}`,
      managementListenAddress: `${address}:${ports.management}`,
      certificate: made.certificate,
      privateKey: made.key,
      httpPort: 5002,
      tlsPort: 5001,
      ocspResponderURL: "",
      certificateValidityPeriod: lastsSeconds,
    };
    writeFileSync(join(directory, "pebble.json"), JSON.stringify({ pebble }));
    writeFileSync(
      join(directory, "zone"),
      `$TTL 1\n@ SOA ns.${zone}. nobody.${zone}. 1 60 60 600 1\n@ NS ns.${zone}.\nns A ${address}\n`,
    );
    writeFileSync(
      join(directory, "named.conf"),
      `options {
  directory "${directory}";
  listen-on port ${ports.dns} { ${address}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
};
controls { };
key "fronts" { algorithm hmac-sha256; secret "${secret}"; };
zone "${zone}" {
  type primary;
  file "zone";
  update-policy { grant fronts zonesub TXT; };
};
`,
    );
  }

  static async start(options: AcmeAuthorityOptions): Promise<AcmeAuthority> {
    const authority = new AcmeAuthority(options);
    await authority.startNameServer();
    await authority.comeBack();
    return authority;
  }

  /** URL of its directory. */
  get directory(): string {
    return `https://${this.options.address}:${this.options.ports.directory}/dir`;
  }

  /** How many orders have been made since it came. */
  get orders(): number {
    return this.said.match(/There are now \d+ orders in the db/g)?.length ?? 0;
  }

  /** PEM certificate of the root of what it gives: another one each time that it comes back. */
  async root(): Promise<string> {
    const { address, ports } = this.options;
    return this.get(`https://${address}:${ports.management}/roots/0`);
  }

  /** Nobody answers there any more. */
  async goAway(): Promise<void> {
    await end(this.pebble);
    this.pebble = undefined;
  }

  async comeBack(): Promise<void> {
    const { directory, address, ports } = this.options;
    this.said = "";
    this.pebble = this.spawn("pebble", [
      ...["-config", join(directory, "pebble.json"), "-dnsserver", `${address}:${ports.dns}`],
    ]);
    await this.until(() => this.get(this.directory));
  }

  async stop(): Promise<void> {
    await end(this.pebble);
    await end(this.named);
  }

  private async startNameServer(): Promise<void> {
    const { directory, zone, address, ports } = this.options;
    this.named = this.spawn("named", ["-g", "-c", join(directory, "named.conf"), "-n", "1"]);
    await this.until(() => {
      if (!/ running$/m.test(this.said))
        throw new Error(`no name server for ${zone} at ${address}:${ports.dns}`);
    });
  }

  private spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, {
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin`, PEBBLE_VA_NOSLEEP: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part: Buffer) => (this.said += part.toString()));
    }
    return child;
  }

  private async until(holds: () => unknown): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        return void (await holds());
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`${(error as Error).message}; it said:\n${this.said}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  private get(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      request(url, { ca: this.directoryAuthority, agent: false }, (response) => {
        let body = "";
        response.on("data", (part: Buffer) => (body += part.toString()));
        response.on("end", () => resolve(body));
      })
        .on("error", reject)
        .end();
    });
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** Serial number of a PEM certificate. */
export const serialOf = (pem: string): string =>
  execFileSync("openssl", ["x509", "-noout", "-serial"], { input: pem, encoding: "utf8" }).trim();
