import { type App } from "cdktf";
import { atLeast } from "../../constructs/availability";
import { type GkeRegion, type GkeRegionInput, validateRegions } from "../../constructs/region";
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
    expect(stack.one("google_sql_user")).toMatchObject({ type: "CLOUD_IAM_SERVICE_ACCOUNT" });
    expect(stack.one("google_sql_user")).not.toHaveProperty("password");
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
