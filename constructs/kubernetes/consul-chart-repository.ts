/** Where HashiCorp publishes its chart of Consul, and what it is called there. */
export const CONSUL_CHART = { repository: "https://helm.releases.hashicorp.com", chart: "consul" } as const;
