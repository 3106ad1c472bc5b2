import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { init } from "../../cli/init";
import { loadRegions } from "../../stacks/values/regions";
import { hostKeyOf } from "../stacks/values/regions/region-values";

describe("tricloud init", () => {
  let folder: string;
  let printed: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tricloud-init-"));
    printed = "";
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** @param answers what is typed, line by line; nobody is there to ask without */
  function run(args: readonly string[], answers?: readonly string[]): Promise<number> {
    const lines = [...(answers ?? [])];
    const ask = (question: string): Promise<string> => {
      printed += question;
      const line = lines.shift();
      return line === undefined
        ? Promise.reject(new Error(`nothing is left to answer: ${question}`))
        : Promise.resolve(line);
    };
    return init([...args, "--no-install"], {
      folder,
      print: (text) => void (printed += `${text}\n`),
      ask: answers === undefined ? undefined : ask,
    });
  }

  const SERVERS = [1, 2, 3].flatMap((number) => [
    ...["--server", `tokyo-${number}=10.10.0.1${number}`, "--host-key", hostKeyOf(number)],
  ]);
  const TOKYO = ["--platform", "dedicated", "--name", "tokyo", "--cidr", "10.10.0.0/16"];
  const REST = ["--origin", "api.example.com", "--forwarder", "10.10.0.2"];

  it("makes a region of what options say, and asks nothing", async () => {
    // GIVEN all that a region on dedicated servers needs WHEN begun
    expect(await run([...TOKYO, ...REST, ...SERVERS])).toBe(0);
    // THEN the region is valid, and the folder a project
    const [region] = loadRegions(join(folder, "regions"));
    expect(region).toMatchObject({ name: "tokyo", platform: "dedicated", cidr: "10.10.0.0/16" });
    expect(JSON.parse(readFileSync(join(folder, "cdktf.json"), "utf8"))).toMatchObject({
      app: "npx --no-install tricloud synth",
    });
    // AND what comes next is said
    expect(printed).toContain("wrote regions/tokyo.json, cdktf.json, .gitignore\n");
    expect(printed).toContain("  npx tricloud plan\n");
  });

  it("asks on a terminal for what no option says, and again for what is wrong, with the same words as ever", async () => {
    // GIVEN somebody who mistypes a network, a name and an address
    const answers = [
      ...["dedicated", "Tokyo", "tokyo", "10.10.0.1/16", "10.10.0.0/16", "api.example.com", "10.10.0.2"],
      "tokyo-1=10.10.0.11 tokyo-2=10.10.0.12 tokyo-3=10.20.0.13",
      `${hostKeyOf(1)} ${hostKeyOf(2)}`,
      `${hostKeyOf(1)} ${hostKeyOf(2)} ${hostKeyOf(3)}`,
      "tokyo-1=10.10.0.11 tokyo-2=10.10.0.12 tokyo-3=10.10.0.13",
    ];
    // WHEN asked
    expect(await run([], answers)).toBe(0);
    // THEN each mistake is named
    expect(printed).toContain("name: expected a DNS label");
    expect(printed).toContain(
      'cidr: expected an IPv4 network without host bits, such as 10.10.0.0/16, got: "10.10.0.1/16"',
    );
    expect(printed).toContain(
      "servers[2].address: expected an address inside the region's cidr 10.10.0.0/16",
    );
    expect(printed).toContain("servers[2].hostKey: expected the server's SSH host key");
    expect(loadRegions(join(folder, "regions"))).toMatchObject([{ name: "tokyo" }]);
  });

  it("offers the zones that most regions have", async () => {
    const answers = [
      "ec2",
      "us",
      "10.20.0.0/16",
      "api.example.com",
      "us-east-1",
      "",
      "debian-13-amd64-20251117-2299",
    ];
    expect(await run([], answers)).toBe(0);
    expect(printed).toContain("[us-east-1a us-east-1b us-east-1c]");
    expect(loadRegions(join(folder, "regions"))).toMatchObject([
      { availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"] },
    ]);
  });

  it("divides a network among what a cluster needs", async () => {
    const args = [
      "--platform",
      "gke",
      "--name",
      "uk",
      "--cidr",
      "10.64.0.0/14",
      "--origin",
      "api.example.com",
    ];
    expect(await run([...args, "--project", "example-uk", "--gcp-region", "europe-west2"])).toBe(0);
    expect(loadRegions(join(folder, "regions"))).toMatchObject([
      {
        ranges: {
          nodes: "10.64.0.0/18",
          services: "10.64.64.0/18",
          controlPlane: "10.64.128.0/28",
          data: "10.64.192.0/18",
          pods: "10.66.0.0/15",
        },
      },
    ]);
  });

  it.each([
    [
      "options that are missing, where nobody can be asked",
      ["--platform", "ec2", "--name", "us"],
      "give also --cidr 10.10.0.0/16 --origin api.example.com --aws-region us-east-1 --image debian-13-amd64-20251117-2299",
    ],
    [
      "a platform that there is not",
      ["--platform", "azure"],
      'expected a platform, one of dedicated, ec2, gke, got: "azure"',
    ],
    ["an option of another platform", [...TOKYO, "--image", "x"], "--image is not for a region on dedicated"],
    ["an option given twice", [...TOKYO, "--name", "kyoto"], "--name takes one value, got: tokyo kyoto"],
    [
      "a name",
      [...TOKYO, ...REST, ...SERVERS].map((one) => (one === "tokyo" ? "Tokyo_1" : one)),
      "expected a DNS label",
    ],
    [
      "a server without an address",
      [...TOKYO, ...REST, ...SERVERS.slice(0, -4), "--server", "x", "--host-key", hostKeyOf(3)],
      "servers[2].address: expected an IPv4 address",
    ],
    [
      "a host key too many",
      [...TOKYO, ...REST, ...SERVERS, "--host-key", hostKeyOf(4)],
      "expected one host key for each of 3 servers, got: 4",
    ],
  ])("refuses %s, and writes nothing", async (_, args, message) => {
    await expect(run(args)).rejects.toThrow(message);
    expect(existsSync(join(folder, "regions"))).toBe(false);
    expect(existsSync(join(folder, "cdktf.json"))).toBe(false);
  });

  it("adds a region to those that are there, and never writes over a file", async () => {
    // GIVEN a project with a region, whose cdktf.json is its owner's
    writeFileSync(join(folder, "cdktf.json"), "{}");
    await run([...TOKYO, ...REST, ...SERVERS]);
    const written = readFileSync(join(folder, "regions/tokyo.json"), "utf8");
    // WHEN one of the same name, one in its network and another one are begun
    await expect(run([...TOKYO, ...REST, ...SERVERS])).rejects.toThrow("regions/tokyo.json is there already");
    const us = [
      "--platform",
      "ec2",
      "--name",
      "us",
      "--origin",
      "api.example.com",
      "--aws-region",
      "us-east-1",
    ];
    const image = ["--image", "debian-13-arm64-20251117-2299"];
    await expect(run([...us, ...image, "--cidr", "10.10.128.0/20"])).rejects.toThrow(
      "expected a network that does not overlap 10.10.0.0/16 of region tokyo",
    );
    expect(await run([...us, ...image, "--cidr", "10.20.0.0/16"])).toBe(0);
    // THEN only the last came to be
    expect(loadRegions(join(folder, "regions")).map(({ name }) => name)).toEqual(["tokyo", "us"]);
    expect(readFileSync(join(folder, "regions/tokyo.json"), "utf8")).toBe(written);
    expect(readFileSync(join(folder, "cdktf.json"), "utf8")).toBe("{}");
  });
});
