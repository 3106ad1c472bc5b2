import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigFiles } from "../../../constructs/kubernetes";
import { type AssetContent, textContent } from "../../../constructs/host";
import { removeSynthesised, synthesise } from "../google/synthesised-stack";
import { manifestOf } from "./manifests";

const folder = mkdtempSync(join(tmpdir(), "tricloud-files-"));

function asset(name: string, content: string): AssetContent {
  const source = join(folder, name);
  writeFileSync(source, content);
  return { kind: "asset", source, sha256: createHash("sha256").update(content).digest("hex") };
}

const files = (given: ConstructorParameters<typeof ConfigFiles>[2]["files"]) =>
  synthesise((scope) => new ConfigFiles(scope, "files", { name: "one", namespace: "default", files: given }));

const nameOf = (given: Parameters<typeof files>[0]) =>
  manifestOf(files(given), "ConfigMap", /^one-/).metadata["name"];

afterAll(() => {
  removeSynthesised();
  rmSync(folder, { recursive: true });
});

describe("ConfigFiles", () => {
  it("holds texts and assets byte for byte, whatever Terraform would read in them", () => {
    // GIVEN a text and a program, both full of what looks like Terraform's expressions
    const program = "const greeting = `${name} %{if}`;\n";
    const stack = files({
      "a.conf": textContent("level = ${level} %{ if }\n"),
      "a.js": asset("a.js", program),
    });

    // THEN pods find both as they were
    expect(manifestOf(stack, "ConfigMap", /^one-/)).toMatchObject({
      immutable: true,
      data: { "a.conf": "level = ${level} %{ if }\n", "a.js": program },
    });
    // AND Terraform is told to take them literally
    const raw = stack.one("kubernetes_config_map_v1")["data"] as Record<string, string>;
    expect(raw["a.conf"]).toBe("level = $${level} %%{ if }\n");
    expect(raw["a.js"]).toMatch(/^\$\{file\("assets\/.*a\.js"\)\}$/);
  });

  it("has another name when a file's name or content is another, and the same when none is", () => {
    const name = nameOf({ a: textContent("1"), b: asset("b", "2") });
    expect(nameOf({ b: asset("b", "2"), a: textContent("1") })).toBe(name);
    expect(nameOf({ a: textContent("1"), b: asset("b", "3") })).not.toBe(name);
    expect(nameOf({ a: textContent("2"), b: asset("b", "2") })).not.toBe(name);
    expect(nameOf({ c: textContent("1"), b: asset("b", "2") })).not.toBe(name);
  });

  it("keeps name and ConfigMap where files change that are read again, and has others where a start reads them", () => {
    // GIVEN files of which pods take notice as they run, but for one value
    const made = (text: string, ...readAtStart: string[]) => {
      let configFiles: ConfigFiles;
      const stack = synthesise((scope) => {
        const given = { name: "one", namespace: "default", files: { a: textContent(text) }, readAtStart };
        configFiles = new ConfigFiles(scope, "files", given);
      });
      const { metadata, ...map } = manifestOf(stack, "ConfigMap", /^one-/);
      return { name: metadata["name"], immutable: map["immutable"], digest: configFiles!.digest };
    };
    const first = made("allow 1", "port 80");
    // THEN the map may change, and is told from what it was by its digest
    expect(first.immutable).toBe(false);
    expect(made("allow 2", "port 80")).toEqual({
      ...first,
      digest: expect.not.stringMatching(first.digest) as string,
    });
    // AND is another one for another value, however it is cut into texts
    for (const readAtStart of [["port 81"], ["port 8", "0"], []])
      expect(made("allow 1", ...readAtStart).name).not.toBe(first.name);
  });

  it("makes the new one before the old one goes", () => {
    expect(files({ a: textContent("1") }).one("kubernetes_config_map_v1")).toMatchObject({
      lifecycle: { create_before_destroy: true },
    });
  });

  it("refuses more than a ConfigMap holds, to the byte, and lists the sizes", () => {
    const most = 1024 * 1024 - "a".length - "b".length;
    expect(() => files({ a: textContent("x".repeat(most - 5)), b: asset("b", "12345") })).not.toThrow();
    expect(() => files({ a: textContent("x".repeat(most - 4)), b: asset("b", "12345") })).toThrow(
      "config map one: files must come to at most 1048576 bytes, got: 1048577 (a 1048571, b 6)",
    );
  });

  it("refuses a text that only Terraform will know, since no pod would be replaced when it changes", () => {
    expect(() => files({ a: textContent("${TfToken[TOKEN.0]}") })).toThrow(
      /content of a must be known at synth/,
    );
  });
});
