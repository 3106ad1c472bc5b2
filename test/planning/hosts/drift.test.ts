import { applyDocument } from "../../../constructs/host/apply-document";
import { EMPTY_PROFILE } from "../../../constructs/host/host-profile";
import { hostDrift } from "../../../planning/hosts/drift";
import { readInspection } from "../../../planning/hosts/inspection";
import { readHostDocument } from "../../../planning/matters/host-document";

/** What a host is said to differ in that has this version of a package, or none, where it was given another one. */
function driftOf(installed: string, wanted: string): string[] {
  const document = applyDocument({ ...EMPTY_PROFILE, packages: [wanted] }, () => ({
    how: "staged",
    what: "-",
  }));
  const inspection = readInspection(
    `document ${Buffer.from(document).toString("base64")}\npackage consul ${installed}\nend\n`,
  );
  const host = {
    ...{ name: "jp-1", delivery: "delivery", activation: "activation", turn: 1 },
    ...{ connection: {}, document: "document", contents: readHostDocument(document) },
  };
  return hostDrift(host, { reached: true, inspection }, document, []).items.map(
    ({ what, how }) => `${what} ${how}`,
  );
}

test.each([
  ["1.22.3-1", "consul", []],
  ["1.22.3-1", "consul=1.22.3", []],
  ["1.22.3-1", "consul=1.22.3-1", []],
  ["1.8.7+dfsg1-2+b3", "consul=1.8.7", []],
  ["1:1.22.3-1", "consul=1.22.3", []],
  ["1.22.30-1", "consul=1.22.3", ["consul is 1.22.30-1, not 1.22.3"]],
  ["1.22.2-1", "consul=1.22.3-1", ["consul is 1.22.2-1, not 1.22.3-1"]],
  ["-", "consul=1.22.3", ["consul is not installed"]],
])("a host with %s, told to hold %s, differs in %j", (installed, wanted, expected) => {
  expect(driftOf(installed, wanted)).toEqual(expected);
});
