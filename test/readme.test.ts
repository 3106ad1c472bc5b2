import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";

const readme = readFileSync("README.md", "utf8");
const blocks = [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
  language,
  text: text!,
}));

describe("README", () => {
  test("names only commands and files that exist", () => {
    // GIVEN all commands, links and files of the map
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
      scripts: Record<string, string>;
    };
    const commands = [...readme.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name]) => name!);
    const files = [
      ...[...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, file]) => file!),
      ...[...readme.matchAll(/^(script\/\w+)/gm)].map(([, file]) => file!),
      ...[...readme.matchAll(/^([\w.]+\/?) {2,}/gm)].map(([, file]) => file!),
    ];
    // THEN each is there
    expect(commands.length).toBeGreaterThan(3);
    expect(files.length).toBeGreaterThan(15);
    expect(commands.filter((name) => scripts[name] === undefined)).toEqual([]);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });

  test("shows how to reuse a construct with code that synthesises", () => {
    // GIVEN the sample, the library taken from its sources
    const sample = blocks.find(
      ({ language, text }) => language === "ts" && text.includes("new AggregationProxy("),
    );
    const { outputText } = transpileModule(sample!.text, {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
    });
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-readme-"));
    process.env["CDKTF_OUTDIR"] = outdir;
    try {
      // WHEN it runs
      const load = (name: string): unknown =>
        jest.requireActual(name === "tricloud" ? "../constructs" : name);
      new Function("require", "exports", outputText)(load, {});
      // THEN a stack is written
      expect(readdirSync(join(outdir, "stacks"))).toEqual(["edge"]);
    } finally {
      delete process.env["CDKTF_OUTDIR"];
      rmSync(outdir, { recursive: true });
    }
  });
});
