import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import {
  collectTopology,
  type HasTopology,
  type TopologyElement,
  type TopologyRun,
} from "../../../constructs/topology";
import { main } from "../../../cli/topology";
import { regionViews } from "../../../constructs/topology/region-view";
import { svgPicture } from "../../../constructs/topology/svg-picture";
import { textPicture } from "../../../constructs/topology/text-picture";

class Part extends Construct implements HasTopology {
  constructor(
    scope: Construct,
    id: string,
    readonly topology: readonly TopologyElement[],
  ) {
    super(scope, id);
  }
}

const machines = (name: string): TopologyElement => ({
  kind: "machines",
  name,
  count: 1,
  type: "dedicated server",
  places: ["rack-1"],
});

/** A proxy host and a host for applications, in two stacks of one region. */
function run(): TopologyRun {
  const app = new App({ outdir: mkdtempSync(join(tmpdir(), "tricloud-topology-")) });
  const first = new TerraformStack(app, "jp");
  const second = new TerraformStack(app, "jp-more");
  new TerraformStack(app, "empty");
  new Part(first, "a", [
    machines("jp-1"),
    { kind: "workload", role: "proxy", on: ["jp-1"], port: 80, origins: ["*.example.com"] },
  ]);
  new Part(second, "b", [
    machines("jp-2"),
    { kind: "workload", role: "resolver", on: ["jp-1", "jp-2"] },
    { kind: "name", name: "*.ccnproxy-https", leadsTo: "proxy.service.consul", answeredBy: "unbound" },
  ]);
  try {
    return collectTopology(app, (stack) => stack.node.id.split("-")[0]!);
  } finally {
    rmSync(app.outdir, { recursive: true });
  }
}

describe("topology", () => {
  test("joins the stacks of a region and leaves out stacks that have nothing to show", () => {
    // GIVEN two stacks of one region and an empty one WHEN collected
    const { regions } = run();
    // THEN there is one region with the elements of both
    expect(regions).toHaveLength(1);
    expect(regions[0]).toMatchObject({ region: "jp", stacks: ["jp", "jp-more"] });
    expect(regions[0]?.elements).toHaveLength(5);
  });

  test("puts each program on the machines it runs on, and a request's path through them", () => {
    const [view] = regionViews(run());
    expect(view?.machines.map(({ name, workloads }) => [name, workloads.map(({ role }) => role)])).toEqual([
      ["jp-1", ["proxy", "resolver"]],
      ["jp-2", ["resolver"]],
    ]);
    expect(view?.path[0]).toBe("an application on jp-2 asks for http://api.example.com.ccnproxy-https/");
    expect(view?.path[2]).toBe("Consul names the healthy proxies: jp-1");
  });

  test("draws every machine and name as text and as a picture, colours only when asked", () => {
    const views = regionViews(run());
    const [text, svg] = [textPicture(views), svgPicture(views)];
    for (const word of [
      "jp-1",
      "jp-2",
      "aggregation proxy :80",
      "*.ccnproxy-https",
      "proxy.service.consul",
    ]) {
      expect(text).toContain(word);
      expect(svg).toContain(word);
    }
    expect(text).not.toContain("\u001b");
    expect(svg).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/);
  });

  test("never lets a name end an element of the picture", () => {
    const { regions, ...rest } = run();
    const views = regionViews({
      ...rest,
      regions: regions.map((region) => ({ ...region, region: "</text><script>" })),
    });
    expect(svgPicture(views)).not.toContain("<script>");
  });

  describe("command line", () => {
    let directory: string;
    let from: string;
    let printed: string;
    const stdout = {
      isTTY: false,
      write: (text: string) => ((printed += text), true),
    } as unknown as NodeJS.WriteStream;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "tricloud-topology-cli-"));
      from = join(directory, "topology.json");
      writeFileSync(from, JSON.stringify(run()));
      printed = "";
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    test("prints, and writes the picture to a file", () => {
      expect(main(["--from", from, "jp"], stdout)).toBe(0);
      expect(printed).toContain("jp-1");
      const svg = join(directory, "picture.svg");
      expect(main(["--from", from, "--svg", svg], stdout)).toBe(0);
      expect(readFileSync(svg, "utf8")).toContain("jp-1");
    });

    test("names the regions there are when asked for another", () => {
      expect(() => main(["--from", from, "mars"], stdout)).toThrow("expected a region, one of jp, got: mars");
    });

    test.each([
      [["--bogus"], /^Unknown option '--bogus'; "tricloud topology --help" lists the options$/],
      [["--json", "--svg", "x.svg"], /^--json and --svg exclude each other$/],
    ])("refuses %j in one line", (args, message) => {
      expect(() => main(args, stdout)).toThrow(message);
      expect(printed).toBe("");
    });

    test("refuses a file that is no topology", () => {
      writeFileSync(from, "{}");
      expect(() => main(["--from", from], stdout)).toThrow(
        /expected schema tricloud\/topology\/v1, got: undefined/,
      );
    });
  });
});
