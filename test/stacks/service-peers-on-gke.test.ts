import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { collectTopology } from "../../constructs/topology";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { openings } from "../../stacks/openings/openings";
import { serviceCalls } from "../../stacks/service-calls";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  type GkeRegion,
  type GkeRegionInput,
  type Region,
  validateRegions,
} from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  type Attributes,
  removeSynthesised,
  synthesiseApp,
  type SynthesisedStack,
} from "../constructs/google/synthesised-stack";
import { schemaErrors } from "../constructs/kubernetes/kubernetes-schema";
import { manifestOf, manifestsOf } from "../constructs/kubernetes/manifests";
import { restrictedViolations } from "../constructs/kubernetes/pod-security";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { REFUSED_PEERED } from "./peered-values";
import { downtimeSharesOfAll, servicesOf, validated } from "./service-values";

const ROOT = join(__dirname, "../..");
const registry = { address: "registry.example.com/shop" };
const JOINS_JP = { primaryDatacenter: "jp", peers: { jp: ["10.10.0.11"] } };

/** The UK, which joins JP's Consul. */
const ukValue: GkeRegionInput = {
  ...uk,
  entrance: undefined,
  consul: JOINS_JP,
  consulWanNetworks: ["10.10.0.0/16"],
  peered: { port: 9443 },
};

const regionsWith = (
  inUk: Partial<GkeRegionInput> = {},
  inJp: Partial<DedicatedRegionInput> = { peered: {} },
): Region[] =>
  validateRegions([
    { file: "jp.ts", value: dedicatedRegionValue({ registry, ...inJp }) },
    { file: "uk.ts", value: { ...ukValue, ...inUk } },
  ]);

const shop = servicesOf("jp")("shop", 8081, { calls: ["search"] });
const search = servicesOf("uk")("search", 8080, { answerSeconds: 3 });
/** The other way round. */
const news = servicesOf("uk")("news", 8082, { calls: ["stock"] });
const stock = servicesOf("jp")("stock", 8083);

function appOf(app: App, services: readonly ServiceInput[], regions = regionsWith()): void {
  const values = validated(services, regions);
  new JpStack(app, regions[0] as DedicatedRegion, values);
  new UkWorkloadsStack(app, new UkStack(app, regions[1] as GkeRegion, values), values);
}
const synthesisedIn = (stack: string, services: readonly ServiceInput[], regions?: Region[]) =>
  synthesiseApp(stack, (app) => appOf(app, services, regions));

const podOf = (stack: SynthesisedStack) =>
  (
    manifestOf(stack, "Deployment", "proxy")["spec"] as {
      template: { metadata: Attributes; spec: Attributes & { containers: [Attributes] } };
    }
  ).template;

function configIn(stack: SynthesisedStack) {
  const map = manifestOf(stack, "ConfigMap", /^proxy-[0-9a-f]{10}$/);
  const data = map["data"] as Record<string, string>;
  return JSON.parse(data["proxy.json"]!) as Record<string, unknown> & { groups: Record<string, object> };
}

/** Who may come in at the proxies' pods, by port. */
const comesIn = (stack: SynthesisedStack, port: number) =>
  (
    manifestOf(stack, "NetworkPolicy", "proxy")["spec"] as {
      ingress: { from: unknown[]; ports: { port: number | string }[] }[];
    }
  ).ingress
    .filter(({ ports }) => ports.some((each) => String(each.port) === String(port)))
    .flatMap(({ from }) => from);

beforeAll(() => {
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
});
afterAll(removeSynthesised);

