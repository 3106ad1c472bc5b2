import { type ProviderHints, type TypeHints } from "./hints";

const RESOURCE_NAME = [
  /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
  "1 to 63 lower case letters, digits and hyphens, a letter first and no hyphen last",
] as const;

const CERTIFICATE_NAME = [
  /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
  "1 to 64 letters, digits, hyphens and underscores, a letter first",
] as const;

/** A text that decodes from base64, for certificates that are only passed on. */
const BASE64 = Buffer.from("known after apply").toString("base64");

/** A resource that is made under its name in its project and keeps both. */
function named(hints: TypeHints = {}): TypeHints {
  return {
    ...hints,
    replace: ["name", "project", ...(hints.replace ?? [])],
    pattern: { name: RESOURCE_NAME, ...hints.pattern },
  };
}

/** A connection of a Memorystore instance, in all its attributes. */
const connection = (type: string, address: string) => ({
  connection_type: type,
  forwarding_rule: "projects/planned-project/regions/europe-west2/forwardingRules/planned-rule",
  ip_address: address,
  network: "projects/planned-project/global/networks/planned-network",
  port: 6379,
  project_id: "planned-project",
  psc_connection_id: "1234567890123456",
  service_attachment: "projects/planned-tenant/regions/europe-west2/serviceAttachments/planned-attachment",
});

