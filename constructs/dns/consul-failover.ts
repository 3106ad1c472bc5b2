import type { HostFile, HostService } from "../host";
import { text } from "../host";
import { shellApi, shellToken } from "./consul-shell";
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
      { path: QUERY, content: text(`${JSON.stringify(query)}\n`) },
      { path: SCRIPT, content: text(failoverScript(tokenFile)), mode: "0755" },
      { path: UNIT, content: text(FAILOVER_UNIT) },
    ],
    services: [{ name: "tricloud-consul-failover.service", reads: [QUERY, SCRIPT, UNIT] }],
  };
}

const failoverScript = (tokenFile: string | undefined): string => `#!/bin/sh
# Sees to it that Consul has the prepared query of ${QUERY}, once there is a leader.
set -eu
${shellToken(tokenFile)}${shellApi(tokenFile)}
while true; do
  # Others wait for what the leader does, lest two of them make it twice.
  if consul info 2>/dev/null | grep -q 'leader = true'; then
    id=$(api query -f | tr '{' '\\n' | sed -n 's/.*"ID": *"\\([^"]*\\)", *"Name": *"".*/\\1/p')
    if [ -z "$id" ]; then
      api query -f -o /dev/null -X POST --data-binary @${QUERY}
    else
      api "query/$id" -f -o /dev/null -X PUT --data-binary @${QUERY}
    fi
    exit 0
  elif api query -f 2>/dev/null | grep -q '"Name": *""'; then
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
