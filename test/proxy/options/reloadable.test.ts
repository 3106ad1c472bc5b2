import { readConfigValues } from "../../../proxy/options/config-file";
import { DEFINITIONS, OPTION_NAMES, type Options } from "../../../proxy/options/options";
import { configurationHash, needingRestart } from "../../../proxy/options/reloadable";

const optionsOf = (values: Record<string, unknown>): Options => {
  const read = readConfigValues("proxy.json", values, DEFINITIONS);
  return Object.fromEntries(
    OPTION_NAMES.map((name) => [name, read.get(name) ?? DEFINITIONS[name].initial]),
  ) as unknown as Options;
};
const before = optionsOf({ allow: ["a.example"], groups: { b: ["http://b.example"] } });

test("what is routed where, and how long is waited, changes while it serves", () => {
  const after = optionsOf({ allow: ["b.example"], groups: { b: ["http://c.example"] }, readTimeout: 5 });
  expect(needingRestart(before, after)).toEqual([]);
});

test("where it listens, and how many it is, needs a restart, in the order of the manual", () => {
  const after = optionsOf({ allow: ["a.example"], workers: 2, port: 3001, adminListen: "127.0.0.1:9300" });
  expect(needingRestart(before, after)).toEqual(["port", "adminListen", "workers"]);
});

test("each value has its part in the hash by which a configuration is known", () => {
  const hash = configurationHash(before);
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  expect(configurationHash(optionsOf({ allow: ["a.example"], groups: { b: ["http://b.example"] } }))).toBe(
    hash,
  );
  expect(configurationHash({ ...before, stsize: before.stsize + 1 })).not.toBe(hash);
});
