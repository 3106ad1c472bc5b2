import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main as versions } from "../../cli/versions";
import { newestOf } from "../../cli/versions/newest";
import type { Ec2RegionInput, GkeRegionInput } from "../../stacks/values/regions";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";
import { dockerRegistry, LoopbackRegistry, skopeo, writeImage } from "./loopback-registry";
import { printed } from "./printed";
import { hasAwsCli, PATH_WITH_AWS_CLI, VersionServices } from "./versions-services";

const DEBIAN = "136693071363";

interface Told {
  readonly region: string;
  readonly field: string;
  readonly holds: string | null;
  readonly newest?: string;
  readonly standing?: string;
  readonly later?: string;
  readonly put: string | null;
  readonly problem?: string;
}

describe("tricloud versions", () => {
  const before = { ...process.env };
  let directory: string;
  let services: VersionServices;
  let complaints: jest.SpyInstance;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-versions-test-"));
    mkdirSync(join(directory, "regions"));
    services = await VersionServices.start();
    process.env["TRICLOUD_REGIONS"] = join(directory, "regions");
    complaints = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  });

  afterEach(() => {
    complaints.mockRestore();
    process.env = { ...before };
    services.stop();
    rmSync(directory, { recursive: true });
  });

  const aptSource = (suite = "trixie") => ({
    ...{ name: "vendor", uri: `${services.url}/debian`, suite, components: ["main"], trusted: true },
  });

  const region = (value: { readonly name: string }): void =>
    writeFileSync(join(directory, "regions", `${value.name}.json`), JSON.stringify(value));

  const dedicated = (consul: object): void => region(dedicatedRegionValue({ consul }));

  const ec2 = (changes: Partial<Ec2RegionInput>): void =>
    region({
      ...{ name: "us", platform: "ec2", cidr: "10.20.0.0/16", awsRegion: "us-east-1" },
      ...{
        availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
        dns: { forwarders: ["169.254.169.253"] },
      },
      ...{ proxy: { allow: ["api.example.com"] }, consul: { version: "1.22.3", aptSource: aptSource() } },
      ...changes,
    });

  const asked = async (...args: string[]): Promise<{ code: number; values: Told[] }> => {
    const { code, text } = await printed(() =>
      versions([...args, "--json"], { charts: `${services.url}/charts` }),
    );
    return { code, values: (JSON.parse(text) as { values: Told[] }).values };
  };
  const complained = (): string => complaints.mock.calls.map(([text]) => String(text)).join("");

  describe("of Consul on hosts", () => {
    it("tells the newest of the line in the archive that the region names, and a later line apart", async () => {
      // GIVEN an archive as a vendor has it
      services.addPackages("trixie", "amd64", [
        ["consul", "1.22.3-1"],
        ["consul", "1.22.11-1"],
        ["consul", "1.22.9-1"],
        ["consul", "1.23.0~rc1-1"],
        ["consul", "1.23.0-1"],
        ["consul-enterprise", "1.30.0+ent-1"],
        ["vault", "1.99.0-1"],
      ]);
      dedicated({ version: "1.22.3", aptSource: aptSource() });
      // WHEN asked
      const { code, text } = await printed(() => versions([]));
      // THEN
      expect(code).toBe(0);
      expect(text).toBe(
        [
          "REGION  FIELD           HOLDS   NEWEST   STATE  LATER",
          "jp      consul.version  1.22.3  1.22.11  newer  1.23.0",
          "",
          "to put into the value of region jp:",
          '  "consul": { "version": "1.22.11" },',
          "",
        ].join("\n"),
      );
      expect(complained()).toBe("");
    });

    it("keeps to whole versions of packages where the region holds one, and says when all is well", async () => {
      services.addPackages("trixie", "amd64", [
        ["consul", "2:1.22.3-1"],
        ["consul", "2:1.22.3-2"],
      ]);
      dedicated({ version: "1.22.3-1", aptSource: aptSource() });
      expect((await asked()).values).toMatchObject([{ standing: "newer", put: "1.22.3-2" }]);
      dedicated({ version: "1.22.3-2", aptSource: aptSource() });
      expect(await asked()).toMatchObject({ code: 0, values: [{ standing: "newest", put: null }] });
      dedicated({ version: "1.22.3", aptSource: aptSource() });
      expect((await asked()).values).toMatchObject([{ standing: "newest", put: null }]);
    });

    it("tells a region that pins none what to pin, and one whose version is gone so", async () => {
      services.addPackages("trixie", "amd64", [["consul", "1.22.4-1"]]);
      dedicated({ aptSource: aptSource() });
      expect((await asked()).values).toMatchObject([{ holds: null, standing: "not held", put: "1.22.4" }]);
      dedicated({ version: "1.22.3", aptSource: aptSource() });
      expect((await asked()).values).toMatchObject([{ standing: "not there", put: "1.22.4" }]);
    });

    it("reads a flat archive, and lists that are not compressed", async () => {
      services.files.set("/debian/Packages", "Package: consul\nVersion: 1.8.7+dfsg1-2\n");
      dedicated({ version: "1.8.7", aptSource: { ...aptSource("./"), components: [] } });
      expect((await asked()).values).toMatchObject([{ standing: "newest", newest: "1.8.7" }]);
    });

    it("names an archive that does not answer or has none, with the reason, asks it once, and ends with 1", async () => {
      // GIVEN two regions on an archive that has no list, and a third on one that answers
      services.addPackages("sid", "amd64", [["consul", "1.22.3-1"]]);
      for (const [index, suite] of ["trixie", "trixie", "sid"].entries()) {
        const value = dedicatedRegionValue({
          name: `jp${index + 1}`,
          cidr: `10.2${index}.0.0/16`,
          consul: { version: "1.22.3", aptSource: aptSource(suite) },
        });
        region({
          ...value,
          servers: value.servers.map((server, at) => ({ ...server, address: `10.2${index}.0.${at + 1}` })),
        } as typeof value);
      }
      // WHEN
      const { code, values } = await asked();
      // THEN what is known is told, and nothing is made up for the rest
      expect(code).toBe(1);
      expect(values.map(({ standing, newest, put }) => ({ standing, newest, put }))).toEqual([
        { put: null },
        { put: null },
        { standing: "newest", newest: "1.22.3", put: null },
      ]);
      const lists = services.asked.filter((path) => path.includes("/trixie/"));
      expect(lists).toHaveLength(2);
      expect(complained()).toBe(
        `versions: ${services.url}/debian: answers 404 for ${services.url}${lists[1]}\n`,
      );
      // AND asked for the third alone, there is nothing to complain of
      complaints.mockClear();
      expect(await asked("--region", "jp3")).toMatchObject({ code: 0, values: [{ region: "jp3" }] });
      expect(complained()).toBe("");
      // AND one where nobody listens is named so too
      const away = await VersionServices.start();
      const uri = `${away.url}/debian`;
      away.stop();
      dedicated({ aptSource: { ...aptSource(), uri } });
      expect((await asked("--region", "jp")).values[0]!.problem).toMatch(/ECONNREFUSED/);
    });

    it("says when an archive has no such package", async () => {
      services.addPackages("trixie", "amd64", [["vault", "1.0.0-1"]]);
      dedicated({ aptSource: aptSource() });
      expect((await asked()).values[0]!.problem).toBe("has no package consul for amd64");
    });
  });

  const withAwsCli = hasAwsCli ? describe : describe.skip;

  withAwsCli("of images for EC2, by the AWS CLI (skipped without it)", () => {
    beforeEach(() => {
      const image = (date: string, build: string, owner = DEBIAN, architecture = "amd64") => ({
        ...{ owner, name: `debian-13-${architecture}-${date}-${build}`, id: `ami-0000000${build}` },
        created: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T12:00:00.000Z`,
      });
      services.images = [
        image("20251117", "2299"),
        image("20260316", "2418"),
        image("20260101", "2344"),
        image("20260601", "2500", DEBIAN, "arm64"),
        image("20260701", "2600", "999999999999"),
        { ...image("20260801", "2700"), name: "debian-13-amd64-daily-20260801-2700" },
      ];
      services.addPackages("trixie", "amd64", [["consul", "1.22.3-1"]]);
      services.addPackages("trixie", "arm64", [["consul", "1.22.3-1"]]);
      Object.assign(process.env, {
        ...{
          PATH: PATH_WITH_AWS_CLI,
          HOME: directory,
          AWS_EC2_METADATA_DISABLED: "true",
          AWS_MAX_ATTEMPTS: "1",
        },
        ...{
          AWS_ENDPOINT_URL: services.url,
          AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
          AWS_SECRET_ACCESS_KEY: "example",
        },
      });
    });

    it("tells Debian's newest one to each region, and asks once for all", async () => {
      // GIVEN images of Debian's and others', and regions with one
      const newest = "debian-13-amd64-20260316-2418";
      const expected = [
        ["debian-13-amd64-20251117-2299", "newer", newest],
        ["ami-00000002299", "newer", newest],
        [newest, "newest", null],
        ["debian-13-amd64-20240101-1", "not there", newest],
        ["ami-0123456789abcdef0", "one's own", null],
        [undefined, "not held", newest],
      ] as const;
      for (const [index, [image]] of expected.entries())
        ec2({ name: `us${index}`, cidr: `10.2${index}.0.0/16`, image });
      // WHEN
      const { code, values } = await asked();
      // THEN
      expect(code).toBe(0);
      expect(values.filter(({ field }) => field === "image")).toMatchObject(
        expected.map(([image, standing, put], index) => ({
          ...{ region: `us${index}`, holds: image ?? null, standing, put, newest },
        })),
      );
      expect(services.asked.filter((each) => each === "DescribeImages")).toHaveLength(1);
    });

    it("keeps to the machines' processors", async () => {
      ec2({ architecture: "arm64", image: "debian-13-arm64-20251117-2299" });
      const { values } = await asked();
      expect(values.map(({ put }) => put)).toEqual(["debian-13-arm64-20260601-2500", null]);
      expect(services.asked).toContain("/debian/dists/trixie/main/binary-arm64/Packages.gz");
    });

    it("says why EC2 does not tell, or that there is no AWS CLI, and tells the rest", async () => {
      // GIVEN somebody whom AWS does not know
      ec2({ image: "debian-13-amd64-20251117-2299" });
      process.env["AWS_ACCESS_KEY_ID"] = "AKIASTRANGER";
      // WHEN
      const refused = await asked();
      // THEN
      expect(refused).toMatchObject({ code: 1, values: [{ put: null }, { standing: "newest" }] });
      expect(complained()).toMatch(/^versions: EC2 in us-east-1: An error occurred \(AuthFailure\)/);
      // AND where there is no such program
      process.env["PATH"] = directory;
      expect((await asked()).values[0]!.problem).toBe("needs the AWS CLI: put aws on PATH");
    });
  });

  const withRegistry = skopeo === undefined || dockerRegistry === undefined ? describe.skip : describe;

  withRegistry("of a cluster (needs skopeo and docker-registry here)", () => {
    const digests: Record<string, string> = {};
    let shared: string;
    let registry: LoopbackRegistry;
    let trust: NodeJS.ProcessEnv;

    beforeAll(async () => {
      // GIVEN a registry with images under tags of many shapes
      shared = mkdtempSync(join(tmpdir(), "tricloud-versions-test-"));
      registry = await LoopbackRegistry.start(join(shared, "registry"));
      trust = {
        SSL_CERT_FILE: join(shared, "registry/authority.pem"),
        REGISTRY_AUTH_FILE: join(shared, "auth.json"),
      };
      writeFileSync(
        trust["REGISTRY_AUTH_FILE"]!,
        JSON.stringify({ auths: { [registry.address]: registry.credential } }),
      );
      for (const image of [
        ...[
          "node:24.9.0-slim",
          "node:24.21.0-slim",
          "node:25.1.0-slim",
          "node:24.30.0-alpine",
          "node:latest",
        ],
        ...["consul:1.22.3", "consul:1.22.4", "consul:1.23.0", "unbound:v1.26.1"],
      ]) {
        push(image);
      }
    });

    afterAll(async () => {
      await registry.stop();
      rmSync(shared, { recursive: true });
    });

    beforeEach(() => {
      Object.assign(process.env, trust);
      services.addCharts({ consul: ["1.9.11", "1.9.2", "2.0.0", "1.9.12-rc1", "1.10.0"], vault: ["9.9.9"] });
    });

    function push(image: string, content = image): void {
      const layout = join(shared, "images", content.replaceAll(/[: ]/g, "-"));
      digests[image] = writeImage(layout, content);
      const { status, stderr } = spawnSync(skopeo!, ["copy", `oci:${layout}`, `docker://${at(image)}`], {
        env: { ...process.env, ...trust },
      });
      if (status !== 0) throw new Error(stderr.toString());
    }

    const at = (image: string): string => `${registry.address}/${image}`;
    const pinned = (image: string): string => `${at(image)}@${digests[image]}`;

    const gke = (images: GkeRegionInput["images"], consulChart = "1.9.11"): void =>
      region({
        ...{ name: "uk", platform: "gke", cidr: "10.30.0.0/16", project: "example-uk" },
        ...{ gcpRegion: "europe-west2", zones: ["europe-west2-a", "europe-west2-b"] },
        ranges: {
          ...{ nodes: "10.30.0.0/20", services: "10.30.16.0/20" },
          ...{ controlPlane: "10.30.32.0/28", pods: "10.30.128.0/17" },
        },
        ...{ proxy: { allow: ["api.example.com"] }, dns: { forwarders: ["169.254.169.254"] } },
        ...{ images, versions: { consulChart } },
      } as GkeRegionInput);

    it("tells the newest of each line by its digest, and the chart", async () => {
      // GIVEN a region with tags
      gke({
        ...{ node: at("node:24.9.0-slim"), consul: at("consul:1.22.3") },
        unbound: at("unbound:v1.26.1"),
      });
      // WHEN
      const { code, values } = await asked();
      // THEN what is newer is told with the digest that the registry gives out, and what lacks one has it
      expect(code).toBe(0);
      expect(values.map(({ field, standing, later, put }) => ({ field, standing, later, put }))).toEqual([
        { field: "versions.consulChart", standing: "newest", later: "2.0.0", put: null },
        { field: "images.node", standing: "newer", later: "25.1.0-slim", put: pinned("node:24.21.0-slim") },
        { field: "images.unbound", standing: "no digest", put: pinned("unbound:v1.26.1") },
        { field: "images.consul", standing: "newer", later: "1.23.0", put: pinned("consul:1.22.4") },
      ]);
      expect(digests["node:24.21.0-slim"]).toMatch(/^sha256:[0-9a-f]{64}$/);
      // AND what is to be put into the value is put there WHEN asked again THEN nothing is newer
      const put = Object.fromEntries(values.slice(1).map(({ field, put }) => [field.split(".")[1]!, put!]));
      gke(put);
      expect((await asked()).values.map(({ standing }) => standing)).toEqual(Array(4).fill("newest"));
    });

    it("prints lines as a region's value has them, and digests in short in the table", async () => {
      gke(
        { node: at("node:24.9.0-slim"), consul: pinned("consul:1.22.4"), unbound: at("unbound:v1.26.1") },
        "1.9.2",
      );
      const { text } = await printed(() => versions([], { charts: `${services.url}/charts/` }));
      expect(text).toContain(`24.21.0-slim@${digests["node:24.21.0-slim"]!.slice(7, 19)} `);
      expect(text.slice(text.indexOf("\n\n"))).toBe(
        `\n\nto put into the value of region uk:\n  "versions": { "consulChart": "1.9.11" },\n` +
          `  "images": { "node": "${pinned("node:24.21.0-slim")}", "unbound": "${pinned("unbound:v1.26.1")}" },\n`,
      );
    });

    it("tells when a tag names another image than it did, and when one is gone", async () => {
      // GIVEN an image by its digest, whose tag then goes to another, and one by a tag that is not there
      push("other:v1.2");
      const held = pinned("other:v1.2");
      push("other:v1.2", "built anew");
      gke({ unbound: held, node: at("node:24.21.0-slim"), consul: at("consul:1.22.2") });
      // WHEN
      const { values } = await asked();
      // THEN
      const of = (name: string) => values.find(({ field }) => field === `images.${name}`);
      expect(of("unbound")).toMatchObject({ standing: "newer", put: pinned("other:v1.2") });
      expect(of("unbound")!.put).not.toBe(held);
      expect(of("consul")).toMatchObject({ standing: "not there", put: pinned("consul:1.22.4") });
    });

    it("says of each registry and repository why it does not tell", async () => {
      // GIVEN an image with no tag, one in a repository that is not there, and no charts
      gke({
        node: `${at("node")}@${digests["node:latest"]}`,
        unbound: at("nowhere:v1.26.1"),
        consul: at("consul:1.22.4"),
      });
      services.files.clear();
      // WHEN
      const { code, values } = await asked();
      // THEN
      expect(code).toBe(1);
      expect(values.map(({ put }) => put)).toEqual([null, null, null, pinned("consul:1.22.4")]);
      expect(complained()).toContain(`versions: ${services.url}/charts: answers 404 for `);
      expect(complained()).toContain(`versions: ${at("node")}: ${at("node")}@sha256:`);
      expect(complained()).toMatch(new RegExp(`versions: ${at("nowhere")}: .*Not Found`));
    });
  });

  it("leaves nothing behind, and refuses a region that there is not", async () => {
    // GIVEN
    const left = () => readdirSync(tmpdir()).filter((name) => /^tricloud-versions-(?!test)/.test(name));
    const present = left();
    services.addPackages("trixie", "amd64", [["consul", "1.22.3-1"]]);
    dedicated({ aptSource: aptSource() });
    // WHEN
    await asked();
    // THEN
    expect(left()).toEqual(present);
    await expect(versions(["--region", "us"])).rejects.toThrow('unknown region "us": known regions are jp');
    await expect(versions(["--write"])).rejects.toThrow('"tricloud versions --help" lists the options');
  });
});

describe("the newest version", () => {
  it.each([
    [["1.9.2", "1.9.11", "1.10.0"], "1.9.2", 2, { version: "1.9.11", later: "1.10.0", hasHeld: true }],
    [["1.9.2", "1.8.0"], "1.9.2", 2, { version: "1.9.2", hasHeld: true }],
    [["2.0.0"], "1.9.2", 2, { version: "2.0.0", hasHeld: false }],
    [["24.1.0-slim", "24.2.0", "24.3"], "24.0.0-slim", 1, { version: "24.1.0-slim", hasHeld: false }],
    [["1.2.3", "1.10.0"], undefined, 2, { version: "1.10.0", hasHeld: true }],
  ])("of %j to %s, with %d numbers of a line, is %j", (all, held, line, expected) => {
    expect(newestOf(all, held, line)).toEqual(expected);
  });

  it("is refused where there is none like what is held", () => {
    expect(() => newestOf(["latest", "edge"], "1.2.3", 2)).toThrow("has 2 versions, and none like 1.2.3");
  });
});
