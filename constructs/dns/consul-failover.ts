import type { HostFile, HostService } from "../host";
import { textContent } from "../host";
import { shellApi, shellEnvironment } from "./consul-shell";
import { consulTaskUnit } from "./consul-task-unit";

/**
 * The prepared query under which every service is found as `NAME.query.DOMAIN`: this region's instances, or, when
 * none is healthy, those of the first of the nearest two of `datacenters` that has any.
 */
export function failoverQuery(datacenters: readonly string[], ttlSeconds = 5): Record<string, unknown> {
  return {
    Name: "",
    Template: { Type: "name_prefix_match" },
    Service: {
      Service: "${name.full}",
      OnlyPassing: true,
      Failover: { NearestN: Math.min(2, datacenters.length), Datacenters: datacenters },
    },
    DNS: { TTL: `${ttlSeconds}s` },
  };
}

const SCRIPT = "/usr/local/lib/tricloud/consul-failover";
const QUERY = "/etc/tricloud/consul-failover-query";
const UNIT = "/etc/systemd/system/tricloud-consul-failover.service";

/** What makes a server see to it that the datacenter has exactly that query; the leader writes it. */
export function failoverUpkeep(
  query: Record<string, unknown>,
  tokenFile?: string,
): {
  files: HostFile[];
  services: HostService[];
} {
  return {
    files: [
      { path: QUERY, content: textContent(`${JSON.stringify(query)}\n`) },
      { path: SCRIPT, content: textContent(failoverScript(tokenFile)), mode: "0755" },
      { path: UNIT, content: textContent(FAILOVER_UNIT) },
    ],
    services: [{ name: "tricloud-consul-failover.service", reads: [QUERY, SCRIPT, UNIT] }],
  };
}

/**
 * Shell functions; need `api`. `keep_query` makes the datacenter have exactly the query of that file, and
 * `query_known` tells whether it has one.
 */
export const queryFunctions = (file: string): string => `keep_query() {
  id=$(api query -f | tr '{' '\\n' | sed -n 's/.*"ID": *"\\([^"]*\\)", *"Name": *"".*/\\1/p')
  if [ -z "$id" ]; then
    api query -f -o /dev/null -X POST --data-binary @${file}
  else
    api "query/$id" -f -o /dev/null -X PUT --data-binary @${file}
  fi
}
query_known() { api query -f 2>/dev/null | grep -q '"Name": *""'; }
`;

const failoverScript = (tokenFile: string | undefined): string => `#!/bin/sh
# Sees to it that Consul has the prepared query of ${QUERY}, once there is a leader.
set -eu
${shellEnvironment({ tokenFile })}${shellApi({ tokenFile })}
${queryFunctions(QUERY)}while true; do
  # Others wait for what the leader does, lest two of them make it twice.
  if consul info 2>/dev/null | grep -q 'leader = true'; then
    keep_query
    exit 0
  elif query_known; then
    exit 0
  fi
  sleep 2
done
`;

const FAILOVER_UNIT = consulTaskUnit({
  description: "Consul's query for failover to other regions",
  script: SCRIPT,
  wantsConsul: true,
});
