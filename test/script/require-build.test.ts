import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

describe("script/require-build.mjs", () => {
  let project: string;

  /** Writes a file that was last changed at a minute past the hour. */
  const write = (path: string, minute: number) => {
    const file = join(project, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "");
    utimesSync(file, minute * 60, minute * 60);
  };

  const run = () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(project, "script/require-build.mjs")],
      // Wherever it is called from.
      { cwd: tmpdir(), encoding: "utf8" },
    );
    return { status, stderr };
  };

  beforeEach(() => {
    // GIVEN a project with sources
    project = mkdtempSync(join(tmpdir(), "tricloud-build-"));
    mkdirSync(join(project, "script"));
    copyFileSync("script/require-build.mjs", join(project, "script/require-build.mjs"));
    for (const folder of ["stacks", "constructs/dns", "planning", "proxy", "cli"])
      write(join(folder, "index.ts"), 1);
    write("main.ts", 1);
    write("regions/jp.ts", 2);
    write("regions/us.ts", 2);
    for (const folder of ["regions", "stacks", "constructs/dns", "constructs", "planning", "proxy", "cli"])
      utimesSync(join(project, folder), 120, 120);
  });

  afterEach(() => rmSync(project, { recursive: true }));

  test("says nothing of a build that is newer than its sources", () => {
    // WHEN it was built after the last change
    write("dist/main.js", 3);
    // THEN the command goes on
    expect(run()).toEqual({ status: 0, stderr: "" });
  });

  test("stops before a build is there", () => {
    expect(run()).toEqual({
      status: 1,
      stderr: 'error: dist/main.js is missing: run "npm run build" first\n',
    });
  });

  test("stops when a region is gone", () => {
    // WHEN a source was taken away after the build
    write("dist/main.js", 3);
    rmSync(join(project, "regions/us.ts"));
    // THEN its folder is named
    expect(run()).toEqual({
      status: 1,
      stderr: 'error: regions has changed since the last build: run "npm run build" first\n',
    });
  });

  test.each(["regions/jp.ts", "constructs/dns/index.ts", "main.ts"])("stops when %s is newer", (source) => {
    // WHEN a source was changed after the build
    write("dist/main.js", 3);
    write(source, 4);
    // THEN it is named
    expect(run()).toEqual({
      status: 1,
      stderr: `error: ${source} has changed since the last build: run "npm run build" first\n`,
    });
  });
});
