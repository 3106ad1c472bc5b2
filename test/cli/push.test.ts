import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageSource } from "../../cli/images/skopeo";
import { main as push } from "../../cli/push";
import { pushedService } from "../../stacks/values/services/pushed-service";
import { validateRegions } from "../../stacks/values/regions";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";
import { dockerRegistry, LoopbackRegistry, skopeo, writeImage } from "./loopback-registry";
import { printed } from "./printed";

const withRegistries = skopeo === undefined || dockerRegistry === undefined ? describe.skip : describe;

withRegistries("tricloud push, to real registries (needs skopeo and docker-registry here)", () => {
  const before = { ...process.env };
  let directory: string;
  let registries: readonly LoopbackRegistry[];
  let digest: string;
  let progress: jest.SpyInstance;

  beforeAll(async () => {
    // GIVEN a service without digest yet, in two regions on two registries, of which the second asks who comes
    directory = mkdtempSync(join(tmpdir(), "tricloud-push-test-"));
    registries = [
      await LoopbackRegistry.start(join(directory, "first")),
      await LoopbackRegistry.start(join(directory, "second")),
    ];
    for (const below of ["regions", "services"]) mkdirSync(join(directory, below));
    for (const [index, name] of ["jp", "kr"].entries()) {
      const { address, authority } = registries[index]!;
      const value = dedicatedRegionValue({
        name,
        cidr: `10.1${index}.0.0/16`,
        registry: { address: `${address}/shop`, caCertificate: authority },
      });
      const servers = value.servers.map((server, at) => ({
        ...server,
        address: `10.1${index}.0.${11 + at}`,
      }));
      writeFileSync(join(directory, "regions", `${name}.json`), JSON.stringify({ ...value, servers }));
    }
    service({ image: "web", in: { jp: {}, kr: {} } });
    digest = writeImage(join(directory, "image"), "version one\n");
    process.env["TRICLOUD_REGIONS"] = join(directory, "regions");
    process.env["REGISTRY_AUTH_FILE"] = join(directory, "auth.json");
  });

  afterAll(async () => {
    process.env = before;
    for (const registry of registries) await registry.stop();
    rmSync(directory, { recursive: true });
  });

  beforeEach(() => {
    progress = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    signedInTo(...registries);
  });

  afterEach(() => progress.mockRestore());

  function service(value: object): void {
    const whole = { name: "web", port: 8080, health: { path: "/" }, ...value };
    writeFileSync(join(directory, "services/web.json"), JSON.stringify(whole));
  }

  function signedInTo(...known: readonly LoopbackRegistry[]): void {
    const auths = Object.fromEntries(known.map(({ address, credential }) => [address, credential]));
    writeFileSync(join(directory, "auth.json"), JSON.stringify({ auths }));
  }

  const source = (): string => `oci:${join(directory, "image")}`;
  const told = (): string => progress.mock.calls.map(([text]) => String(text)).join("");

  /** The digest under which a registry hands out an image. */
  function digestAt({ address, authority }: LoopbackRegistry, reference: string): string {
    mkdirSync(join(directory, "trusted"), { recursive: true });
    writeFileSync(join(directory, "trusted/ca.crt"), authority);
    const args = ["inspect", "--cert-dir", join(directory, "trusted"), "-f", "{{.Digest}}"];
    return spawnSync(skopeo!, [...args, `docker://${address}/${reference}`], { env: process.env })
      .stdout.toString()
      .trim();
  }

  it("leaves none out: where one registry refuses, the others have it, and it ends with 1", async () => {
    // GIVEN somebody who is known to the first registry alone
    signedInTo(registries[0]!);
    // WHEN
    const { code, text } = await printed(() => push(["web", source(), "--json"]));
    // THEN
    expect(code).toBe(1);
    const { image, registries: places } = JSON.parse(text) as {
      image: string;
      registries: { state: string; problem?: string }[];
    };
    expect(image).toBe(`web@${digest}`);
    expect(places.map(({ state }) => state)).toEqual(["pushed", "failed"]);
    expect(places[1]!.problem).toContain(`to sign in: skopeo login ${registries[1]!.address}`);
    expect(digestAt(registries[0]!, `shop/web@${digest}`)).toBe(digest);
  });

  it("brings the same bytes to all, prints what the service's value says, and repeats nothing", async () => {
    // WHEN
    const { code, text } = await printed(() => push(["web", source()]));
    // THEN it is everywhere by its digest, and by a tag that says it
    expect({ code, text }).toEqual({ code: 0, text: `web@${digest}\n` });
    for (const registry of registries) {
      expect(digestAt(registry, `shop/web@${digest}`)).toBe(digest);
      expect(digestAt(registry, `shop/web:${digest.slice(7, 19)}`)).toBe(digest);
    }
    expect(told()).toContain(`${registries[0]!.address}/shop/web (jp) has it already`);
    expect(told()).toContain(`pushing to ${registries[1]!.address}/shop/web (kr)`);
  });

  it("takes an image from a registry, and once where regions share one", async () => {
    // GIVEN a service whose image names its registry
    service({ image: `${registries[1]!.address}/shop/api@${digest}`, in: { jp: {}, kr: {} } });
    const from = `${registries[1]!.address}/shop/web@${digest}`;
    process.env["SSL_CERT_FILE"] = join(directory, "second/authority.pem");
    // WHEN
    const { code, text } = await printed(() => push(["web", from, "--json"]));
    delete process.env["SSL_CERT_FILE"];
    // THEN
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      image: `${registries[1]!.address}/shop/api@${digest}`,
      registries: [{ regions: ["jp", "kr"], state: "pushed" }],
    });
    expect(digestAt(registries[1]!, `shop/api@${digest}`)).toBe(digest);
    service({ image: "web", in: { jp: {}, kr: {} } });
  });

  it("says which image is none, and leaves nothing behind", async () => {
    // GIVEN
    const left = () => readdirSync(tmpdir()).filter((name) => /^tricloud-push-(?!test)/.test(name));
    const present = left();
    // WHEN
    const nowhere = push(["web", `oci:${join(directory, "nowhere")}`]);
    // THEN
    await expect(nowhere).rejects.toThrow(/nowhere/);
    expect(left()).toEqual(present);
    expect(existsSync(join(directory, "nowhere"))).toBe(false);
  });

  it("asks for skopeo where it is not", async () => {
    // GIVEN
    const { PATH } = process.env;
    process.env["PATH"] = directory;
    // WHEN
    const pushing = push(["web", source()]);
    // THEN
    await expect(pushing).rejects.toThrow("skopeo is not here: apt-get install skopeo on Debian and Ubuntu");
    process.env["PATH"] = PATH;
  });

  it.each([
    [["web"], "expected SERVICE and IMAGE, got: web"],
    [["shop", "oci:x"], 'expected a service (web), got: "shop"'],
    [["web", "web:1"], "expected an image with its registry in front, such as ghcr.io/shop/web:1"],
  ])("refuses %j", async (args, message) => {
    await expect(push(args)).rejects.toThrow(message);
  });
});

