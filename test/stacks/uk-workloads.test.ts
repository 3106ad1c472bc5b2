import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { type GkeRegion, type GkeRegionInput, validateRegions } from "../../stacks/values/regions";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { type Attributes, removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";
import { schemaErrors } from "../constructs/kubernetes/kubernetes-schema";
import { manifestOf, manifestsOf, podsOf } from "../constructs/kubernetes/manifests";
import { restrictedViolations } from "../constructs/kubernetes/pod-security";

const ROOT = join(__dirname, "../..");

function synthesised(changes: Partial<GkeRegionInput> = {}) {
  const [region] = validateRegions([{ file: "uk.ts", value: { ...uk, ...changes } }]);
  let built: UkWorkloadsStack | undefined;
  let cluster: UkStack | undefined;
  const stack = synthesiseApp("uk-workloads", (app: App) => {
    cluster = new UkStack(app, region as GkeRegion);
    built = new UkWorkloadsStack(app, cluster);
  });
  return { stack, built: built!, cluster: cluster! };
}

beforeAll(() => {
  // The stack delivers the proxy as `npm run build` makes it.
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
});
afterAll(removeSynthesised);

describe("UkWorkloadsStack", () => {
  let asIs: ReturnType<typeof synthesised>;
  beforeAll(() => (asIs = synthesised()));

  it("holds nothing that Kubernetes' schema does not know", () => {
    const manifests = manifestsOf(asIs.stack);
    expect(manifests.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        "ConfigMap",
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Namespace",
        "PodDisruptionBudget",
        "Service",
      ]),
    );
    for (const manifest of manifests)
      expect([manifest.kind, schemaErrors(manifest)]).toEqual([manifest.kind, []]);
  });

  it("marks every object as its own, or no deploy that was cut short could be recovered from", () => {
    const { stack } = asIs;
    const made = Object.values(stack.resources("kubernetes_manifest")).map(
      ({ manifest }) => manifest as Attributes,
    );
    const objects = [...manifestsOf(stack), ...made] as { kind: string; metadata: Attributes }[];
    expect(objects.length).toBeGreaterThan(30);
    for (const { kind, metadata } of objects) {
      const { name, labels } = metadata;
      expect({ kind, name, labels }).toMatchObject({ labels: { "app.kubernetes.io/part-of": "tricloud" } });
    }
  });

  it("upgrades Consul's chart where a deploy that was cut short has installed it", () => {
    expect(asIs.stack.one("helm_release")).toMatchObject({ atomic: true, upgrade_install: true });
  });

  it("runs every pod of its own in a namespace that takes restricted pods only, and as one", () => {
    const { stack } = asIs;
    const workloads = manifestsOf(stack).filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet");
    expect(
      workloads.map(({ metadata }) => `${String(metadata["namespace"])}/${String(metadata["name"])}`).sort(),
    ).toEqual(
      // Consul's chart needs a namespace that takes other pods too.
      ["consul/consul-upkeep", "tricloud/proxy", "tricloud/resolver"],
    );
    expect(manifestOf(stack, "Namespace", "tricloud").metadata["labels"]).toMatchObject({
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    for (const { spec } of workloads) {
      expect(restrictedViolations((spec as { template: { spec: Attributes } }).template.spec)).toEqual([]);
    }
  });

  it("is configured from the cluster's stack: it is deployed after it and reads where the cluster answers", () => {
    const { stack, built, cluster } = asIs;
    expect(built.dependsOn(cluster)).toBe(true);
    const [kubernetes] = (stack.json["provider"] as { kubernetes: [Attributes] }).kubernetes;
    expect(kubernetes["host"]).toMatch(/^https:\/\/\$\{data\.terraform_remote_state\..*dns_endpoint.*\}$/);
    expect(kubernetes["token"]).toMatch(/^\$\{data\.google_client_config\./);
    const [helm] = (stack.json["provider"] as { helm: [{ kubernetes: Attributes }] }).helm;
    expect(helm.kubernetes).toEqual({ host: kubernetes["host"], token: kubernetes["token"] });
  });

  it("leads a name under a proxy suffix from pod to proxy without a gap", () => {
    // GIVEN the chain from the cluster's DNS to the proxies
    const { stack } = asIs;
    const stub = stack.one("kubernetes_config_map_v1_data")["data"] as Record<string, string>;
    const resolver = manifestOf(stack, "Service", "resolver")["spec"] as Attributes;
    const conf = (manifestOf(stack, "ConfigMap", /^resolver-/)["data"] as Record<string, string>)[
      "unbound.conf"
    ];
    const chart = JSON.parse((stack.one("helm_release")["values"] as [string])[0]) as { dns: Attributes };

    // THEN each link names the next
    expect(JSON.parse(stub["stubDomains"]!)).toMatchObject({ "ccnproxy-https": [resolver["clusterIP"]] });
    expect(conf).toContain('"ccnproxy-https. 60 IN CNAME proxy.service.consul."');
    expect(conf).toContain(`name: "consul."\n  forward-addr: ${String(chart.dns["clusterIP"])}\n`);
    expect(manifestOf(stack, "Service", "proxy").metadata["annotations"]).toMatchObject({
      "consul.hashicorp.com/service-name": "proxy",
    });
  });

  it("promises calls to other clouds on the proxies, and less without a quorum, leader or control plane", () => {
    const { built, cluster } = asIs;
    const service = built.services.find(({ name }) => name === "calls-to-other-clouds");
    const [a, b, c] = cluster.nodes.zones.map(({ availability }) => availability);
    expect(service?.requires).toEqual([
      // The resolvers and the proxies: both in each of the three zones.
      expect.objectContaining({
        availability: expect.objectContaining({ type: "parallel", blocks: [a, b, c] }),
      }),
      expect.objectContaining({ instances: cluster.nodes.zones }),
    ]);
    // AND a lost node's proxies are named until Kubernetes calls it lost, and the catalog and names have followed
    const [, proxies] = service?.requires ?? [];
    expect(proxies).toMatchObject({
      availability: {
        type: "series",
        blocks: [{ type: "parallel" }, { id: "failover/proxy of uk-workloads/switching" }],
      },
      failover: { switching: { seconds: 47 } },
    });
    expect(service?.degradesWithout).toEqual([
      expect.objectContaining({
        type: "softened",
        block: expect.objectContaining({ type: "atLeast", k: 2, blocks: [a, b, c] }),
      }),
      expect.objectContaining({ type: "series" }),
      expect.objectContaining({
        availability: expect.objectContaining({ about: expect.objectContaining({ plane: "control" }) }),
      }),
    ]);
  });

  it("shows the internet an application when the region says so, and otherwise nothing", () => {
    const kinds = (stack: (typeof asIs)["stack"]) =>
      Object.values(stack.resources("kubernetes_manifest")).map(
        ({ manifest }) => (manifest as Attributes)["kind"],
      );
    expect(kinds(asIs.stack)).toContain("Gateway");
    expect(asIs.built.services.map(({ name }) => name)).toContain("web");
    const hidden = synthesised({ entrance: undefined });
    expect(new Set(kinds(hidden.stack))).toEqual(new Set(["PodMonitoring"]));
    expect(hidden.built.services.map(({ name }) => name)).toEqual(["calls-to-other-clouds"]);
  });

  it("cannot serve the web without its database, and serves it worse without its cache", () => {
    const { built, cluster } = synthesised({ database: {}, cache: {} });
    const web = built.services.find(({ name }) => name === "web");
    expect(web?.requires).toEqual([
      cluster.entrance,
      expect.objectContaining({ instances: cluster.nodes.zones }),
      cluster.database,
    ]);
    // Two checks, 5 s apart, the second of which waits for 2 s.
    expect(web?.requires[1]).toMatchObject({ failover: { switching: { seconds: 12 } } });
    expect(web?.degradesWithout).toEqual([cluster.cluster, cluster.cache]);
  });

  it("has the proxies' metrics collected where they answer them, from pods that let the collectors in", () => {
    const monitoring = Object.values(asIs.stack.resources("kubernetes_manifest"))
      .map(({ manifest }) => manifest as Attributes)
      .find(({ kind, metadata }) => kind === "PodMonitoring" && (metadata as Attributes)["name"] === "proxy");
    const deployment = manifestOf(asIs.stack, "Deployment", "proxy")["spec"] as {
      selector: Attributes;
      template: { spec: { containers: [{ ports: Attributes[] }] } };
    };
    expect(monitoring?.["spec"]).toEqual({
      selector: deployment.selector,
      endpoints: [{ port: "admin", path: "/metrics", interval: "30s" }],
    });
    expect(deployment.template.spec.containers[0].ports).toContainEqual(
      expect.objectContaining({ name: "admin", containerPort: 9300 }),
    );
  });

  it("has the resolvers' metrics collected from a container that asks unbound", () => {
    const [monitoring] = Object.values(asIs.stack.resources("kubernetes_manifest"))
      .map(({ manifest }) => manifest as { kind: string; metadata: Attributes; spec: Attributes })
      .filter(({ kind, metadata }) => kind === "PodMonitoring" && metadata["name"] === "resolver");
    const daemons = manifestOf(asIs.stack, "DaemonSet", "resolver")["spec"] as {
      selector: Attributes;
      template: { spec: { containers: Attributes[] } };
    };
    expect(monitoring?.spec).toMatchObject({
      selector: daemons.selector,
      endpoints: [{ port: "metrics", path: "/metrics" }],
    });
    expect(daemons.template.spec.containers[1]).toMatchObject({
      image: expect.stringContaining("/library/node:") as string,
      ports: [{ name: "metrics", containerPort: 9167 }],
    });
    expect(manifestOf(asIs.stack, "NetworkPolicy", "resolver")["spec"]).toMatchObject({
      ingress: [
        {},
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gmp-system" } } }],
          ports: [{ protocol: "TCP", port: 9167 }],
        },
      ],
    });
  });

  it("has Consul's metrics collected by collectors that know its servers and show a token", () => {
    const monitoring = Object.values(asIs.stack.resources("kubernetes_manifest"))
      .map(({ manifest }) => manifest as Attributes)
      .find(
        ({ kind, metadata }) => kind === "PodMonitoring" && (metadata as Attributes)["name"] === "consul",
      );
    const { endpoints } = monitoring?.["spec"] as { endpoints: [Attributes] };
    expect(endpoints[0]).toMatchObject({
      port: "https",
      path: "/v1/agent/metrics",
      params: { format: ["prometheus"] },
      tls: { serverName: "server.uk.consul" },
    });
    // AND collectors may read what they are told to use, and nothing else
    const named = [...JSON.stringify(endpoints).matchAll(/"name":"(\$\{[^"]+\})"/g)].map(([, name]) => name);
    const [rule] = asIs.stack.one("kubernetes_role_v1")["rule"] as [Attributes];
    expect([...(rule["resource_names"] as string[])].sort()).toEqual(named.sort());
    expect(asIs.stack.one("kubernetes_role_binding_v1")["subject"]).toEqual([
      { kind: "ServiceAccount", name: "collector", namespace: "gmp-system" },
    ]);
  });

  it("encrypts what Consul says and denies what no token allows, unless the value says otherwise", () => {
    const { tls } = (
      JSON.parse((asIs.stack.one("helm_release")["values"] as [string])[0]) as { global: { tls: Attributes } }
    ).global;
    expect(tls).toMatchObject({ enabled: true, httpsOnly: true, verify: true });
    expect(manifestOf(asIs.stack, "Secret", "consul-access-control")).toBeDefined();
    const open = synthesised({ consul: { tls: false, acl: false } });
    expect(Object.keys(open.stack.json["variable"] as Attributes)).toEqual(["consul_gossip_key"]);
  });

  it("speaks no outdated TLS with the internet, and lets WebSockets stay open", () => {
    const manifests = Object.values(asIs.stack.resources("kubernetes_manifest")).map(
      ({ manifest }) => manifest as Attributes,
    );
    const specOf = (kind: string) => manifests.find((each) => each["kind"] === kind)?.["spec"];
    expect(specOf("GCPGatewayPolicy")).toMatchObject({ default: { sslPolicy: "uk-public" } });
    expect(specOf("GCPBackendPolicy")).toMatchObject({ default: { timeoutSec: 3600 } });
  });

  it("gives applications a namespace of their own and the account that Google Cloud knows them by", () => {
    expect(manifestOf(asIs.stack, "Namespace", "app").metadata["labels"]).toMatchObject({
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    expect(manifestOf(asIs.stack, "ServiceAccount", "app")).toMatchObject({
      metadata: {
        namespace: "app",
        annotations: { "iam.gke.io/gcp-service-account": "uk-app@example-uk.iam.gserviceaccount.com" },
      },
      automountServiceAccountToken: false,
    });
  });

  it("pulls Docker Hub's images through the region's own copy", () => {
    const pods = manifestsOf(asIs.stack).filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet");
    for (const { spec } of pods) {
      const { containers } = (spec as { template: { spec: { containers: [Attributes] } } }).template.spec;
      expect(containers[0]["image"]).toMatch(/^europe-west2-docker\.pkg\.dev\/example-uk\/uk-docker-hub\//);
    }
  });

  it("follows the region's value", () => {
    const { stack } = synthesised({
      proxyPods: { min: 6, max: 9 },
      images: { node: "registry.example.com/node:22.1.0", unbound: "registry.example.com/unbound:1.24" },
      versions: { consulChart: "1.9.1" },
      proxy: { allow: ["*.example.org"], port: 8080 },
    });
    const deployment = manifestOf(stack, "Deployment", "proxy")["spec"] as {
      template: { spec: { containers: [Attributes] } };
    };
    expect(deployment.template.spec.containers[0]).toMatchObject({
      image: "registry.example.com/node:22.1.0",
      ports: [{ containerPort: 8080 }, { containerPort: 9300 }],
    });
    expect(stack.one("helm_release")["version"]).toBe("1.9.1");
  });

  describe("with everything that Consul can be asked for", () => {
    let all: ReturnType<typeof synthesised>;
    beforeAll(() => {
      all = synthesised({
        consulWanNetworks: ["10.10.0.0/16"],
        consul: {
          tls: true,
          acl: true,
          failoverTo: ["jp"],
          peers: { jp: ["10.10.0.11"] },
          primaryDatacenter: "uk",
        },
      });
    });

    it("holds nothing that Kubernetes' schema does not know, and runs restricted pods only", () => {
      const manifests = manifestsOf(all.stack);
      for (const manifest of manifests)
        expect([manifest.kind, schemaErrors(manifest)]).toEqual([manifest.kind, []]);
      for (const pod of manifests.flatMap(podsOf)) expect(restrictedViolations(pod)).toEqual([]);
    });

    it("leads names under a proxy suffix to another region's proxies when there are none here", () => {
      const cname = (stack: (typeof all)["stack"]) =>
        /"ccnproxy-https\. 60 IN CNAME ([^"]+)\."/.exec(
          (manifestOf(stack, "ConfigMap", /^resolver-/)["data"] as Record<string, string>)["unbound.conf"]!,
        )?.[1];
      expect(cname(all.stack)).toBe("proxy.query.consul");
      expect(cname(asIs.stack)).toBe("proxy.service.consul");
    });

    it("writes no secret: each is what a sensitive variable holds", () => {
      const secrets = Object.values(all.stack.resources("kubernetes_secret_v1"));
      expect(secrets).toHaveLength(5);
      for (const { data } of secrets) {
        for (const value of Object.values(data as Record<string, string>))
          expect(value).toMatch(/^\$\{.*var\.consul_/);
      }
      const variables = Object.entries(all.stack.json["variable"] as Record<string, Attributes>);
      expect(variables).toHaveLength(7);
      for (const [name, variable] of variables) expect([name, variable["sensitive"]]).toEqual([name, true]);
    });
  });

  it("pulls what runs Consul through the region's own copy too", () => {
    const { global } = JSON.parse((asIs.stack.one("helm_release")["values"] as [string])[0]) as {
      global: Attributes;
    };
    const mirror = "europe-west2-docker.pkg.dev/example-uk/uk-docker-hub/hashicorp";
    expect(global).toMatchObject({
      image: `${mirror}/consul:1.22.3`,
      imageK8S: `${mirror}/consul-k8s-control-plane:1.9.11`,
    });
    const [pod] = podsOf(manifestOf(asIs.stack, "CronJob", "consul-snapshots"));
    expect((pod!["containers"] as [Attributes])[0]["image"]).toBe(`${mirror}/consul:1.22.3`);
  });
});
