import { type Contents, EMPTY_CONTENTS } from "../../../planning/matters/contents";
import { readHostDocument } from "../../../planning/matters/host-document";
import { hostMatters } from "../../../planning/matters/host-matters";
import { type StackHost } from "../../../planning/matters/stack-hosts";
import { type ResourceChange } from "../../../planning/plan/plan-json";
import { commonDifferences, matterLine } from "../../../planning/report/matters";
import { applyDocument } from "../../../constructs/host/apply-document";
import { EMPTY_PROFILE, textContent } from "../../../constructs/host/host-profile";

const base64 = (value: string) => Buffer.from(value).toString("base64");

/** What a host holds whose one service reads a secret and a text. */
function contents(word: string, secret = "hunter2", program = "jq"): Contents {
  return readHostDocument(
    applyDocument(
      {
        ...EMPTY_PROFILE,
        packages: [program],
        files: [
          { path: "/etc/example/conf", content: textContent(word) },
          { path: "/etc/example/key", mode: "0600", content: textContent(secret) },
        ],
        services: [
          {
            name: "example.service",
            reads: ["/etc/example/conf", "/etc/example/key"],
            runs: ["jq"],
            reload: "true",
          },
        ],
      },
      ({ content }) => ({
        sha256: base64(JSON.stringify(content)),
        how: "inline",
        what: base64((content as { text: string }).text),
      }),
    ),
  );
}

const host = (after: Contents): StackHost => ({
  name: "jp-1",
  delivery: "terraform_data.delivery",
  activation: "terraform_data.activation",
  turn: 4,
  connection: {},
  document: "document",
  contents: after,
});

function replaced(before: Record<string, string>, after: Record<string, string>): ResourceChange {
  return {
    address: "terraform_data.delivery",
    mode: "managed",
    type: "terraform_data",
    change: {
      actions: ["delete", "create"],
      before: { triggers_replace: before },
      after: { triggers_replace: after },
    },
  };
}

const CONF = { "/etc/example/conf": "0644 root root 1" };
const KEY = { "/etc/example/key": "0600 root root 1" };

test("shows the text of a file and never that of a secret", () => {
  // GIVEN a host of which a text and a secret change
  const change = replaced(
    { ...CONF, ...KEY },
    { "/etc/example/conf": "0644 root root 2", "/etc/example/key": "0600 root root 2" },
  );
  const before = new Map([["jp-1", contents("one\n")]]);

  // WHEN
  const matters = hostMatters([host(contents("two\n", "hunter3"))], [change], before);

  // THEN both are named, and what one of them holds is shown
  expect(matters.map(matterLine)).toEqual(["jp-1: conf changes, key changes (secret), example reloads"]);
  expect(commonDifferences(matters)).toEqual([
    {
      places: ["jp-1"],
      subject: "/etc/example/conf",
      lines: [
        { kind: "removed", line: "one" },
        { kind: "added", line: "two" },
      ],
    },
  ]);
  expect(JSON.stringify(matters)).not.toContain("hunter");
});

test("says from which version to which a package goes, and what restarts for it", () => {
  const change = replaced({ packages: "jq=1.7" }, { packages: "jq=1.6" });
  const before = new Map([["jp-1", contents("one\n", "hunter2", "jq=1.7")]]);
  expect(
    hostMatters([host(contents("one\n", "hunter2", "jq=1.6"))], [change], before).map(matterLine),
  ).toEqual(["jp-1: jq goes from 1.7 to 1.6, example restarts"]);
});

test("tells by digests alone of a host that cannot be asked", () => {
  const change = replaced(CONF, { "/etc/example/conf": "0644 root root 2" });
  expect(hostMatters([host(contents("two\n"))], [change], new Map()).map(matterLine)).toEqual([
    "jp-1: conf changes (its text is not known here), example reloads",
  ]);
});

test("says of a host to which all is delivered again why that is", () => {
  const again = replaced(CONF, CONF);
  const another = replaced({ ...CONF, "host key": "a" }, { ...CONF, "host key": "b" });
  expect(hostMatters([host(EMPTY_CONTENTS)], [again], new Map()).map(matterLine)).toEqual([
    "jp-1: everything is delivered again: the last deploy did not end",
  ]);
  expect(hostMatters([host(EMPTY_CONTENTS)], [another], new Map()).map(matterLine)).toEqual([
    "jp-1: its host key changes",
  ]);
});
