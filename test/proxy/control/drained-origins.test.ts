import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DrainedOrigins } from "../../../proxy/control/drained-origins";
import { type Log } from "../../../proxy/observation/log";

const TOKYO = "https://tokyo.example.com:443";
let directory: string;
let events: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tricloud-drained-"));
  events = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

/** As a process finds them that starts. */
const found = (given?: string) =>
  new DrainedOrigins(
    directory,
    { event: (_level: string, text: string) => events.push(text) } as unknown as Log,
    given,
  );

test("a drained origin stays drained over a restart, until it is let back", () => {
  // GIVEN one that was drained twice WHEN another process starts
  const before = found();
  before.set(TOKYO, true);
  before.set(TOKYO, true);
  // THEN it knows, once
  const after = found();
  expect(after.all).toEqual([TOKYO]);
  // AND no more when it was let back
  after.set(TOKYO, false);
  expect([after.all, found().all]).toEqual([[], []]);
});

test("nobody but the proxy's user reads the file, and nothing half written is left", () => {
  found().set(TOKYO, true);
  expect(readdirSync(directory)).toEqual(["drained.json"]);
  expect(statSync(join(directory, "drained.json")).mode & 0o777).toBe(0o600);
});

test("what it is given is drained where nothing is kept yet, and no more once something is", () => {
  // GIVEN a folder as Kubernetes mounts one, beside its own links
  const given = join(directory, "given");
  expect(found(given).all).toEqual([]);
  mkdirSync(join(given, "..data"), { recursive: true });
  writeFileSync(join(given, "0a1b"), `${TOKYO}\n`);
  // WHEN a process starts THEN it knows
  const first = found(given);
  expect(first.all).toEqual([TOKYO]);
  // AND what an operator says here holds over another start, whatever is given
  first.set(TOKYO, false);
  expect(found(given).all).toEqual([]);
  expect(events).toEqual([]);
});

test.each(["", "{", "[1]", '"https://tokyo.example.com:443"'])(
  "a file that holds %j is said and drains none",
  (text) => {
    writeFileSync(join(directory, "drained.json"), text);
    expect(found().all).toEqual([]);
    expect(events).toEqual(["drained origins could not be read: none is drained"]);
  },
);
