/** Where the parts of a Consul agent lie on a host, apart from what any Consul package brings along. */
export const CONSUL_PATHS = {
  folder: "/etc/tricloud/consul",
  agent: "/etc/tricloud/consul/agent.json",
  /** What counts at an agent's start only: the servers to join. */
  membership: "/etc/tricloud/consul/membership.json",
  gossip: "/etc/tricloud/consul/gossip.json",
  acl: "/etc/tricloud/consul/acl.json",
  caCertificate: "/etc/tricloud/consul-ca.pem",
  serverCertificate: "/etc/tricloud/consul-server.pem",
  serverKey: "/etc/tricloud/consul-server-key.pem",
  managementToken: "/etc/tricloud/consul-management-token",
  agentToken: "/etc/tricloud/consul-agent-token",
  dnsToken: "/etc/tricloud/consul-dns-token",
  lockToken: "/etc/tricloud/consul-lock-token",
  snapshotKey: "/etc/tricloud/consul-snapshot-key",
  service: (name: string): string => `/etc/tricloud/consul/service-${name}.json`,
  guard: "/usr/local/lib/tricloud/consul-guard",
  unit: "/etc/systemd/system/consul.service",
} as const;

/** Commands of a host with an agent, each a program and a word. */
export const CONSUL_COMMANDS = {
  /** Succeeds when the agent does the job of a server. */
  serving: `${CONSUL_PATHS.guard} serving`,
  /** Succeeds when the datacenter can lose a server. Fails where there is only one. */
  spare: `${CONSUL_PATHS.guard} spare`,
  /** Takes a server out of the datacenter for good, once the others can do without it. */
  leave: `${CONSUL_PATHS.guard} leave`,
} as const;
