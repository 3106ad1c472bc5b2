import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModuleKind, transpileModule } from "typescript";
import { main } from "../../cli/topology";
import { synthesise } from "../../stacks/app";

const root = join(__dirname, "../..");

/** The values of a directory as the build leaves them. */
function compile(name: string, to: string): void {
  mkdirSync(join(to, name));
  for (const file of readdirSync(join(root, name)).filter((each) => each.endsWith(".ts"))) {
    const { outputText } = transpileModule(readFileSync(join(root, name, file), "utf8"), {
      compilerOptions: { module: ModuleKind.CommonJS },
    });
    writeFileSync(join(to, name, file.replace(/\.ts$/, ".js")), outputText);
  }
}

describe("pictures of what is deployed", () => {
  let directory: string;
  let before: string | undefined;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-pictures-"));
    for (const name of ["regions", "services"]) if (existsSync(join(root, name))) compile(name, directory);
    before = process.env["CDKTF_OUTDIR"];
    process.env["CDKTF_OUTDIR"] = join(directory, "out");
    // What the app warns of is not of interest here; what it refuses is.
    jest.spyOn(console, "log").mockImplementation(() => undefined);
    const said = jest.spyOn(console, "error").mockImplementation(() => undefined);
    const isDone = await synthesise({ regions: join(directory, "regions"), onlyAssess: true });
    expect(isDone ? [] : said.mock.calls).toEqual([]);
    jest.restoreAllMocks();
  }, 300_000);
  afterAll(() => {
    if (before === undefined) delete process.env["CDKTF_OUTDIR"];
    else process.env["CDKTF_OUTDIR"] = before;
    rmSync(directory, { recursive: true });
  });

  test.each([
    ["docs/topology.svg", []],
    ["docs/topology-us.svg", ["us"]],
  ])("%s is what npm run docs:pictures draws", (file, regions) => {
    // GIVEN the regions as they are WHEN drawn
    const svg = join(directory, "picture.svg");
    main([...regions, "--from", join(directory, "out/topology.json"), "--svg", svg], process.stdout);
    // THEN it is the picture that the documentation shows
    expect(readFileSync(svg, "utf8")).toBe(readFileSync(join(root, file), "utf8"));
  });
});
