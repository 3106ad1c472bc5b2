import { type App } from "cdktf";
import { atLeast } from "../../constructs/availability";
import { type GkeRegion, type GkeRegionInput, validateRegions } from "../../stacks/values/regions";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";

function synthesised(changes: Partial<GkeRegionInput> = {}) {
  const [region] = validateRegions([{ file: "uk.ts", value: { ...uk, ...changes } }]);
  let built: UkStack | undefined;
  const stack = synthesiseApp("uk", (app: App) => (built = new UkStack(app, region as GkeRegion)));
  return { stack, built: built! };
}

afterAll(removeSynthesised);

type Block = Readonly<Record<string, unknown>>;

/** Resources and data sources by their addresses. */
function blocksOf(json: Readonly<Record<string, unknown>>): Map<string, Block> {
  const named = (kind: string, prefix: string) =>
    Object.entries(json[kind] as Record<string, Record<string, Block>>).flatMap(([type, blocks]) =>
      Object.entries(blocks).map(([name, block]) => [`${prefix}${type}.${name}`, block] as const),
    );
  return new Map([...named("resource", ""), ...named("data", "data.")]);
}

/** All that a block waits for: what it says it depends on, what it names, and what those wait for. */
function reachedFrom(address: string, blocks: ReadonlyMap<string, Block>): Set<string> {
  const reached = new Set<string>();
  const visit = (from: string): void => {
    const text = JSON.stringify(blocks.get(from));
    for (const to of blocks.keys()) {
      if (to === from || reached.has(to) || !new RegExp(`(?<![\\w.-])${to}(?![\\w-])`).test(text)) continue;
      reached.add(to);
      visit(to);
    }
  };
  visit(address);
  return reached;
}

const serviceOf = (block: Block | undefined): string | undefined =>
  typeof block?.["service"] === "string" ? /^(\w+)\.googleapis\.com$/.exec(block["service"])?.[1] : undefined;

/** Which API answers what is asked for a type: by the beginning of its name, the longest that fits. */
const APIS: Readonly<Record<string, readonly string[]>> = {
  google_artifact_registry: ["artifactregistry"],
  google_certificate_manager: ["certificatemanager"],
  google_compute: ["compute"],
  google_container: ["container"],
  google_dns: ["dns"],
  google_memorystore: ["memorystore"],
  google_network_connectivity: ["networkconnectivity"],
  google_project: ["cloudresourcemanager"],
  google_secret_manager: ["secretmanager"],
  google_service_account: ["iam"],
  google_service_networking: ["servicenetworking"],
  google_sql: ["sqladmin"],
  terraform_data: [],
};

function apisFor(address: string, block: Block): readonly string[] {
  const type = address.replace(/^data\./, "").split(".")[0] ?? "";
  if (serviceOf(block) === "cloudresourcemanager") return [];
  const known = Object.keys(APIS).find((start) => type.startsWith(start));
  if (known === undefined) throw new Error(`which API answers for ${type}?`);
  return APIS[known] ?? [];
}

