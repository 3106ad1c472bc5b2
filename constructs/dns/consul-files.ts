/** Where the parts of a Consul agent lie on a host, apart from what any Consul package brings along. */
export const CONSUL_PATHS = {
  folder: "/etc/tricloud/consul",
  agent: "/etc/tricloud/consul/agent.json",
  gossip: "/etc/tricloud/consul/gossip.json",
  service: (name: string): string => `/etc/tricloud/consul/service-${name}.json`,
  guard: "/usr/local/lib/tricloud/consul-guard",
  unit: "/etc/systemd/system/consul.service",
} as const;