describe("tricloud push where there is no service yet", () => {
  it.each([
    [
      "no directory of them",
      false,
      /^expected a service of services\/ \(there is none yet: .*\/services is missing\), got: "web"$/,
    ],
    ["an empty one", true, /^expected a service \(there is none\), got: "web"$/],
  ])("says so: %s", async (_, isThere, message) => {
    // GIVEN a region, and no service
    const before = process.env["TRICLOUD_REGIONS"];
    const directory = mkdtempSync(join(tmpdir(), "tricloud-push-test-"));
    try {
      for (const below of ["regions", ...(isThere ? ["services"] : [])]) mkdirSync(join(directory, below));
      writeFileSync(join(directory, "regions/jp.json"), JSON.stringify(dedicatedRegionValue()));
      process.env["TRICLOUD_REGIONS"] = join(directory, "regions");
      // WHEN an image is pushed for one THEN that is what is wrong
      await expect(push(["web", "ghcr.io/shop/web:1"])).rejects.toThrow(message);
    } finally {
      if (before === undefined) delete process.env["TRICLOUD_REGIONS"];
      else process.env["TRICLOUD_REGIONS"] = before;
      rmSync(directory, { recursive: true });
    }
  });
});

describe("where images of a service belong", () => {
  const regions = validateRegions([
    { file: "jp", value: dedicatedRegionValue() },
    {
      file: "kr",
      value: {
        ...dedicatedRegionValue({
          name: "kr",
          cidr: "10.11.0.0/16",
          registry: { address: "own.example:5000" },
        }),
        servers: dedicatedRegionValue().servers.map((server) => ({
          ...server,
          address: server.address.replace("10.10", "10.11"),
        })),
      },
    },
  ]);
  const placesOf = (value: object) =>
    pushedService("web", [{ file: "web.ts", value: { name: "web", ...value } }], regions);

  it("leaves tag and digest away, and keeps a registry's port", () => {
    for (const image of [
      "ghcr.io:8443/shop/web",
      "ghcr.io:8443/shop/web:1",
      "ghcr.io:8443/shop/web@sha256:00",
    ]) {
      expect(placesOf({ image, in: { jp: {} } }).repository).toBe("ghcr.io:8443/shop/web");
    }
  });

  it.each([
    [{ in: { kr: {} } }, "service web: image: "],
    [{ image: "web", in: { us: {} } }, 'service web: in: expected regions (jp, kr), got: "us"'],
    [{ image: "web", in: { kr: {}, jp: {} } }, "for region jp names none (registry.address)"],
  ])("refuses %j", (value, message) => {
    expect(() => placesOf(value)).toThrow(message);
  });
});

describe("where an image is now", () => {
  it("is a registry where nothing else is said", () => {
    expect(imageSource("ghcr.io/shop/web:1")).toBe("docker://ghcr.io/shop/web:1");
    expect(imageSource("localhost/web")).toBe("docker://localhost/web");
    expect(imageSource("docker-daemon:web:1")).toBe("docker-daemon:web:1");
  });
});
