import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";
import { COMMANDS } from "../../cli/commands";

/** The command as a program, from its sources: what is tested is how it starts, ends and complains. */
describe("tricloud", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tricloud-command-"));
    buildSync({
      entryPoints: [resolve("cli/main.ts")],
      outfile: join(folder, "cli/main.js"),
      bundle: true,
      platform: "node",
      target: "node20",
      // Dynamic imports stay what they are: a command is loaded when it is called.
      packages: "external",
      logLevel: "error",
    });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const tricloud = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "cli/main.js"), ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NODE_PATH: resolve("node_modules") },
    });
    return { status, stdout, stderr };
  };

  /** Those for which npm has a script of the same name. */
  const SCRIPTS = ["plan", "availability", "topology", "drift", "openings", "recover"];
  const NAMES = COMMANDS.map(({ name }) => name);

  it("lists its commands, asked for help or asked for nothing", () => {
    // WHEN
    const help = tricloud("--help");
    const nothing = tricloud();
    // THEN
    expect(help).toMatchObject({ status: 0, stderr: "" });
    for (const name of NAMES) expect(help.stdout).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
    expect(nothing).toEqual({ status: 2, stdout: "", stderr: help.stdout });
  });

  it.each(NAMES)("tells how %s is used without running the app, which may not even be there", (name) => {
    // GIVEN a folder in which there is no app, WHEN asked THEN it is told
    for (const flag of ["--help", "-h"]) {
      const { status, stdout, stderr } = tricloud(name, flag);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(`tricloud ${name} `);
    }
  });

  it("names a command that it does not have, and an option that a command does not have", () => {
    expect(tricloud("plna")).toMatchObject({ status: 2, stdout: "" });
    expect(tricloud("plna").stderr).toMatch(/^tricloud: no command "plna"\n/);
    for (const name of NAMES) {
      // Node's own message goes on for another two sentences.
      expect(tricloud(name, "--bogus")).toEqual({
        status: 2,
        stdout: "",
        stderr: `${name}: Unknown option '--bogus'; "tricloud ${name} --help" lists the options\n`,
      });
    }
  });

  it("says which file a report lacks where nothing has been synthesised", () => {
    for (const name of ["availability", "topology"]) {
      const { status, stderr } = tricloud(name);
      expect([name, status]).toEqual([name, 2]);
      expect(stderr).toContain(`cdktf.out/${name}.json`);
    }
  });

  it("is what the npm scripts of that name run", () => {
    const { scripts, bin } = JSON.parse(readFileSync("package.json", "utf8")) as {
      scripts: Record<string, string>;
      bin: Record<string, string>;
    };
    for (const name of SCRIPTS) expect(scripts[name]).toMatch(new RegExp(`node ${bin["tricloud"]} ${name}$`));
  });
});
