import { madeUpValue, madeUpValues, wantsValue } from "../../../planning/stack/variable-values";

test.each([
  [undefined, "planned-v"],
  ["string", "planned-v"],
  ["${string}", "planned-v"],
  ["any", "planned-v"],
  ["number", 1],
  ["bool", false],
  ["list(string)", ["planned-v"]],
  ["set(number)", [1]],
  ["map(bool)", { "planned-v": false }],
  ["list", ["planned-v"]],
  ["tuple([string, number])", ["planned-v", 1]],
  [
    "object({ name = string, ports = list(number), on = optional(bool, true) })",
    { name: "planned-v", ports: [1], on: false },
  ],
  [
    "list(object({\n  a = map(object({ b = string }))\n  c = number\n}))",
    [{ a: { "planned-v": { b: "planned-v" } }, c: 1 }],
  ],
])("a variable of type %p is made up as %j", (type, expected) => {
  expect(madeUpValue("v", { type })).toEqual(expected);
});

test.each([
  [{}, true],
  [{ sensitive: true, default: "" }, true],
  [{ default: "" }, false],
  [{ sensitive: true, default: "open" }, false],
])("a variable %j wants a value: %p", (declaration, expected) => {
  expect(wantsValue(declaration)).toBe(expected);
});

test.each([
  ['${can(regex("^[A-Za-z0-9+/]{43}=$", var.v))}', Buffer.alloc(32).toString("base64")],
  ['${can(regex("^\\\\d{12}$", var.v))}', "123456789012"],
  [
    '${can(regex("^arn:", var.v)) && length(regexall("x", var.v)) == 0}',
    "arn:aws:iam::123456789012:role/planned",
  ],
  ['${can(regex("^-----BEGIN [A-Z ]+-----", var.v))}', "-----BEGIN PLANNED-----\n"],
  // Nothing known fits: Terraform says so itself.
  ['${can(regex("^impossible$", var.v))}', "planned-v"],
  // Rules without patterns are Terraform's to check.
  ["${length(var.v) > 3}", "planned-v"],
])("a rule %p is met by %p", (condition, expected) => {
  expect(madeUpValue("v", { type: "string", validation: [{ condition }] })).toBe(expected);
});

test("a rule of one variable among the preconditions of an output is not another's", () => {
  const rule = (name: string, pattern: string) => ({
    condition: `\${can(regex(${JSON.stringify(pattern)}, var.${name}))}`,
  });
  const configuration = {
    variable: { account: { type: "string" }, account_id: { type: "string" } },
    output: {
      checked: { precondition: [rule("account_id", "^\\d{12}$"), rule("account", "^arn:")] },
      other: {},
    },
  };
  expect(madeUpValues(configuration, ["account", "account_id"])).toEqual({
    account: "arn:aws:iam::123456789012:role/planned",
    account_id: "123456789012",
  });
});

test("a type that cannot be read is an error that tells the way out", () => {
  expect(() => madeUpValue("v", { type: "lisst(string)" })).toThrow(
    'cannot make up a value of type "lisst(string)": give one with --var',
  );
});
