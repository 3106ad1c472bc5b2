import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { readStacks } from "../../../planning/stack/synthesized-stacks";
import { type Certificates, makeCertificates } from "../certificates";
import { attempt, until } from "../command";
import { ip, startProcess } from "../network";
import { type Testbed } from "../testbed";
import { programFile } from "./program-file";
import { type CallsOutcome, callsDuring } from "./steady-calls";

/** Of the far site's network. */
const ADDRESS = "203.0.113.11";
/** One of those from which Google's front ends and health checks come. */
const FRONT_END = "35.191.0.1";

/** What stands in for Google's load balancer, at the far site, and those who call through it from there. */
export class GoogleLoadBalancer {
  private constructor(
    private readonly namespace: string,
    private readonly certificates: Certificates,
    /** Where it takes requests once a Gateway is programmed. */
    readonly address: string,
  ) {}

  /**
   * @param out where the app is synthesised whose stack `uk` says what the project has
   * @param hosts that its certificate is valid for
   */
  static async start(
    { ledger, network, far, cluster, directory }: Testbed,
    out: string,
    hosts: readonly string[],
  ): Promise<GoogleLoadBalancer> {
    const own = join(directory, "load-balancer");
    mkdirSync(own);
    const certificates = makeCertificates(own, hosts);
    for (const address of [ADDRESS, FRONT_END])
      await ip(far.namespace, ["address", "add", `${address}/32`, "dev", "wan"]);
    await ip(network.rack, ["route", "add", `${FRONT_END}/32`, "dev", "wan"]);
    const settings = {
      kubeconfig: cluster.kubeconfig,
      from: FRONT_END,
      certificate: certificates.certificate,
      key: certificates.key,
      project: projectOf(out),
    };
    await startProcess(ledger, join(own, "log"), "nsenter", [
      ...[`--net=/run/netns/${far.namespace}`, process.execPath, programFile("google-load-balancer.cjs")],
      JSON.stringify(settings),
    ]);
    return new GoogleLoadBalancer(far.namespace, certificates, ADDRESS);
  }

  /** Waits until what is behind a URL answers 200, from outside. */
  async untilAnswering(url: string): Promise<void> {
    const { namespace, certificates, address } = this;
    const { hostname } = new URL(url);
    const call = [
      ...["curl", "-s", "-m", "5", "--cacert", certificates.authority, "-o", "/dev/null"],
      ...["--resolve", `${hostname}:443:${address}`, "-w", "%{http_code}", url],
    ];
    await until(`${url} answers from outside`, 60_000, async () => {
      const { stdout } = await attempt("nsenter", [`--net=/run/netns/${namespace}`, ...call]);
      return stdout === "200" || undefined;
    });
  }

  /**
   * Calls a URL from outside at a steady rate while `work` is done, over connections that are kept.
   *
   * @param postEvery which of the calls are POSTs: each so-and-so-many-th
   */
  during(
    url: string,
    perSecond: number,
    work: () => Promise<void>,
    postEvery: number,
  ): Promise<CallsOutcome> {
    return callsDuring(
      "nsenter",
      [
        ...[
          `--net=/run/netns/${this.namespace}`,
          "env",
          `NODE_EXTRA_CA_CERTS=${this.certificates.authority}`,
        ],
        ...[process.execPath, programFile("steady-calls.cjs")],
        ...[url, String(perSecond), String(postEvery), this.address],
      ],
      work,
    );
  }
}

/** What the region's own stack makes that a Gateway names. */
function projectOf(out: string): Readonly<Record<string, unknown>> {
  const { configuration } = readStacks(out).find(({ name }) => name === "uk")!;
  const names = (type: string) =>
    Object.values(configuration.resource?.[type] ?? {})
      // Addresses with a purpose are the network's own.
      .filter(({ purpose }) => purpose === undefined)
      .map((resource) => String(resource["name"]));
  return {
    addresses: Object.fromEntries(names("google_compute_global_address").map((name) => [name, ADDRESS])),
    certificateMaps: names("google_certificate_manager_certificate_map"),
    securityPolicies: names("google_compute_security_policy"),
    sslPolicies: names("google_compute_ssl_policy"),
  };
}
