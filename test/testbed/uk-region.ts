import { readFileSync } from "node:fs";
import { type GkeRegionInput } from "../../stacks/values/regions";
import uk from "../../regions/uk";
import { type ClusterProps } from "./cluster/cluster";
import { type Testbed } from "./testbed";

/** Name of the origin at the far site that the region calls. */
export const UK_ORIGIN = "api.example.com";

/** A cluster that the region's own value describes. */
export const UK_CLUSTER: ClusterProps = { project: uk.project, zones: uk.zones, ranges: uk.ranges };

/**
 * The project's own region value, with what only the testbed knows. The gate to the internet is left out: nothing
 * here is Google's load balancer.
 */
export function ukRegion(testbed: Testbed): GkeRegionInput {
  testbed.cluster.setRecords({ [UK_ORIGIN]: [testbed.far.address] });
  return {
    ...uk,
    proxy: {
      allow: [UK_ORIGIN],
      warm: [`${UK_ORIGIN}:443=2`],
      caCertificate: readFileSync(testbed.far.authority, "utf8"),
    },
    // What stands in for Consul's chart knows neither.
    consul: { ...uk.consul, tls: false, acl: false },
    entrance: undefined,
  };
}
