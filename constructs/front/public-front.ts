import { Token } from "cdktf";
import { Construct } from "constructs";
import {
  type Block,
  type Failover,
  type HasFailover,
  type HasInstances,
  servicePool,
  type Switching,
} from "../availability";
import type { IConsul, MaxUnavailable } from "../dns";
import {
  type HostFile,
  type HostProfilePart,
  type IHost,
  processesOn,
  secretContent,
  textContent,
} from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { type AcmeCertificate, refuseTooMuch } from "./acme-certificate";
import { claimedTwice } from "./claims";
import { DEFAULT_ERROR_PAGE } from "./error-page";
import { acmeFiles, acmeSecrets, acmeService } from "./front-acme";
import {
  CERTIFICATE_PATH,
  DEFAULT_HTTP_PORT,
  DEFAULT_HTTPS_PORT,
  FRONT_ADMIN_PORT,
  frontConfig,
  type FrontedService,
  type FrontLimits,
  hostsOf,
  READY_PATH,
} from "./front-config";
import { frontGuard } from "./front-guard";
import { FRONT_PATHS, FRONT_RUNTIME } from "./front-paths";
import { frontUnit } from "./front-unit";

export interface PublicFrontProps extends FrontLimits {
  /** Where it runs: one front on each host, which shares nothing with the others. */
  readonly hosts: readonly IHost[];
  /** Service discovery that names the services' instances, and knows the fronts as `front`. */
  readonly consul: IConsul;
  /** What clients reach, by host name and path. */
  readonly services: readonly FrontedService[];
  /**
   * PEM certificate for all host names with those between it and its authority: an expression, never a literal.
   * @default - the fronts order theirs by `acme`
   */
  readonly certificate?: string;
  /** Its PEM key: an expression of a sensitive value, never a literal. @default - there is one where the certificate is */
  readonly key?: string;
  /** An authority from which each front orders a certificate of its own. @default - `certificate` is delivered */
  readonly acme?: AcmeCertificate;
  /** Port that takes requests over TLS. @default 443 */
  readonly httpsPort?: number;
  /** Port that sends clients on to the other one. @default 80 */
  readonly httpPort?: number;
  /** How long browsers shall ask for HTTPS alone, in seconds; 0 for not at all. @default 86400 */
  readonly hstsSeconds?: number;
  /** HTML that people see while nobody answers behind the front. @default - a plain page */
  readonly errorPage?: string;
  /**
   * Who can ask for health (`/readyz`) and metrics (`/metrics`), on port 9301: the host itself, or whoever reaches the
   * host. Nothing there asks who asks.
   * @default "host"
   */
  readonly metrics?: "host" | "network";
  /** How long a front that is restarted goes on serving while its health says that it goes, in seconds. @default 10 */
  readonly drainSeconds?: number;
  /**
   * Hosts whose fronts may be replaced at once: a number, or a share such as "10%", rounded down to no less than one.
   * @default "25%"
   */
  readonly maxUnavailable?: MaxUnavailable;
}

/**
 * The public entrance of hosts' services: HAProxy on each of several hosts takes HTTPS (HTTP/2 and 1.1) from the
 * internet and hands requests to the healthy instances that service discovery names.
 */
export class PublicFront extends Construct implements HasInstances, HasFailover, HasTopology {
  /** Name under which service discovery knows the fronts. */
  readonly serviceName = "front";
  /** Port that takes requests. */
  readonly port: number;
  readonly instances: readonly Block[];

  private readonly source: CertificateSource;