/** From the provider's documentation and the services' API references. */
export const GOOGLE_HINTS: ProviderHints = {
  google_compute_network: named({
    replace: ["auto_create_subnetworks", "description"],
    allowed: { routing_mode: ["GLOBAL", "REGIONAL"] },
  }),
  google_compute_subnetwork: named({ replace: ["network", "region", "ip_cidr_range"] }),
  google_compute_router: named({ replace: ["network", "region"] }),
  google_compute_router_nat: named({
    replace: ["router", "region"],
    allowed: {
      source_subnetwork_ip_ranges_to_nat: [
        "ALL_SUBNETWORKS_ALL_IP_RANGES",
        "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
        "LIST_OF_SUBNETWORKS",
      ],
      nat_ip_allocate_option: ["AUTO_ONLY", "MANUAL_ONLY"],
    },
  }),
  google_compute_firewall: named({
    replace: ["network", "direction"],
    conflicts: [["allow", "deny"]],
    allowed: { direction: ["EGRESS", "INGRESS"] },
  }),
  google_compute_address: named({ replace: ["region", "address", "address_type", "subnetwork"] }),
  google_compute_global_address: named({
    values: { address: "192.0.2.30" },
    replace: ["address", "address_type", "ip_version", "prefix_length", "network", "purpose", "description"],
    allowed: { address_type: ["EXTERNAL", "INTERNAL"] },
  }),
  google_compute_security_policy: named({ replace: ["type"] }),
  google_compute_ssl_policy: named(),
  google_compute_managed_ssl_certificate: named({ replace: ["managed.domains"] }),
  google_container_cluster: {
    sensitive: ["master_auth.client_key"],
    items: {
      "addons_config.ray_operator_config": [0, 3],
      "maintenance_policy.maintenance_exclusion": [0, 20],
      "node_config.secondary_boot_disks": [0, 127],
      "node_pool.node_config.secondary_boot_disks": [0, 127],
    },
    replace: [
      "name",
      "project",
      "location",
      "network",
      "subnetwork",
      "networking_mode",
      "datapath_provider",
      "enable_autopilot",
      "initial_node_count",
      "cluster_ipv4_cidr",
      "ip_allocation_policy.cluster_ipv4_cidr_block",
      "ip_allocation_policy.services_ipv4_cidr_block",
      "ip_allocation_policy.cluster_secondary_range_name",
      "ip_allocation_policy.services_secondary_range_name",
      "private_cluster_config.master_ipv4_cidr_block",
    ],
    conflicts: [
      ["cluster_ipv4_cidr", "ip_allocation_policy"],
      ["ip_allocation_policy.cluster_ipv4_cidr_block", "ip_allocation_policy.cluster_secondary_range_name"],
      ["ip_allocation_policy.services_ipv4_cidr_block", "ip_allocation_policy.services_secondary_range_name"],
    ],
    exactlyOne: [["maintenance_policy.daily_maintenance_window", "maintenance_policy.recurring_window"]],
    allowed: {
      datapath_provider: ["ADVANCED_DATAPATH", "DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH"],
      networking_mode: ["ROUTES", "VPC_NATIVE"],
      "dns_config.cluster_dns": ["CLOUD_DNS", "KUBE_DNS", "PLATFORM_DEFAULT", "PROVIDER_UNSPECIFIED"],
      "release_channel.channel": ["EXTENDED", "RAPID", "REGULAR", "STABLE", "UNSPECIFIED"],
    },
    pattern: {
      name: [
        /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/,
        "1 to 40 lower case letters, digits and hyphens, a letter first",
      ],
    },
    values: {
      endpoint: "192.0.2.1",
      "master_auth.cluster_ca_certificate": BASE64,
      "master_auth.client_certificate": BASE64,
      "master_auth.client_key": BASE64,
    },
  },
  google_container_node_pool: {
    items: { "node_config.secondary_boot_disks": [0, 127] },
    replace: [
      "name",
      "name_prefix",
      "project",
      "location",
      "cluster",
      "initial_node_count",
      "max_pods_per_node",
      "node_config.service_account",
      "node_config.oauth_scopes",
      "node_config.preemptible",
      "node_config.spot",
      "node_config.local_ssd_count",
    ],
    conflicts: [["name", "name_prefix"]],
  },
  google_artifact_registry_repository: {
    replace: ["repository_id", "location", "project", "format", "mode", "kms_key_name"],
    pattern: { repository_id: RESOURCE_NAME },
  },
  google_dns_managed_zone: named({
    replace: ["dns_name", "visibility"],
    allowed: { visibility: ["private", "public"] },
    pattern: { dns_name: [/\.$/, "a domain name that ends in a dot"] },
  }),
  google_dns_record_set: {
    replace: ["name", "managed_zone", "project"],
    conflicts: [["rrdatas", "routing_policy"]],
    pattern: { name: [/\.$/, "a domain name that ends in a dot"] },
  },
  google_sql_database_instance: {
    sensitive: ["root_password", "server_ca_cert", "replica_configuration.password"],
    replace: ["name", "project", "region", "encryption_key_name"],
    values: { private_ip_address: "192.0.2.20" },
  },
  google_sql_database: { replace: ["name", "instance", "project"] },
  google_sql_user: { sensitive: ["password"], replace: ["name", "instance", "project", "host"] },
  google_redis_instance: {
    sensitive: ["auth_string"],
    replace: [
      "name",
      "project",
      "region",
      "tier",
      "location_id",
      "authorized_network",
      "connect_mode",
      "reserved_ip_range",
      "transit_encryption_mode",
    ],
    allowed: { tier: ["BASIC", "STANDARD_HA"] },
    pattern: { name: RESOURCE_NAME },
  },
  google_memorystore_instance: {
    replace: [
      "instance_id",
      "project",
      "location",
      "mode",
      "authorization_mode",
      "transit_encryption_mode",
      "zone_distribution_config.mode",
      "zone_distribution_config.zone",
      "allow_fewer_zones_deployment",
      "desired_auto_created_endpoints.network",
      "desired_auto_created_endpoints.project_id",
      "kms_key",
    ],
    allowed: {
      authorization_mode: ["AUTH_DISABLED", "IAM_AUTH"],
      mode: ["CLUSTER", "CLUSTER_DISABLED"],
      node_type: ["HIGHMEM_MEDIUM", "HIGHMEM_XLARGE", "SHARED_CORE_NANO", "STANDARD_SMALL"],
      transit_encryption_mode: ["SERVER_AUTHENTICATION", "TRANSIT_ENCRYPTION_DISABLED"],
    },
    pattern: {
      instance_id: [
        /^[a-z][-a-z0-9]{2,61}[a-z0-9]$/,
        "4 to 63 lower case letters, digits and hyphens, a letter first",
      ],
    },
    values: {
      // Of the two connections that are made automatically, one is for clients to ask first.
      endpoints: [
        {
          connections: [
            { psc_auto_connection: [connection("CONNECTION_TYPE_UNSPECIFIED", "192.0.2.11")] },
            { psc_auto_connection: [connection("CONNECTION_TYPE_DISCOVERY", "192.0.2.10")] },
          ],
        },
      ],
      // Filled in only for connections that a user made.
      discovery_endpoints: [],
    },
  },
  google_certificate_manager_certificate: named({
    sensitive: [
      "self_managed.certificate_pem",
      "self_managed.private_key_pem",
      "self_managed.pem_private_key",
    ],
    replace: [
      "location",
      "scope",
      "managed.domains",
      "managed.dns_authorizations",
      "managed.issuance_config",
      "self_managed.pem_certificate",
      "self_managed.pem_private_key",
      "self_managed.certificate_pem",
      "self_managed.private_key_pem",
    ],
    conflicts: [["managed.dns_authorizations", "managed.issuance_config"]],
    exactlyOne: [
      ["managed", "self_managed"],
      ["self_managed.certificate_pem", "self_managed.pem_certificate"],
      ["self_managed.private_key_pem", "self_managed.pem_private_key"],
    ],
    allowed: { scope: ["ALL_REGIONS", "CLIENT_AUTH", "DEFAULT", "EDGE_CACHE"] },
    pattern: { name: CERTIFICATE_NAME },
  }),
  google_certificate_manager_certificate_map: named(),
  google_certificate_manager_certificate_map_entry: named({
    replace: ["map", "hostname", "matcher"],
    exactlyOne: [["hostname", "matcher"]],
    allowed: { matcher: ["PRIMARY"] },
  }),
  google_certificate_manager_dns_authorization: named({
    replace: ["domain", "location", "type"],
    allowed: { type: ["FIXED_RECORD", "PER_PROJECT_RECORD"] },
    pattern: { name: CERTIFICATE_NAME },
  }),
  google_network_connectivity_service_connection_policy: named({
    replace: ["location", "network", "service_class"],
  }),
  google_artifact_registry_repository_iam_member: {
    replace: ["project", "location", "repository", "role", "member"],
  },
  google_service_networking_connection: { replace: ["network", "service"] },
  google_service_account: {
    replace: ["account_id", "project"],
    pattern: {
      account_id: [
        /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/,
        "6 to 30 lower case letters, digits and hyphens, a letter first",
      ],
    },
  },
  google_service_account_key: {
    sensitive: ["private_key"],
    replace: ["service_account_id", "key_algorithm"],
  },
  google_service_account_iam_member: { replace: ["service_account_id", "role", "member"] },
  google_project_iam_member: { replace: ["project", "role", "member"] },
  google_project_service: { replace: ["project", "service"] },
  google_secret_manager_secret: { replace: ["secret_id", "project"] },
  google_secret_manager_secret_iam_member: { replace: ["project", "secret_id", "role", "member"] },
  google_secret_manager_secret_version: {
    sensitive: ["secret_data"],
    replace: ["secret", "secret_data"],
  },
  google_storage_bucket: {
    items: { lifecycle_rule: [0, 100] },
    replace: ["name", "project", "location"],
  },
  provider: { conflicts: [["access_token", "credentials"]] },
  "data.google_sql_database_instances": { lists: { instances: "google_sql_database_instance" } },
  "data.google_project": { values: { number: "123456789012" } },
  "data.google_client_config": { sensitive: ["access_token"], values: { project: "planned-project" } },
};
