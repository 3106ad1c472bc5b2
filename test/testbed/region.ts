import { readFileSync } from "node:fs";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { type Testbed } from "./testbed";

/** Name of the origin at the far site. */
export const ORIGIN = "api.example.test";

type Servers = DedicatedRegionInput["servers"];

/** Hosts of the small Japanese region: what each is for. */
export const JP_ROLES: Readonly<Record<string, Servers[number]["roles"]>> = {
  "jp-1": ["consul-server", "proxy"],
  "jp-2": ["consul-server", "proxy"],
  "jp-3": ["consul-server", "app"],
};

/** The region value that describes the testbed's own hosts, as an operator would have written it for real ones. */
export function jpRegion(testbed: Testbed): DedicatedRegionInput {
  return {
    name: "jp",
    platform: "dedicated",
    cidr: testbed.network.cidr,
    ssh: { user: "root", privateKeyPath: testbed.operator.privateKeyPath, connectTimeoutSeconds: 30 },
    servers: testbed.hosts.map(({ name, address, hostKey }) => ({
      name,
      address,
      hostKey,
      roles: JP_ROLES[name] ?? [],
    })),
    proxy: {
      allow: ["*.example.test"],
      warm: [`${ORIGIN}:443=2`],
      caCertificate: readFileSync(testbed.far.authority, "utf8"),
    },
    consul: {
      aptSource: testbed.consulSource,
    },
    dns: { forwarders: [testbed.network.gateway], records: { [ORIGIN]: testbed.far.address } },
  };
}
