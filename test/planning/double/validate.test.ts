import { type Diagnostic } from "../../../planning/double/protocol";
import { validateConfig } from "../../../planning/double/validate";
import { UNKNOWN, type Value } from "../../../planning/double/value";
import { type TypeHints } from "../../../planning/hints/hints";
import { type Block } from "../../../planning/schema/schema";
import { standIn } from "../../../planning/stand-in";

const optional = { type: "string", required: false, optional: true, computed: false } as const;
const INNER: Block = {
  attributes: { a: optional, b: optional, out: { ...optional, optional: false, computed: true } },
  blockTypes: {},
};
const BLOCK: Block = {
  attributes: INNER.attributes,
  blockTypes: { inner: { nesting: "list", minItems: 0, maxItems: 0, block: INNER } },
};
const empty = { a: null, b: null, out: null, inner: [] };
const details = (config: Value, hints?: TypeHints): string[] =>
  validateConfig(config, BLOCK, hints).map(({ summary, detail }: Diagnostic) => `${summary}: ${detail}`);

test("an empty configuration is right", () => {
  expect(details(empty, { conflicts: [["a", "b"]], allowed: { a: ["x"] } })).toEqual([]);
});

test("what only the provider sets cannot be set, at any depth, and the place is told", () => {
  const found = validateConfig({ ...empty, inner: [empty, { ...empty, out: "x" }] }, BLOCK, undefined);
  expect(found).toEqual([
    expect.objectContaining({
      summary: "Value for unconfigurable attribute",
      attribute: { steps: [{ attribute_name: "inner" }, { element_key_int: 1 }, { attribute_name: "out" }] },
    }),
  ]);
});

describe("arguments that conflict", () => {
  const hints: TypeHints = {
    conflicts: [
      ["a", "b"],
      ["inner.a", "inner.b"],
      ["a", "inner"],
    ],
  };
  test.each<[Value, string[]]>([
    [{ ...empty, a: "x" }, []],
    [{ ...empty, a: "x", b: "y" }, ['"a" conflicts with "b"']],
    // An unknown value may yet be null.
    [{ ...empty, a: "x", b: UNKNOWN }, []],
    [{ ...empty, inner: [{ a: "x", b: "y", out: null }] }, ['"a" conflicts with "b"']],
    [
      {
        ...empty,
        inner: [
          { a: "x", b: null, out: null },
          { a: null, b: "y", out: null },
        ],
      },
      [],
    ],
    [{ ...empty, a: "x", inner: [empty] }, ['"a" conflicts with "inner"']],
  ])("%j", (config, expected) => {
    expect(details(config, hints)).toEqual(expected.map((text) => expect.stringContaining(text) as string));
  });
});

describe("arguments of which exactly one must be set", () => {
  const hints: TypeHints = { exactlyOne: [["inner.a", "inner.b"]] };
  test.each<[Value, string[]]>([
    [empty, []],
    [{ ...empty, inner: [{ a: "x", b: null, out: null }] }, []],
    [{ ...empty, inner: [{ a: null, b: null, out: null }] }, ["none is"]],
    [{ ...empty, inner: [{ a: "x", b: "y", out: null }] }, ['"a" and "b" are']],
    [{ ...empty, inner: [{ a: UNKNOWN, b: null, out: null }] }, []],
  ])("%j", (config, expected) => {
    expect(details(config, hints)).toEqual(expected.map((text) => expect.stringContaining(text) as string));
  });
});

test("values are held against what is allowed and what form they must have, stand-ins are not", () => {
  const hints: TypeHints = { allowed: { a: ["x", "y"] }, pattern: { "inner.b": [/^\d+$/, "digits"] } };
  expect(details({ ...empty, a: "x", inner: [{ ...empty, b: "1" }] }, hints)).toEqual([]);
  expect(details({ ...empty, a: "z", inner: [{ ...empty, b: "one" }] }, hints)).toEqual([
    'Invalid value for "a": Expected one of "x", "y"; got "z".',
    'Invalid value for "inner.b": Expected digits; got "one".',
  ]);
  expect(
    details({ ...empty, a: standIn("z"), inner: [{ ...empty, b: `no ${standIn("b", "x-")}!` }] }, hints),
  ).toEqual([]);
});
