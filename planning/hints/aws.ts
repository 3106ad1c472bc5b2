import { type ProviderHints, type TypeHints } from "./hints";

const IPV4_CIDR = [/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "an IPv4 network such as 10.0.0.0/16"] as const;
const LOAD_BALANCER_NAME = [
  /^(?!-|internal-)[A-Za-z0-9-]{1,32}(?<!-)$/,
  "1 to 32 letters, digits and hyphens, no hyphen at either end",
] as const;

/** A type whose name is given or made from a prefix, and cannot change. */
function named(hints: TypeHints = {}): TypeHints {
  return {
    ...hints,
    replace: ["name", "name_prefix", ...(hints.replace ?? [])],
    conflicts: [["name", "name_prefix"], ...(hints.conflicts ?? [])],
  };
}

const validationOption = (index: number) => ({
  domain_name: `planned-${index}.example.com`,
  resource_record_name: `_planned-${index}.example.com`,
  resource_record_type: "CNAME",
  resource_record_value: `_planned-${index}.acm-validations.aws`,
});

/** A part of a bucket's configuration, which stays with its bucket. */
const OF_BUCKET: TypeHints = { replace: ["bucket"] };

const SECURITY_GROUP_RULE: TypeHints = {
  replace: ["security_group_id"],
  exactlyOne: [["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"]],
  pattern: { cidr_ipv4: IPV4_CIDR },
};