  /** @throws Error when there is no host or no service, a host name and path lead to two services, there is not one
   *   certificate, what is secret is a literal, or an authority would not give that many certificates */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: PublicFrontProps,
  ) {
    super(scope, id);
    const { hosts, consul, services, maxUnavailable } = props;
    if (hosts.length === 0) {
      throw new Error(`front ${this.node.path}: expected at least one host, got: none`);
    }
    if (services.length === 0) {
      throw new Error(`front ${this.node.path}: expected at least one service, got: none`);
    }
    refuseTwoClaims(services);
    this.source = this.certificateSource();
    this.port = props.httpsPort ?? DEFAULT_HTTPS_PORT;
    this.instances = hosts.flatMap((host) => processesOn(host, "front"));
    consul.addService({
      name: this.serviceName,
      port: this.port,
      hosts,
      maxUnavailable,
      checks: [
        {
          http: `http://127.0.0.1:${FRONT_ADMIN_PORT}${READY_PATH}`,
          intervalSeconds: CHECK_SECONDS.interval,
          timeoutSeconds: CHECK_SECONDS.timeout,
        },
        {
          http: `http://127.0.0.1:${FRONT_ADMIN_PORT}${CERTIFICATE_PATH}`,
          intervalSeconds: 60,
          timeoutSeconds: CHECK_SECONDS.timeout,
        },
      ],
    });
    const part = this.profilePart();
    for (const host of hosts) host.addToProfile(part);
  }

  /** One front is enough; clients, who are told all addresses, take their time to try another one. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  private get pool() {
    return servicePool(this, this.instances, CLIENTS_SWITCH);
  }

  get topology(): readonly TopologyElement[] {
    const { hosts, services } = this.props;
    const on = hosts.map(({ hostName }) => hostName);
    return [
      { kind: "workload", role: "front", on, port: this.port },
      ...services.flatMap(({ name, hosts: names, paths = ["/"] }) =>
        names.flatMap((host) =>
          paths.map((path): TopologyElement => ({
            kind: "name",
            name: `https://${host}${path}`,
            leadsTo: `the fronts on ${on.join(", ")}, and from there to ${name}`,
            answeredBy: "public DNS",
          })),
        ),
      ),
    ];
  }

  private certificateSource(): CertificateSource {
    const { acme, certificate, key, hosts, services, consul } = this.props;
    const { path } = this.node;
    const refuseLiterals = (secrets: Readonly<Record<string, string>>): void => {
      for (const [what, value] of Object.entries(secrets)) {
        if (Token.isUnresolved(value)) continue;
        throw new Error(`front ${path}: ${what} must be a Terraform expression, got: a literal`);
      }
    };
    if (acme !== undefined && certificate === undefined && key === undefined) {
      refuseLiterals(acmeSecrets(acme));
      const names = hostsOf(services);
      refuseTooMuch(path, acme, hosts.length, names.length);
      return { files: acmeFiles({ ...acme, hosts: names, lock: consul.allowLocks(hosts) }), isOrdered: true };
    }
    if (acme === undefined && certificate !== undefined && key !== undefined) {
      refuseLiterals({ certificate, key });
      return { files: deliveredFiles(certificate, key), isOrdered: false };
    }
    const given = Object.entries({ certificate, key, acme }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    );
    throw new Error(
      `front ${path}: expected certificate and key, or acme, got: ${given.join(" and ") || "none of them"}`,
    );
  }

  private profilePart(): HostProfilePart {
    const { services, consul, errorPage = DEFAULT_ERROR_PAGE, drainSeconds = 10 } = this.props;
    const { httpPort = DEFAULT_HTTP_PORT, hstsSeconds, metrics } = this.props;
    const { maxBodyMegabytes, connectionsPerAddress, requestsPerSecond, answerSeconds } = this.props;
    const { files, isOrdered } = this.source;
    const config = frontConfig({
      ...{ maxBodyMegabytes, connectionsPerAddress, requestsPerSecond, answerSeconds },
      ...{ services, httpPort, hstsSeconds, metrics },
      httpsPort: this.port,
      domain: consul.domain,
      runtimeDirectory: `/run/${FRONT_RUNTIME}`,
      ordersCertificate: isOrdered,
    });
    const guard = frontGuard({ ordersCertificate: isOrdered });
    const byReload = [
      ...(isOrdered ? [] : files),
      { path: FRONT_PATHS.errorPage, content: textContent(errorPage) },
      { path: FRONT_PATHS.config, content: textContent(config) },
      { path: FRONT_PATHS.guard, content: textContent(guard), mode: "0755" },
    ];
    const unit = { path: FRONT_PATHS.unit, content: textContent(frontUnit({ drainSeconds })) };
    return {
      packages: ["curl", "haproxy", "openssl", "socat", ...(isOrdered ? ["lego"] : [])],
      files: [...byReload, unit, ...(isOrdered ? files : [])],
      services: [
        ...(isOrdered ? [acmeService(files)] : []),
        {
          name: "haproxy.service",
          reads: [...byReload, unit].map(({ path }) => path),
          runs: ["haproxy"],
          reload: "systemctl reload haproxy.service",
          reloadsFor: byReload.map(({ path }) => path),
          verify: `sh "$STAGED${FRONT_PATHS.guard}" check ${hostsOf(services).join(" ")}`,
          // One without a certificate is as it shall be, if not yet of use: its order may take longer than a deploy.
          health: { command: `${FRONT_PATHS.guard} ${isOrdered ? "up" : "ready"}` },
        },
      ],
    };
  }
}

/** Where the fronts' certificates come from. */
interface CertificateSource {
  readonly files: readonly HostFile[];
  /** Whether the hosts order them. */
  readonly isOrdered: boolean;
}

const deliveredFiles = (certificate: string, key: string): readonly HostFile[] => [
  { path: FRONT_PATHS.certificate, content: secretContent("front-certificate", certificate) },
  {
    path: FRONT_PATHS.key,
    content: secretContent("front-key", key),
    mode: "0400",
    owner: "haproxy",
    group: "haproxy",
  },
];

function refuseTwoClaims(services: readonly FrontedService[]): void {
  const [twice] = claimedTwice(services);
  if (twice === undefined) return;
  const { service, host, path, by } = twice;
  throw new Error(`front: https://${host}${path} leads to one service, got: ${by} and ${service.name}`);
}

/** How Consul finds out that a front is not ready. */
const CHECK_SECONDS = { interval: 2, timeout: 1 };

/** RFC 8305 has clients try the next address sooner; not all of them do. */
const CLIENTS_SWITCH: Switching = {
  seconds: 10,
  source: "clients try the next address of the name after up to 10 s (assumed)",
};
