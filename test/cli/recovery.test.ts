import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterApi } from "../../cli/recovery/cluster-api";
import { findLeftovers } from "../../cli/recovery/findings";
import { readClusterStack } from "../../cli/recovery/stack-objects";

const NAMESPACE = "${kubernetes_namespace_v1.ns.metadata[0].name}";

const STACK = {
  provider: {
    kubernetes: [
      {
        host: "https://${data.terraform_remote_state.uk.outputs.endpoint}",
        token: "${data.google_client_config.client.access_token}",
      },
    ],
  },
  resource: {
    kubernetes_namespace_v1: { ns: { metadata: { name: "shop" } } },
    kubernetes_deployment_v1: { web: { metadata: { name: "web", namespace: NAMESPACE } } },
    kubernetes_config_map_v1_data: { dns: { metadata: { name: "kube-dns", namespace: "kube-system" } } },
    kubernetes_manifest: {
      gate: {
        manifest: {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "Gateway",
          metadata: { name: "public", namespace: NAMESPACE },
        },
      },
    },
    helm_release: { consul: { name: "consul", namespace: NAMESPACE } },
    terraform_data: { gate: {} },
  },
};

describe("what a deploy that was cut short has left", () => {
  let out: string;
  let server: Server;
  /** What the cluster holds, by path with its query. */
  let objects: Record<string, unknown>;
  const asked: string[] = [];

  beforeAll(async () => {
    server = createServer(({ url = "" }, response) => {
      asked.push(url);
      const held = objects[decodeURIComponent(url)];
      response.writeHead(held === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(held ?? { message: "not found" }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => server.close());

  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), "tricloud-recovery-"));
    objects = {
      "/api/v1": { resources: [{ kind: "Namespace", name: "namespaces", namespaced: false }] },
      "/apis/apps/v1": {
        resources: [
          { kind: "Deployment", name: "deployments/status", namespaced: true },
          { kind: "Deployment", name: "deployments", namespaced: true },
        ],
      },
    };
  });
  afterEach(() => rmSync(out, { recursive: true }));

  const read = (stack: object = STACK) => {
    mkdirSync(join(out, "stacks/shop"), { recursive: true });
    writeFileSync(join(out, "stacks/shop/cdk.tf.json"), JSON.stringify(stack));
    return readClusterStack(out, "shop");
  };
  const api = () => new ClusterApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "token");
  const object = (name: string, labels: Record<string, string> = {}) => ({
    metadata: { name, uid: `uid-of-${name}`, creationTimestamp: "2026-11-27T12:00:00Z", labels },
  });
  const OWN = { "app.kubernetes.io/part-of": "tricloud" };

  it("is looked for by the names that the stack gives, and imported as the providers take it", () => {
    const { objects: found, releases, accessFrom } = read();
    expect(found.map(({ address, importId }) => [address, importId])).toEqual([
      ["kubernetes_namespace_v1.ns", "shop"],
      ["kubernetes_deployment_v1.web", "shop/web"],
      [
        "kubernetes_manifest.gate",
        "apiVersion=gateway.networking.k8s.io/v1,kind=Gateway,namespace=shop,name=public",
      ],
    ]);
    expect(releases).toEqual([{ address: "helm_release.consul", name: "consul", namespace: "shop" }]);
    expect(accessFrom).toEqual(["data.terraform_remote_state.uk", "data.google_client_config.client"]);
  });

  it("is ours when it says so, and is not looked for when it is noted", async () => {
    // GIVEN
    objects["/api/v1/namespaces/shop"] = object("shop");
    objects["/apis/apps/v1/namespaces/shop/deployments/web"] = object("web", OWN);
    // WHEN
    const nothingNoted = await findLeftovers(read(), new Set(), api());
    const deploymentNoted = await findLeftovers(read(), new Set(["kubernetes_deployment_v1.web"]), api());
    // THEN a kind that the cluster does not know is not there either
    const addresses = (found: readonly { address: string }[]) => found.map(({ address }) => address);
    expect(addresses(nothingNoted.unnoted)).toEqual(["kubernetes_deployment_v1.web"]);
    expect(addresses(nothingNoted.foreign)).toEqual(["kubernetes_namespace_v1.ns"]);
    expect(addresses(deploymentNoted.unnoted)).toEqual([]);
  });

  it.each([
    [["deployed"], []],
    [["superseded", "deployed"], []],
    [["pending-install"], [1]],
    [["deployed", "pending-upgrade"], [2]],
    [["deployed", "failed", "pending-rollback"], [3]],
    [["uninstalling"], [1]],
    [
      ["pending-install", "pending-install"],
      [2, 1],
    ],
    // What was never ended and has been followed by what was is in nobody's way.
    [["pending-upgrade", "deployed"], []],
  ])(
    "is, of a release whose revisions are %j, those at the end of its history: %j",
    async (statuses, stale) => {
      // GIVEN revisions as the API lists them, by name
      const secrets = statuses
        .map((status, index) =>
          object(`sh.helm.release.v1.consul.v${index + 1}`, { status, version: String(index + 1) }),
        )
        .reverse();
      objects["/api/v1/namespaces/shop/secrets?labelSelector=owner=helm,name=consul"] = { items: secrets };
      // WHEN THEN
      const found = await findLeftovers(read(), new Set(), api());
      expect(found.stale.map(({ revision }) => revision)).toEqual(stale);
    },
  );

  it("is told to be unknown where a stack is not there, needs no cluster, or makes what nobody can find", () => {
    expect(() => readClusterStack(out, "shop")).toThrow(/^no stack "shop" in /);
    expect(() => read({ ...STACK, provider: {} })).toThrow(/^stack shop puts nothing on a cluster/);
    expect(() =>
      read({ ...STACK, resource: { kubernetes_ingress_v1: { web: { metadata: { name: "web" } } } } }),
    ).toThrow(/^kubernetes_ingress_v1\.web: it is not known how/);
    const named = { kubernetes_namespace_v1: { ns: { metadata: { name: "${var.name}" } } } };
    expect(() => read({ ...STACK, resource: named })).toThrow(
      "a name is known to Terraform alone: ${var.name}",
    );
  });

  it("cannot be told of a cluster that refuses or does not answer", async () => {
    const nobody = new ClusterApi("http://127.0.0.1:1", "token");
    await expect(findLeftovers(read(), new Set(), nobody)).rejects.toThrow(
      /^the cluster at http:\/\/127\.0\.0\.1:1 cannot be asked: .*(ECONNREFUSED|bad port)/,
    );
  });
});
