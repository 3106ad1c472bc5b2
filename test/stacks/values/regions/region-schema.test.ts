import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { loadRegions } from "../../../../stacks/values/regions";
import jp from "../../../../regions/jp";
import uk from "../../../../regions/uk";
import us from "../../../../regions/us";

/** As the package has it and editors read it; test/docs says when it is not what the source says. */
const schema = JSON.parse(readFileSync("docs/region.schema.json", "utf8")) as z.core.JSONSchema.JSONSchema;
const accepts = (value: unknown): boolean => z.fromJSONSchema(schema).safeParse(value).success;

const FRANKFURT = resolve("examples/frankfurt/regions");

describe("the JSON Schema of regions", () => {
  it("takes every region that there is, as the validation does", () => {
    // GIVEN the regions of this project and of the example
    const example: unknown = JSON.parse(readFileSync(join(FRANKFURT, "de.json"), "utf8"));
    // WHEN held against the schema THEN none is faulted
    for (const value of [jp, uk, us, example]) expect(accepts(value)).toBe(true);
    // AND host names in capitals, which the validation takes, are not either
    expect(accepts({ ...jp, proxy: { allow: ["API.example.com"] } })).toBe(true);
  });

  it.each([
    ["a field that there is not", { ...jp, sshUser: "root" }],
    ["a field of another platform", { ...jp, awsRegion: "us-east-1" }],
    ["a word that is none of those", { ...us, nat: "none" }],
    ["a number that is too large", { ...uk, proxyPods: { min: 3.5 } }],
    [
      "an option that the proxy does not have",
      { ...jp, proxy: { ...jp.proxy, settings: { readTimeuot: 1 } } },
    ],
    ["a missing field", { ...jp, servers: undefined }],
  ])("underlines %s", (_, value) => {
    expect(accepts(JSON.parse(JSON.stringify(value)))).toBe(false);
  });

  it("says of fields what their JSDoc says", () => {
    expect(JSON.stringify(schema)).toContain('"description":"Refuse to destroy the cluster."');
  });
});

describe("a JSON region", () => {
  it("may name its schema, and no other field that there is not", () => {
    // GIVEN a region with the name of its schema
    const directory = mkdtempSync(join(tmpdir(), "tricloud-schema-"));
    const write = (more: object) =>
      writeFileSync(join(directory, "jp.json"), JSON.stringify({ ...more, ...jp }));
    try {
      write({ $schema: "../node_modules/tricloud/dist/region.schema.json" });
      // WHEN loaded THEN it is a region
      expect(loadRegions(directory).map(({ name }) => name)).toEqual(["jp"]);
      // AND another field is refused as before
      write({ $comment: "ours" });
      expect(() => loadRegions(directory)).toThrow("region jp: $comment: expected no such field");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