describe("UkStack", () => {
  it("is a private regional cluster in a network of its own, over the region's zones", () => {
    // GIVEN the UK's value
    const { stack } = synthesised();

    // THEN the cluster and its nodes are where the value says
    expect(stack.one("google_container_cluster")).toMatchObject({
      name: "uk",
      project: "example-uk",
      location: "europe-west2",
      private_cluster_config: { enable_private_nodes: true, master_ipv4_cidr_block: "10.30.32.0/28" },
    });
    expect(stack.one("google_container_node_pool")).toMatchObject({
      node_locations: ["europe-west2-a", "europe-west2-b", "europe-west2-c"],
      autoscaling: { min_node_count: 1, max_node_count: 3 },
      node_config: { machine_type: "e2-standard-2" },
    });
  });

  it("turns on the APIs it needs first", () => {
    const { stack } = synthesised();
    const apis = stack.resources("google_project_service");
    expect(Object.values(apis).map((api) => api["service"])).toEqual(
      expect.arrayContaining(["compute.googleapis.com", "container.googleapis.com"]),
    );
    expect(stack.one("google_compute_network")["depends_on"]).toEqual([
      expect.stringMatching(/^google_project_service\..*compute/),
    ]);
    expect(stack.one("google_container_cluster")["depends_on"]).toEqual(
      expect.arrayContaining([expect.stringMatching(/^google_project_service\..*container/)]),
    );
  });

  it("makes nothing before its API is on, nor any other API before the one that tells which are", () => {
    // GIVEN a region with all it can have
    const { stack } = synthesised({
      database: {},
      cache: {},
      dockerHub: { username: "example", tokenSecret: "projects/example-uk/secrets/hub/versions/1" },
      consulWanNetworks: ["10.10.0.0/16"],
      consulJoinAddress: "10.30.0.53",
    });

    // THEN each resource and each question waits, itself or by what it names, for the APIs that answer it
    const blocks = blocksOf(stack.json);
    const waiting = [...blocks].flatMap(([address, block]) => {
      const reached = reachedFrom(address, blocks);
      return apisFor(address, block)
        .filter((api) => ![...reached].some((each) => serviceOf(blocks.get(each)) === api))
        .map((api) => `${address} does not wait for ${api}`);
    });
    expect(waiting).toEqual([]);
  });

  it("lets other datacenters in when they are named, and otherwise nobody", () => {
    expect(synthesised().stack.resources("google_compute_firewall")).toEqual({});
    const { stack } = synthesised({
      consulWanNetworks: ["10.10.0.0/16", "10.20.0.0/16"],
      consulJoinAddress: "10.30.0.53",
    });
    expect(stack.one("google_compute_address")).toMatchObject({
      address: "10.30.0.53",
      address_type: "INTERNAL",
    });
    const rules = Object.values(stack.resources("google_compute_firewall"));
    expect(rules.map(({ name }) => name)).toEqual(["uk-allow-consul-wan", "uk-allow-proxy"]);
    for (const rule of rules) expect(rule["source_ranges"]).toEqual(["10.10.0.0/16", "10.20.0.0/16"]);
  });

  it("has a database and a cache when the value asks for them, with private addresses and users that IAM knows", () => {
    const none = synthesised();
    expect(none.built.database).toBeUndefined();
    expect(none.stack.resources("google_memorystore_instance")).toEqual({});

    // WHEN the value asks for both
    const { stack, built } = synthesised({ database: {}, cache: {} });

    // THEN neither has a public address or a password, and both survive a zone
    expect(stack.one("google_sql_database_instance")).toMatchObject({
      name: "uk-db",
      database_version: "MYSQL_8_4",
      deletion_protection: true,
      settings: {
        availability_type: "REGIONAL",
        ip_configuration: { ipv4_enabled: false, ssl_mode: "ENCRYPTED_ONLY" },
        backup_configuration: { enabled: true, binary_log_enabled: true },
      },
    });
    const users = Object.values(stack.resources("google_sql_user"));
    expect(users).toHaveLength(2);
    const workload = users.find(({ type }) => type === "CLOUD_IAM_SERVICE_ACCOUNT");
    expect(workload).not.toHaveProperty("password");
    // AND a person can grant the workload what it may do, in a database that is there
    expect(users).toContainEqual(
      expect.objectContaining({
        name: "administrator",
        password: "${var.database_administrator_password}",
      }),
    );
    expect(stack.json["variable"]).toMatchObject({ database_administrator_password: { sensitive: true } });
    expect(stack.one("google_sql_database")).toMatchObject({ name: "app", deletion_policy: "ABANDON" });
    expect(stack.one("google_memorystore_instance")).toMatchObject({
      instance_id: "uk-cache",
      authorization_mode: "IAM_AUTH",
      transit_encryption_mode: "SERVER_AUTHENTICATION",
      replica_count: 1,
    });
    expect(built.database?.availability).toMatchObject({ availability: 0.9995 });
    expect(built.cache?.availability).toMatchObject({ availability: 0.9999 });
    // AND the applications' pods are who may use them
    const granted = Object.values(stack.resources("google_project_iam_member"))
      .filter(({ member }) => String(member).includes("google_service_account.app_"))
      .map(({ role }) => role);
    expect(granted.sort()).toEqual([
      "roles/cloudsql.client",
      "roles/cloudsql.instanceUser",
      "roles/memorystore.dbConnectionUser",
    ]);
    expect(stack.one("google_service_account_iam_member")).toMatchObject({
      role: "roles/iam.workloadIdentityUser",
      member: "serviceAccount:example-uk.svc.id.goog[app/app]",
    });
  });

  it("promises less for a database in one zone and a cache without a copy, and says that it assumes", () => {
    const { built } = synthesised({ database: { highAvailability: false }, cache: { replicas: 0 } });
    for (const part of [built.database, built.cache]) {
      expect(part?.availability).toMatchObject({ availability: 0.995, about: { kind: "assumed" } });
    }
  });

  it("can be destroyed with its database, whose connection Google keeps for days", () => {
    const { stack } = synthesised({ database: {} });
    expect(stack.one("google_service_networking_connection")["deletion_policy"]).toBe("ABANDON");
  });

  it("takes no SSD for the pool that GKE makes for a minute", () => {
    const { node_config: config } = synthesised().stack.one("google_container_cluster");
    expect(config).toMatchObject({ disk_type: "pd-standard", disk_size_gb: 20 });
  });

  it("says which DNS its cluster has, and has the state of its pods collected", () => {
    expect(synthesised().stack.one("google_container_cluster")).toMatchObject({
      dns_config: { cluster_dns: "PLATFORM_DEFAULT" },
      monitoring_config: {
        enable_components: expect.arrayContaining(["POD", "DEPLOYMENT", "DAEMONSET", "STATEFULSET"]),
      },
    });
  });

  it("labels what it makes, as the value says and with the region's name", () => {
    const { stack } = synthesised({ labels: { "cost-centre": "shop" } });
    const labels = { "cost-centre": "shop", "tricloud-region": "uk" };
    expect(stack.json["provider"]).toMatchObject({ google: [{ default_labels: labels }] });
    expect(stack.one("google_container_cluster")["resource_labels"]).toEqual(labels);
    expect(stack.one("google_container_node_pool")["node_config"]).toMatchObject({ resource_labels: labels });
  });

  it("has a second pool for the pods to move to, and keeps it when it becomes the only one", () => {
    // GIVEN a region with a pool WHEN a second stands beside it, and then in its place
    const pools = (changes: Partial<GkeRegionInput>) =>
      synthesised(changes).stack.resources("google_container_node_pool");
    const first = pools({});
    const both = pools({ otherPools: { next: { machineType: "n2-standard-4" } } });
    const second = pools({ nodes: { pool: "next", machineType: "n2-standard-4" } });

    // THEN each pool is the same resource throughout
    expect(both).toEqual({ ...first, ...second });
    expect(Object.values(both).map(({ name }) => name)).toEqual(["next", "nodes"]);
    expect(() => synthesised({ nodes: { pool: "next" }, otherPools: { next: {} } })).toThrow(
      /nodes\.pool: expected a name that none of otherPools has, got: "next"/,
    );
  });

  it("pulls from Docker Hub under a name, by a token that only the registry reads", () => {
    const { stack } = synthesised({
      dockerHub: { username: "example", tokenSecret: "projects/example-uk/secrets/hub/versions/1" },
    });
    expect(Object.values(stack.resources("google_artifact_registry_repository"))).toContainEqual(
      expect.objectContaining({
        remote_repository_config: expect.objectContaining({
          upstream_credentials: {
            username_password_credentials: {
              username: "example",
              password_secret_version: "projects/example-uk/secrets/hub/versions/1",
            },
          },
        }),
      }),
    );
    expect(stack.one("google_secret_manager_secret_iam_member")).toMatchObject({
      secret_id: "projects/example-uk/secrets/hub",
      role: "roles/secretmanager.secretAccessor",
    });
  });

  it("has a repository for images of its own beside the copy of Docker Hub's, both for its nodes to read", () => {
    const { stack } = synthesised();
    const repositories = Object.values(stack.resources("google_artifact_registry_repository"));
    expect(repositories.map(({ repository_id, mode }) => [repository_id, mode])).toEqual(
      expect.arrayContaining([
        ["uk-apps", undefined],
        ["uk-docker-hub", "REMOTE_REPOSITORY"],
      ]),
    );
    const own = repositories.find(({ repository_id }) => repository_id === "uk-apps");
    expect(own).toMatchObject({ format: "DOCKER", docker_config: { immutable_tags: true } });
    const readers = Object.values(stack.resources("google_artifact_registry_repository_iam_member"));
    expect(readers.map(({ role }) => role)).toEqual(Array(2).fill("roles/artifactregistry.reader"));
    for (const { member } of readers) expect(member).toMatch(/google_service_account\.cluster_node-account/);
  });

  it("keeps its state where the region says", () => {
    const { stack } = synthesised({ backend: { type: "gcs", bucket: "example-state" } });
    expect(stack.json["terraform"]).toMatchObject({
      backend: { gcs: { bucket: "example-state", prefix: "tricloud/uk" } },
    });
  });

  it("is as available as its zones, counted from the value", () => {
    // WHEN the region has a zone less
    const three = synthesised().built.nodes.zones;
    const two = synthesised({ zones: ["europe-west2-a", "europe-west2-b"] }).built.nodes.zones;

    // THEN its workloads have one less to stand on
    expect(atLeast(2, ...three).blocks).toHaveLength(3);
    expect(atLeast(2, ...two).blocks).toHaveLength(2);
  });
});
