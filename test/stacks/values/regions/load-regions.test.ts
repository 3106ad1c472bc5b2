import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRegions } from "../../../../stacks/values/regions";
import { dedicatedRegionValue } from "./region-values";

describe("loadRegions", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "tricloud-regions-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test("reads .json and .js files and nothing else", () => {
    // GIVEN a directory with a value in each form, and a type declaration beside them
    writeFileSync(join(directory, "a.json"), JSON.stringify(dedicatedRegionValue({ name: "a" })));
    const second = dedicatedRegionValue({
      name: "b",
      cidr: "10.11.0.0/16",
      servers: dedicatedRegionValue().servers.map((server, index) => ({
        ...server,
        address: `10.11.0.${index + 1}`,
      })),
    });
    writeFileSync(join(directory, "b.js"), `exports.default = ${JSON.stringify(second)};`);
    writeFileSync(join(directory, "b.d.ts"), "export default 1;");
    // WHEN they are loaded
    const regions = loadRegions(directory);
    // THEN both are there, in the order of their files
    expect(regions.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("names the file that cannot be parsed", () => {
    writeFileSync(join(directory, "broken.json"), "{ name: ");
    expect(() => loadRegions(directory)).toThrow(/region file .*broken\.json: /);
  });

  test("shows nothing of a file that cannot be parsed: it may be a secret", () => {
    writeFileSync(join(directory, "broken.json"), "-----BEGIN OPENSSH PRIVATE KEY-----");
    expect(() => loadRegions(directory)).toThrow(/broken\.json: (?!.*(BEGIN|OPENSSH|PRIVATE))/);
  });

  test("refuses a file that would have to be compiled first, instead of leaving its region out", () => {
    writeFileSync(join(directory, "a.json"), JSON.stringify(dedicatedRegionValue({ name: "a" })));
    writeFileSync(join(directory, "us.ts"), "export default {};");
    expect(() => loadRegions(directory)).toThrow(
      `regions directory ${directory}: expected .js and .json files, which need no compiling, got: us.ts`,
    );
  });

  test("refuses an empty directory and one that is not there", () => {
    expect(() => loadRegions(directory)).toThrow(
      `regions directory ${directory}: expected at least one .js or .json file, got: none`,
    );
    expect(() => loadRegions(join(directory, "absent"))).toThrow(/absent: cannot be read \(ENOENT\)/);
  });
});
