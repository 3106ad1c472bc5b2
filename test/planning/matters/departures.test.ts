import { validateRegions } from "../../../stacks/values/regions";
import { readCommandLine } from "../../../planning/command-line";
import { run } from "../../../planning/run";
import { JpStack } from "../../../stacks/jp";
import { dedicatedRegionValue, hostKeyOf } from "../../stacks/values/regions/region-values";
import { bundleProxy } from "../own-regions";
import { removeDirectories, synthesise } from "../toy-app";

jest.setTimeout(600_000);
beforeAll(bundleProxy);
afterAll(removeDirectories);

type Servers = NonNullable<Parameters<typeof dedicatedRegionValue>[0]>["servers"];

/** Servers for applications beside the three that every region has. */
const server = (number: number, more: object = {}) => ({
  name: `jp-${number}`,
  address: `10.10.0.${10 + number}`,
  hostKey: hostKeyOf(number),
  roles: ["app" as const],
  ...more,
});

function synthesised(...more: readonly object[]): string {
  const value = dedicatedRegionValue();
  const servers = [...value.servers, ...more] as Servers;
  const [region] = validateRegions([{ file: "jp.json", value: { ...value, servers } }]);
  return synthesise((app) => new JpStack(app, region as ConstructorParameters<typeof JpStack>[1]));
}

test("says of each server that leaves a region what happens to that machine, and in which order", async () => {
  // GIVEN a region of which two servers are retired, one is lost, one is renamed and one vanishes
  const base = synthesised(server(4), server(5), server(6), server(7), server(8));
  const changed = synthesised(
    server(4, { retired: true }),
    server(5, { retired: "lost" }),
    server(6, { name: "jp-six" }),
    server(8, { retired: true }),
  );
  // WHEN it is planned
  const said: string[] = [];
  const output = { print: (text: string) => said.push(text), note: () => undefined, colour: false };
  expect(await run(readCommandLine(["--out", changed, "--base", base]), output)).toBe(0);
  // THEN Terraform calls all of them destroyed, and the lines below tell them apart
  const lines = said.join("\n").split("\n");
  const of = (name: string) => lines.filter((line) => line.startsWith(`  ${name}: `));
  expect(of("jp-5")).toEqual(["  jp-5: is given up as lost: nothing is done to it"]);
  expect(of("jp-6")).toEqual(["  jp-6: is called jp-six from now on: nothing is taken off it"]);
  expect(of("jp-7")).toEqual([
    "  jp-7: disappears without having been retired: the deploy is refused before anything reaches a host",
  ]);
  for (const [index, name] of ["jp-4", "jp-8"].entries()) {
    expect(of(name)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^  ${name}: is retired once all that changes on the servers that stay is in place, ` +
            `runs \\S+/\\S+ leave, .*unbound stops, .*all that was put on it is taken back, retirement ${index + 1} of 2$`,
        ),
      ),
    ]);
  }
  // AND those that stay are not among them
  expect(of("jp-1").join()).not.toMatch(/retired|lost|disappears/);
});

test("says nothing of a server that was retired before, and is now taken out of the region", async () => {
  // GIVEN a region with a retired server
  const base = synthesised(server(4, { retired: true }));
  // WHEN it is left out
  const said: string[] = [];
  const output = { print: (text: string) => said.push(text), note: () => undefined, colour: false };
  expect(await run(readCommandLine(["--out", synthesised(), "--base", base]), output)).toBe(0);
  // THEN no machine is spoken of
  expect(said.join("\n")).not.toContain("What happens to the machines");
});
