import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PROGRAM = join(__dirname, "../../script/check-arrows.mjs");

describe("script/check-arrows.mjs", () => {
  let project: string;
  beforeEach(() => (project = mkdtempSync(join(tmpdir(), "tricloud-arrows-"))));
  afterEach(() => rmSync(project, { recursive: true }));

  /** Writes files, each with what it imports, and a README with arrows; what is said of them. */
  const said = (imports: Readonly<Record<string, readonly string[]>>, drawn: readonly string[]) => {
    for (const [path, others] of Object.entries(imports)) {
      const file = join(project, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, others.map((other) => `import { it } from "${other}";\n`).join(""));
    }
    writeFileSync(join(project, "README.md"), drawn.map((arrow) => `  ${arrow}\n`).join(""));
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, project], { encoding: "utf8" });
    return { status, lines: stderr.trimEnd().split("\n") };
  };

  it("is content where imports run one way and README shows them", () => {
    const files = {
      "stacks/jp.ts": ["../constructs", "../constructs/host/files", "cdktf"],
      "constructs/index.ts": ["./host/files", "./dns/zone"],
      "constructs/text.ts": [],
      "constructs/host/files.ts": ["../text"],
      "constructs/dns/zone.ts": ["../host/files", "../text"],
    };
    expect(said(files, ["stacks --> constructs"])).toEqual({ status: 0, lines: [""] });
  });

  it("names the imports by which folders depend on one another, once", () => {
    const files = {
      "constructs/host/files.ts": ["./modes"],
      "constructs/host/modes.ts": ["../dns/zone"],
      "constructs/dns/zone.ts": ["../aws/bucket"],
      "constructs/aws/bucket.ts": ["../host/files"],
    };
    const { status, lines } = said(files, []);
    expect(status).toBe(1);
    expect(lines[0]).toBe("error: imports of folders run in a circle:");
    expect(lines.slice(1).sort()).toEqual([
      "  constructs/aws/bucket.ts imports constructs/host/files.ts",
      "  constructs/dns/zone.ts imports constructs/aws/bucket.ts",
      "  constructs/host/modes.ts imports constructs/dns/zone.ts",
    ]);
  });

  it("holds README's picture to what is imported, both ways", () => {
    const files = { "cli/plan.ts": ["../planning/planner"], "planning/planner.ts": [] };
    expect(said(files, ["cli --> proxy"])).toEqual({
      status: 1,
      lines: [
        "error: README's picture lacks cli --> planning",
        "error: README's picture has cli --> proxy, which no file imports",
      ],
    });
  });
});