describe("a service without an entrance, of a region on GKE", () => {
  it("is answered there by its own instances, to proxies that are let in", () => {
    // GIVEN a caller in jp of what runs in uk alone WHEN synthesised
    const stack = synthesisedIn("uk-workloads", [shop, search]);
    // THEN the proxies listen, and know jp's
    const asked = configIn(stack);
    expect(asked).toMatchObject({
      peerListen: "0.0.0.0:9443",
      peerNames: ["proxy.jp.consul"],
      peerCertFile: "/etc/tricloud-peers/certificate.pem",
      peerKeyFile: "/etc/tricloud-peers/key.pem",
      peerCaFile: "/etc/tricloud-peers/authorities.pem",
    });
    expect(asked.groups).toEqual({
      "search.ccnproxy-peer": { origins: ["http://search.service.consul:8080"], firstByteTimeout: 3 },
    });
    expect(podOf(stack).spec.containers[0]["ports"]).toContainEqual({
      ...{ name: "peers", containerPort: 9443, protocol: "TCP" },
    });
    // AND nobody but the federated networks comes there, no pod either
    expect(comesIn(stack, 9443)).toEqual([{ ipBlock: { cidr: "10.10.0.0/16" } }]);
    // AND the proxies come to the service, which nobody of the region calls
    const { ingress } = manifestOf(stack, "NetworkPolicy", "search")["spec"] as { ingress: object[] };
    expect(JSON.stringify(ingress)).toContain('"app.kubernetes.io/name":"proxy"');
    // AND the region's network lets them through
    const network = synthesisedIn("uk", [shop, search]);
    expect(
      Object.values(network.resources("google_compute_firewall")).filter((rule) =>
        JSON.stringify(rule["allow"]).includes("9443"),
      ),
    ).toEqual([expect.objectContaining({ source_ranges: ["10.10.0.0/16"] })]);
  });

  it("is asked for by the name that Consul gives the ready pods there", () => {
    const jp = synthesisedIn("jp", [shop, search]);
    const { locals } = jp.json as { locals: Record<string, string> };
    const [, document] = Object.entries(locals).find(([key]) => key.startsWith("jp-1_document"))!;
    const [, content] = /^file \S+ \S+ \S+ \/etc\/tricloud\/proxy\.json \S+ inline (.+)$/m.exec(document)!;
    expect(JSON.parse(Buffer.from(content!, "base64").toString())).toMatchObject({
      groups: {
        "search.ccnproxy-service": {
          origins: [{ url: "https://proxy.service.uk.consul:9443", peer: "proxy.uk.consul" }],
        },
      },
    });
  });

  it("needs a key that the proxies' pods alone mount, and that is in nothing synthesised", () => {
    // GIVEN / WHEN
    const stack = synthesisedIn("uk-workloads", [shop, search]);
    // THEN it is a variable, and in a Secret beside the proxies
    expect(stack.json["variable"]).toMatchObject({
      proxy_peer_certificate: { sensitive: true },
      proxy_peer_key: { sensitive: true },
    });
    const secret = manifestOf(stack, "Secret", "proxy-secrets");
    expect(secret["metadata"]).toMatchObject({ namespace: "tricloud" });
    const files = Object.entries(secret["data"] as Record<string, string>).map(([file, value]) => [
      file,
      Buffer.from(value, "base64").toString(),
    ]);
    expect(Object.fromEntries(files)).toEqual({
      "certificate.pem": "${var.proxy_peer_certificate}",
      "key.pem": "${var.proxy_peer_key}",
      "authorities.pem": "${var.consul_ca_certificate}",
    });
    // AND pods of the restricted profile mount it, for their own user
    const { spec, metadata } = podOf(stack);
    expect(restrictedViolations(spec)).toEqual([]);
    expect((spec["volumes"] as { name: string }[]).filter(({ name }) => name === "own")).toEqual([
      { name: "own", secret: { secretName: "proxy-secrets", defaultMode: 0o440 } },
    ]);
    expect(spec.containers[0]["volumeMounts"]).toContainEqual({
      ...{ name: "own", mountPath: "/etc/tricloud-peers", readOnly: true },
    });
    for (const manifest of manifestsOf(stack)) expect(schemaErrors(manifest)).toEqual([]);
    // AND another value replaces the pods, which the deploy waits for
    const version = (metadata["annotations"] as Record<string, string>)["tricloud/secrets-version"]!;
    expect(version).toContain("own_version");
    expect(
      Object.entries(stack.resources("terraform_data")).filter(
        ([id, gate]) => id.startsWith("proxy-ready") && JSON.stringify(gate).includes(version),
      ),
    ).not.toEqual([]);
  });

  it("is called from there by addresses, where the other region's proxies have some", () => {
    // GIVEN a caller in uk of what runs in jp alone WHEN synthesised
    const stack = synthesisedIn("uk-workloads", [news, stock]);
    // THEN
    const asking = configIn(stack);
    expect(asking.groups).toMatchObject({
      "stock.ccnproxy-service": {
        origins: [
          { url: "https://10.10.0.11:8443", peer: "proxy.jp.consul" },
          { url: "https://10.10.0.12:8443", peer: "proxy.jp.consul" },
        ],
      },
    });
    // AND nobody calls the proxies that call
    expect([asking["peerListen"], comesIn(stack, 9443)]).toEqual([undefined, []]);
  });

  it("changes nothing of what runs where no service calls it", () => {
    // GIVEN regions that could WHEN nobody calls
    const alone = servicesOf("jp")("shop", 8081);
    const [peered, without] = [regionsWith(), regionsWith({ peered: undefined })].map(
      (regions) => synthesisedIn("uk-workloads", [alone, search], regions).json,
    );
    // THEN
    expect(peered!["resource"]).toEqual(without!["resource"]);
    expect(peered!["variable"]).toEqual(without!["variable"]);
  });

  it("is called by its entrance where it has one", () => {
    // GIVEN a service that uk shows WHEN / THEN
    const shown = { ...search, public: { hosts: ["find.uk.example.com"] } };
    const regions = regionsWith({ entrance: uk.entrance });
    const [value] = validated([shown], regions);
    expect(value).toMatchObject({ peers: [], entrances: [{ region: "uk", host: "search.uk.example.com" }] });
  });

  it.each<[string, Partial<GkeRegionInput>, Partial<DedicatedRegionInput>, string]>([
    ["neither region has such proxies", { peered: undefined }, {}, "(peered: not that of jp, uk)"],
    ["the caller's region has no such proxies", {}, {}, "(peered: not that of jp)"],
    ["its own region has no such proxies", { peered: undefined }, { peered: {} }, "(peered: not that of uk)"],
    [
      "no Consul federates",
      { consul: undefined, consulWanNetworks: [] },
      { peered: {} },
      "(those of uk are found by Consul: consul.peers between jp and uk, and consulWanNetworks in uk)",
    ],
  ])("is refused where %s, naming both", (_, inUk, inJp, message) => {
    expect(() => validated([shop, search], regionsWith(inUk, inJp))).toThrow(message);
  });

  it("is called from a region on EC2 too, and calls there, where both federate", () => {
    // GIVEN the US that knows the UK's Consul, which lets it in
    const peersOf = (name: string) => ({ primaryDatacenter: "uk", peers: { [name]: ["192.0.2.1"] } });
    const regions = validateRegions([
      {
        file: "uk.ts",
        value: { ...ukValue, consul: peersOf("us"), consulWanNetworks: ["10.20.0.0/16"] },
      },
      {
        file: "us.ts",
        value: {
          ...us,
          ...{ registry, entrance: undefined, peered: {}, consul: peersOf("uk") },
          consulWanNetworks: ["10.30.0.0/16"],
        },
      },
    ]);
    // WHEN
    const both = [search, { ...stock, in: { us: {} } }, news];
    const values = validated([...both, { ...shop, in: { us: {} } }], regions);
    // THEN
    const addresses = (name: string) => values.find((each) => each.name === name)!.peers;
    expect(addresses("search")).toMatchObject([
      { addresses: ["proxy.service.uk.consul:9443"], from: ["us"] },
    ]);
    expect(addresses("stock")).toMatchObject([{ addresses: ["proxy.service.us.consul:8443"], from: ["uk"] }]);
  });

  it("promises no more than what is there, and than the proxies there", () => {
    // GIVEN / WHEN
    const app = new App();
    appOf(app, [shop, search]);
    const shares = downtimeSharesOfAll(collectAvailability(app));
    // THEN
    expect(shares["uk-workloads/calls-from-other-regions"]).toBeGreaterThan(0);
    expect(shares["jp/shop"]).toBeGreaterThan(shares["uk-workloads/search"]!);
    expect(shares["jp/shop"]).toBeGreaterThan(shares["uk-workloads/calls-from-other-regions"]!);
  });

  it("is in the picture as what the other region answers", () => {
    const regions = regionsWith();
    const app = new App();
    appOf(app, [shop, search], regions);
    const { links } = collectTopology(
      app,
      (stack) => (stack.node.id === "jp" ? "jp" : "uk"),
      serviceCalls(validated([shop, search], regions)),
    );
    expect(links.map(({ from, to, carries }) => [from, to, carries])).toContainEqual([
      "jp",
      "uk",
      ["shop to search"],
    ]);
  });

  it("needs the proxies' port open between the two, where pods have no addresses of their own", () => {
    expect(
      openings(regionsWith())
        .filter(({ why }) => why.startsWith("calls of services"))
        .map(({ from, to, port }) => `${from.addresses.join()} > ${to.addresses.join()} ${port}`),
    ).toEqual(["10.10.0.11,10.10.0.12 > 10.30.0.0/16 9443", "10.30.0.0/16 > 10.10.0.11,10.10.0.12 8443"]);
  });

  it.each<[string, Partial<GkeRegionInput>, string]>([...REFUSED_PEERED])(
    "refuses %s",
    (_, changes, message) => {
      expect(() => regionsWith(changes)).toThrow(message);
    },
  );
});