/** From the provider's documentation and the services' API references. */
export const AWS_HINTS: ProviderHints = {
  aws_vpc: {
    replace: ["cidr_block", "ipv4_ipam_pool_id"],
    conflicts: [["cidr_block", "ipv4_netmask_length"]],
    allowed: { instance_tenancy: ["default", "dedicated"] },
    pattern: { cidr_block: IPV4_CIDR },
  },
  aws_subnet: {
    replace: [
      "vpc_id",
      "cidr_block",
      "availability_zone",
      "availability_zone_id",
      "ipv6_native",
      "outpost_arn",
    ],
    conflicts: [["availability_zone", "availability_zone_id"]],
    pattern: { cidr_block: IPV4_CIDR },
  },
  aws_internet_gateway: { replace: [] },
  aws_nat_gateway: {
    replace: ["allocation_id", "subnet_id", "connectivity_type"],
    allowed: { connectivity_type: ["private", "public"] },
  },
  aws_eip: {
    replace: ["domain", "address", "public_ipv4_pool", "network_border_group"],
    conflicts: [["instance", "network_interface"]],
    allowed: { domain: ["vpc", "standard"] },
  },
  aws_route_table: { replace: ["vpc_id"] },
  aws_route: {
    replace: [
      "route_table_id",
      "destination_cidr_block",
      "destination_ipv6_cidr_block",
      "destination_prefix_list_id",
    ],
    exactlyOne: [["destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"]],
    conflicts: [
      [
        "gateway_id",
        "nat_gateway_id",
        "network_interface_id",
        "transit_gateway_id",
        "vpc_endpoint_id",
        "vpc_peering_connection_id",
        "egress_only_gateway_id",
      ],
    ],
    pattern: { destination_cidr_block: IPV4_CIDR },
  },
  aws_route_table_association: {
    replace: ["subnet_id", "gateway_id"],
    exactlyOne: [["subnet_id", "gateway_id"]],
  },
  aws_vpc_endpoint: {
    replace: ["vpc_id", "service_name", "vpc_endpoint_type"],
    allowed: {
      vpc_endpoint_type: ["Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"],
    },
  },
  aws_flow_log: {
    replace: [
      "vpc_id",
      "subnet_id",
      "eni_id",
      "traffic_type",
      "log_destination",
      "log_destination_type",
      "log_format",
      "iam_role_arn",
      "max_aggregation_interval",
    ],
    exactlyOne: [["eni_id", "subnet_id", "vpc_id", "transit_gateway_id", "transit_gateway_attachment_id"]],
    allowed: {
      traffic_type: ["ACCEPT", "ALL", "REJECT"],
      log_destination_type: ["cloud-watch-logs", "kinesis-data-firehose", "s3"],
    },
  },
  aws_security_group: named({ replace: ["description", "vpc_id"] }),
  aws_default_security_group: { replace: ["vpc_id"] },
  aws_vpc_security_group_ingress_rule: SECURITY_GROUP_RULE,
  aws_vpc_security_group_egress_rule: SECURITY_GROUP_RULE,
  aws_launch_template: named({
    conflicts: [
      ["security_group_names", "vpc_security_group_ids"],
      ["iam_instance_profile.arn", "iam_instance_profile.name"],
      ["instance_type", "instance_requirements"],
    ],
    allowed: {
      "metadata_options.http_tokens": ["optional", "required"],
      "metadata_options.http_endpoint": ["disabled", "enabled"],
    },
    // Any change makes a version, and what names it changes along.
    renewed: { latest_version: "*", default_version: "*" },
    values: { latest_version: 1, default_version: 1 },
  }),
  aws_autoscaling_group: named({
    exactlyOne: [["launch_configuration", "launch_template", "mixed_instances_policy"]],
    conflicts: [
      ["availability_zones", "vpc_zone_identifier"],
      ["launch_template.id", "launch_template.name"],
    ],
    allowed: { health_check_type: ["EC2", "ELB"], "instance_refresh.strategy": ["Rolling"] },
  }),
  aws_autoscaling_policy: {
    items: Object.fromEntries(
      ["capacity", "load", "scaling"].map((kind) => [
        `predictive_scaling_configuration.metric_specification.customized_${kind}_metric_specification.metric_data_queries`,
        [1, 10] as const,
      ]),
    ),
    replace: ["name", "autoscaling_group_name"],
    conflicts: [["scaling_adjustment", "step_adjustment"]],
    allowed: {
      policy_type: ["PredictiveScaling", "SimpleScaling", "StepScaling", "TargetTrackingScaling"],
    },
  },
  aws_iam_role: named({ replace: ["path"] }),
  aws_iam_policy: named({ replace: ["path", "description"] }),
  aws_iam_role_policy: named({ replace: ["role"] }),
  aws_iam_instance_profile: named({ replace: ["path"] }),
  aws_iam_role_policy_attachment: { replace: ["role", "policy_arn"] },
  aws_lb: named({
    replace: ["internal", "load_balancer_type"],
    conflicts: [["subnets", "subnet_mapping"]],
    allowed: {
      load_balancer_type: ["application", "gateway", "network"],
      ip_address_type: ["dualstack", "dualstack-without-public-ipv4", "ipv4"],
    },
    pattern: { name: LOAD_BALANCER_NAME },
  }),
  aws_lb_target_group: named({
    replace: ["port", "protocol", "protocol_version", "target_type", "vpc_id"],
    allowed: { target_type: ["alb", "instance", "ip", "lambda"] },
    pattern: { name: LOAD_BALANCER_NAME },
  }),
  aws_lb_listener: {
    sensitive: ["default_action.authenticate_oidc.client_secret"],
    items: {
      "default_action.forward.target_group": [1, 5],
      "default_action.jwt_validation.additional_claim": [0, 10],
    },
    replace: ["load_balancer_arn"],
  },
  aws_lb_listener_certificate: { replace: ["certificate_arn", "listener_arn"] },
  aws_lb_listener_rule: {
    sensitive: ["action.authenticate_oidc.client_secret"],
    items: {
      "action.forward.target_group": [1, 5],
      "action.jwt_validation.additional_claim": [0, 10],
      transform: [0, 2],
    },
    replace: ["listener_arn"],
  },
  aws_wafv2_web_acl: named({
    replace: ["scope"],
    conflicts: [["rule", "rule_json"]],
    allowed: { scope: ["CLOUDFRONT", "REGIONAL"] },
  }),
  aws_wafv2_web_acl_association: { replace: ["resource_arn", "web_acl_arn"] },
  aws_wafv2_web_acl_logging_configuration: {
    items: { redacted_fields: [0, 100] },
    replace: ["resource_arn", "log_destination_configs"],
  },
  aws_db_event_subscription: named(),
  aws_db_instance: {
    sensitive: ["password", "password_wo"],
    replace: [
      "engine",
      "db_name",
      "username",
      "storage_encrypted",
      "kms_key_id",
      "availability_zone",
      "snapshot_identifier",
      "character_set_name",
    ],
    conflicts: [
      ["identifier", "identifier_prefix"],
      ["password", "password_wo", "manage_master_user_password"],
    ],
    pattern: {
      identifier: [/^[a-z](-?[a-z0-9])*$/, "lower case letters, digits and single hyphens, a letter first"],
    },
  },
  aws_db_subnet_group: named(),
  aws_db_parameter_group: named({ replace: ["family", "description"] }),
  aws_elasticache_replication_group: {
    sensitive: ["auth_token"],
    items: { log_delivery_configuration: [0, 2] },
    replace: [
      "replication_group_id",
      "port",
      "subnet_group_name",
      "at_rest_encryption_enabled",
      "kms_key_id",
      "network_type",
    ],
    conflicts: [["num_cache_clusters", "num_node_groups"]],
    pattern: {
      replication_group_id: [
        /^[a-z](-?[a-z0-9]){0,39}$/,
        "1 to 40 lower case letters, digits and single hyphens, a letter first",
      ],
    },
  },
  aws_elasticache_user: {
    sensitive: ["passwords", "authentication_mode.passwords"],
    replace: ["user_id", "user_name"],
  },
  aws_elasticache_user_group: { replace: ["user_group_id"] },
  aws_elasticache_subnet_group: { replace: ["name"] },
  aws_elasticache_parameter_group: { replace: ["name", "family", "description"] },
  aws_route53_zone: { replace: ["name", "delegation_set_id"], conflicts: [["delegation_set_id", "vpc"]] },
  aws_route53_record: {
    replace: ["zone_id", "name", "set_identifier"],
    conflicts: [
      ["alias", "records"],
      ["alias", "ttl"],
    ],
    allowed: {
      type: [
        "A",
        "AAAA",
        "CAA",
        "CNAME",
        "DS",
        "HTTPS",
        "MX",
        "NAPTR",
        "NS",
        "PTR",
        "SOA",
        "SPF",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
      ],
    },
  },
  aws_route53_health_check: { replace: ["type", "request_interval", "reference_name", "measure_latency"] },
  aws_kms_key: {
    replace: ["key_usage", "customer_master_key_spec", "multi_region", "custom_key_store_id"],
    allowed: { key_usage: ["ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "SIGN_VERIFY"] },
  },
  aws_kms_alias: named(),
  aws_ecr_repository: {
    items: { image_tag_mutability_exclusion_filter: [0, 5] },
    replace: ["name", "encryption_configuration"],
    allowed: {
      image_tag_mutability: ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE", "MUTABLE_WITH_EXCLUSION"],
    },
    pattern: {
      name: [
        /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
        "lower-case letters, digits and ._-/ between them",
      ],
    },
  },
  aws_secretsmanager_secret: named(),
  aws_secretsmanager_secret_version: {
    sensitive: ["secret_string", "secret_string_wo", "secret_binary"],
    replace: ["secret_id", "secret_string", "secret_binary"],
    conflicts: [["secret_string", "secret_string_wo", "secret_binary"]],
  },
  aws_s3_bucket: {
    replace: ["bucket", "bucket_prefix", "object_lock_enabled"],
    conflicts: [["bucket", "bucket_prefix"]],
    pattern: {
      bucket: [/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "3 to 63 lower case letters, digits, dots and hyphens"],
    },
  },
  aws_s3_bucket_versioning: {
    ...OF_BUCKET,
    allowed: { "versioning_configuration.status": ["Disabled", "Enabled", "Suspended"] },
  },
  aws_s3_bucket_public_access_block: OF_BUCKET,
  aws_s3_bucket_policy: OF_BUCKET,
  aws_s3_bucket_server_side_encryption_configuration: OF_BUCKET,
  aws_s3_bucket_lifecycle_configuration: OF_BUCKET,
  aws_s3_bucket_ownership_controls: OF_BUCKET,
  aws_s3_object: {
    replace: ["bucket", "key"],
    renewed: { version_id: ["content", "content_base64", "source", "source_hash", "kms_key_id"] },
    conflicts: [["content", "content_base64", "source"]],
  },
  aws_cloudwatch_log_group: named(),
  aws_cloudwatch_metric_alarm: {
    replace: ["alarm_name"],
    conflicts: [
      ["metric_name", "metric_query"],
      ["statistic", "extended_statistic"],
    ],
    allowed: {
      comparison_operator: [
        "GreaterThanOrEqualToThreshold",
        "GreaterThanThreshold",
        "GreaterThanUpperThreshold",
        "LessThanLowerOrGreaterThanUpperThreshold",
        "LessThanLowerThreshold",
        "LessThanOrEqualToThreshold",
        "LessThanThreshold",
      ],
      treat_missing_data: ["breaching", "ignore", "missing", "notBreaching"],
    },
  },
  aws_acm_certificate: {
    sensitive: ["private_key"],
    replace: ["domain_name", "subject_alternative_names", "validation_method", "key_algorithm"],
    // As many as a certificate of ours has names, at most.
    values: { domain_validation_options: [1, 2].map(validationOption) },
    allowed: { validation_method: ["DNS", "EMAIL", "HTTP"] },
  },
  aws_acm_certificate_validation: { replace: ["certificate_arn", "validation_record_fqdns"] },
  aws_sns_topic: named({ replace: ["fifo_topic"] }),
  aws_sns_topic_policy: { replace: ["arn"] },
  aws_sns_topic_subscription: { replace: ["topic_arn", "protocol", "endpoint"] },
  aws_ssm_parameter: { sensitive: ["value", "value_wo"], replace: ["name"] },
  "data.aws_availability_zones": {
    values: {
      names: ["planned-a", "planned-b", "planned-c"],
      zone_ids: ["planned-az1", "planned-az2", "planned-az3"],
    },
  },
  "data.aws_caller_identity": { values: { account_id: "123456789012" } },
  "data.aws_partition": { values: { partition: "aws", dns_suffix: "amazonaws.com" } },
  "data.aws_iam_policy_document": { values: { json: '{"Version":"2012-10-17","Statement":[]}' } },
  "data.aws_secretsmanager_secret_version": { sensitive: ["secret_string", "secret_binary"] },
  "data.aws_ssm_parameter": { sensitive: ["value"] },
};
