import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../../../planning/command-line";
import { run } from "../../../planning/run";
import us from "../../../regions/us";
import { bundleProxy, synthesiseRegions, synthesiseUs, synthesiseWithAnotherOrigin } from "../own-regions";
import { removeDirectories, testDirectory } from "../toy-app";

jest.setTimeout(600_000);
beforeAll(bundleProxy);
afterAll(removeDirectories);

describe("a plan of one more allowed origin, against the base", () => {
  let printed = "";
  let markdown = "";

  beforeAll(async () => {
    // GIVEN the regions as they are, and with one more origin and larger proxies in the US, WHEN they are compared
    const file = join(testDirectory(), "plan.md");
    const said: string[] = [];
    const args = ["--out", synthesiseWithAnotherOrigin(), "--base", synthesiseRegions(), "--markdown", file];
    const code = await run(readCommandLine(args), {
      print: (text) => said.push(text),
      note: () => undefined,
      colour: false,
    });
    expect(code).toBe(0);
    printed = said.join("\n");
    markdown = readFileSync(file, "utf8");
  });

  test("says which files change on which server, what takes them how, and when", () => {
    // THEN two proxies reload one after the other
    expect(printed).toContain(
      "  jp-1: proxy.json changes, tricloud-proxy reloads, batch 1 of 2\n" +
        "  jp-2: proxy.json changes, tricloud-proxy reloads, batch 2 of 2\n",
    );
    // AND nothing happens to the server that is no proxy
    expect(printed).not.toContain("jp-3:");
  });

  test("says what a launch template's change does to the machines of its group", () => {
    expect(printed).toContain(
      "  us-proxy: instance_type t3.small becomes t3.large, proxy.json changes, " +
        "3 machines are replaced, 1 at a time, 90 s at the least\n",
    );
    expect(printed).not.toContain("us-app:");
  });

  test("says which machines of a group take a file as they run, where nothing else becomes of them", async () => {
    // GIVEN the US with one more origin and no other machines, WHEN it is compared
    const said: string[] = [];
    const more = { proxy: { ...us.proxy, allow: [...us.proxy.allow, "*.example.org"] } };
    const args = ["--out", synthesiseUs(more), "--base", synthesiseUs({})];
    await run(readCommandLine(args), {
      print: (text) => said.push(text),
      note: () => undefined,
      colour: false,
    });
    // THEN
    expect(said.join("\n")).toContain(
      "  us-proxy: proxy.json changes, 3 machines reload, one before the others\n",
    );
    expect(said.join("\n")).toContain('  +    "*.example.org"\n');
    expect(said.join("\n")).not.toContain("replaced, ");
  });

  test("says which pods take a config map's change as they run", () => {
    expect(printed).toContain("  proxy: proxy.json changes, 3 pods reload, one before the others\n");
  });

  test("shows the text's difference once, with the places it is in", () => {
    const difference = '-    "*.example.net"\n  +    "*.example.net",\n  +    "*.example.org"\n';
    expect(printed).toContain("/etc/tricloud/proxy.json (jp-1, jp-2)\n");
    expect(printed.split(difference)).toHaveLength(1 + 3);
  });

  test("gives the comment the same, the texts folded away, and one line for stacks that stay as they are", () => {
    expect(markdown).toContain("\n- jp-1: proxy.json changes, tricloud-proxy reloads, batch 1 of 2\n");
    expect(markdown).toMatch(
      /<details><summary>[^<]*<\/summary>\n\n`\/etc\/tricloud\/proxy\.json` \(jp-1, jp-2\)\n\n````diff\n/,
    );
    expect(markdown).toMatch(
      /\*\*Changed in place\*\*\n\n- `aws_launch_template\.proxy_[^`]*`: .*`instance_type`, `latest_version`\n- `aws_s3_object\.assets_object-us-proxy-[^`]*`: `content`, `version_id`\n/,
    );
    expect(markdown).toContain("\nUnchanged: uk.\n");
    expect(markdown).not.toContain("### uk:");
    // AND the steps of the deploy, which the lines above stand for, are not listed by their resources
    expect(markdown).not.toContain("because of `triggers_replace`");
  });

  test("prints neither programs nor compressed user data", () => {
    for (const text of [printed, markdown]) {
      expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(500);
      expect(text.split("\n").length).toBeLessThan(400);
    }
  });
});

test("a first plan tells what is set up where, without printing the programs", async () => {
  // GIVEN regions of which nothing is deployed, WHEN the one with the program in a config map is planned
  const said: string[] = [];
  const args = ["jp", "uk-workloads", "--out", synthesiseRegions()];
  await run(readCommandLine(args), {
    print: (text) => said.push(text),
    note: () => undefined,
    colour: false,
  });
  const printed = said.join("\n");

  // THEN it fits some screens, and says what comes
  expect(printed.split("\n").length).toBeLessThan(3000);
  expect(printed).toMatch(/"tricloud-proxy\.js" += <<-EOT\n +\(\d+ lines\)\n/);
  expect(printed).toContain("  proxy: gets proxy.json\n");
  expect(printed).toContain("  proxy: gets tricloud-proxy.js\n");
  expect(printed).toMatch(
    / {2}jp-1: is set up: \d+ files, packages consul 1\.22\.3, curl, nodejs, unbound, services tricloud-consul-tokens, consul, .*, batch 1 of 3\n/,
  );
});
