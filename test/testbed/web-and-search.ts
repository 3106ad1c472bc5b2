import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DedicatedRegionInput, Ec2RegionInput } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { ownEntranceName } from "../../stacks/values/services/service-entrances";
import { makeCertificates } from "./certificates";
import type { Deployment } from "./deployment";
import { ImageRegistry } from "./image-registry";
import { jpRegion } from "./region";
import type { Testbed } from "./testbed";

const EXAMPLE = resolve(__dirname, "../../examples/web-and-search");
const valueOf = <V>(file: string): V => JSON.parse(readFileSync(join(EXAMPLE, file), "utf8")) as V;

/** The example of that name: what its JP and US have, and what it runs there. */
const example = {
  jp: () => valueOf<DedicatedRegionInput>("regions/jp.json"),
  us: () => valueOf<Ec2RegionInput>("regions/us.json"),
  web: () => valueOf<ServiceInput>("services/web.json"),
  search: () => valueOf<ServiceInput>("services/search.json"),
};

/** Where proxies of other regions reach the US's `search`. */
export const searchEntrance = (): string => ownEntranceName("us", example.us().entrance!.domain);

/** Host name by which people reach `web`. */
export const publicName = (): string => example.web().public!.hosts[0]!;

/** JP of the example on a testbed's own hosts, which are named as its servers are. */
export class WebAndSearch {
  private constructor(
    private readonly testbed: Testbed,
    private readonly registry: ImageRegistry,
    private readonly webImage: string,
    /** The front's certificate: path of its authority's, PEM. */
    readonly authority: string,
    /** What the deploy's variables hold. */
    readonly secrets: Readonly<Record<string, string>>,
  ) {}

  /** Makes an image of `web` and a certificate for its public name. */
  static async prepare(testbed: Testbed): Promise<WebAndSearch> {
    const registry = await ImageRegistry.start(testbed);
    const webImage = await registry.push("web", { env: { VERSION: "1" } });
    const directory = join(testbed.directory, "public");
    mkdirSync(directory);
    const { authority, certificate, key } = makeCertificates(directory, [publicName()]);
    return new WebAndSearch(testbed, registry, webImage, authority, {
      TF_VAR_registry_credentials: registry.credentials,
      TF_VAR_secret_web__session_key: randomBytes(32).toString("base64"),
      TF_VAR_front_certificate: readFileSync(certificate, "utf8"),
      TF_VAR_front_key: readFileSync(key, "utf8"),
    });
  }

  /** Writes the example's values, with what is the testbed's own in place of what is nobody's. */
  write(deployment: Deployment): void {
    const { servers } = example.jp();
    const region = jpRegion(this.testbed);
    const rolesOf = (name: string) => servers.find((server) => server.name === name)!.roles;
    deployment.write({
      ...region,
      servers: region.servers.map((server) => ({ ...server, roles: rolesOf(server.name) })),
      registry: {
        address: this.registry.address,
        caCertificate: readFileSync(this.registry.authority, "utf8"),
        credentials: true,
      },
      dns: {
        ...region.dns,
        records: { ...region.dns?.records, [searchEntrance()]: this.testbed.far.address },
      },
    });
    deployment.write(example.us());
    deployment.writeService({ ...example.web(), image: this.webImage });
    deployment.writeService(example.search());
  }
}
