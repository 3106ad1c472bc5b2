import { planChange, replacingPaths } from "../../../planning/double/plan";
import { completeState } from "../../../planning/double/placeholder";
import { UNKNOWN, type ValueObject, isObject } from "../../../planning/double/value";
import { type Attribute, type Block } from "../../../planning/schema/schema";

const attribute = (flags: string, more: Partial<Attribute> = {}): Attribute => ({
  type: "string",
  required: flags.includes("r"),
  optional: flags.includes("o"),
  computed: flags.includes("c"),
  ...more,
});

const BLOCK: Block = {
  attributes: { id: attribute("oc"), name: attribute("r"), arn: attribute("c"), note: attribute("o") },
  blockTypes: {
    // One that only the user makes, one that the provider fills in, and one without order.
    rule: {
      nesting: "list",
      minItems: 0,
      maxItems: 0,
      block: { attributes: { port: attribute("o"), priority: attribute("oc") }, blockTypes: {} },
    },
    auth: {
      nesting: "list",
      minItems: 0,
      maxItems: 1,
      block: { attributes: { certificate: attribute("c") }, blockTypes: {} },
    },
    tag: {
      nesting: "set",
      minItems: 0,
      maxItems: 0,
      block: { attributes: { key: attribute("o"), etag: attribute("oc") }, blockTypes: {} },
    },
  },
};

const empty = { id: null, name: null, arn: null, note: null, rule: [], auth: [], tag: [] };

describe("a creation", () => {
  test("leaves to the provider what is computed and not set", () => {
    const config = {
      ...empty,
      name: "n",
      rule: [{ port: "1", priority: null }],
      tag: [{ key: "k", etag: null }],
    };
    expect(planChange(null, config, config, BLOCK)).toEqual({
      id: UNKNOWN,
      name: "n",
      arn: UNKNOWN,
      note: null,
      rule: [{ port: "1", priority: UNKNOWN }],
      auth: UNKNOWN,
      tag: [{ key: "k", etag: UNKNOWN }],
    });
  });

  test("keeps what is set", () => {
    const config = { ...empty, id: "mine", name: "n" };
    expect(planChange(null, config, config, BLOCK)).toMatchObject({ id: "mine" });
  });
});

describe("a change", () => {
  const prior = {
    id: "i",
    name: "n",
    arn: "a",
    note: "old",
    rule: [{ port: "1", priority: "10" }],
    auth: [{ certificate: "c" }],
    tag: [{ key: "k", etag: "e" }],
  };

  test("keeps what the provider decided before, in blocks too", () => {
    // GIVEN a configuration that changes one attribute and adds a block, merged by Terraform with the state
    const config = {
      ...empty,
      name: "n",
      note: "new",
      rule: [
        { port: "1", priority: null },
        { port: "2", priority: null },
      ],
      tag: [{ key: "other", etag: null }],
    };
    const proposed = {
      ...config,
      id: "i",
      arn: "a",
      rule: [
        { port: "1", priority: "10" },
        { port: "2", priority: null },
      ],
    };

    // WHEN it is planned THEN only what is new is left to the provider
    expect(planChange(prior, proposed, config, BLOCK)).toEqual({
      id: "i",
      name: "n",
      arn: "a",
      note: "new",
      rule: [
        { port: "1", priority: "10" },
        { port: "2", priority: UNKNOWN },
      ],
      auth: [{ certificate: "c" }],
      tag: [{ key: "other", etag: UNKNOWN }],
    });
  });

  test("is a replacement where a hinted attribute differs", () => {
    const hints = { replace: ["name", "rule.port", "tag.key"] };
    const paths = (planned: Parameters<typeof replacingPaths>[1]) =>
      replacingPaths(prior, planned, BLOCK, hints);
    expect(paths(prior)).toEqual([]);
    expect(paths({ ...prior, note: "new" })).toEqual([]);
    expect(paths({ ...prior, name: "other" })).toEqual([["name"]]);
    expect(paths({ ...prior, name: UNKNOWN })).toEqual([["name"]]);
    expect(paths({ ...prior, rule: [{ port: "2", priority: "10" }] })).toEqual([["rule", 0, "port"]]);
    expect(paths({ ...prior, rule: [] })).toEqual([["rule"]]);
    // Elements of a set have no address.
    expect(paths({ ...prior, tag: [{ key: "other", etag: "e" }] })).toEqual([["tag"]]);
  });

  test("is traced through a value that carries its type", () => {
    // GIVEN an attribute of any type, as Terraform sends it
    const typed = (manifest: ValueObject) => ({
      manifest: [Buffer.from(JSON.stringify(["object", typesOf(manifest)])), manifest],
    });
    const typesOf = (value: ValueObject): object =>
      Object.fromEntries(
        Object.entries(value).map(([name, each]) => [
          name,
          isObject(each) ? ["object", typesOf(each)] : "string",
        ]),
      );
    const block: Block = {
      attributes: { manifest: attribute("r", { type: "dynamic" }) },
      blockTypes: {},
    };
    const before = { kind: "Service", metadata: { name: "web", namespace: "app" } };
    const paths = (manifest: ValueObject) =>
      replacingPaths(typed(before), typed(manifest), block, {
        replace: ["manifest.kind", "manifest.metadata.namespace"],
      });
    // THEN a path leads to the member that differs, and another type alone is no difference
    expect(paths({ ...before, note: "new" })).toEqual([]);
    expect(paths({ ...before, kind: "Ingress" })).toEqual([["manifest", "kind"]]);
    expect(paths({ ...before, metadata: { name: "web" } })).toEqual([["manifest", "metadata", "namespace"]]);
  });
});

test("a destruction plans nothing", () => {
  expect(planChange({ ...empty, id: "i" }, null, null, BLOCK)).toBeNull();
});

test("an applied state knows everything, and the same plan always comes to the same", () => {
  // GIVEN a planned creation
  const config = { ...empty, name: "n" };
  const planned = planChange(null, config, config, BLOCK);
  const hints = { values: { "auth.certificate": "given" } };

  // WHEN it is applied twice
  const state = completeState(planned, BLOCK, "toy_thing", hints);

  // THEN every unknown has the hinted value or one that tells what it is
  expect(state).toMatchObject({
    name: "n",
    note: null,
    id: expect.stringMatching(/^thing-planned-[0-9a-f]{8}$/) as string,
    arn: expect.stringMatching(/^arn:aws:thing:::planned-[0-9a-f]{8}$/) as string,
    auth: [{ certificate: "given" }],
  });
  expect(completeState(planned, BLOCK, "toy_thing", hints)).toEqual(state);
});
