import { difference, readJson, TooDeep } from "../../gateway/shadow/json-difference";

const ignored = (...pointers: string[]): string[][] => pointers.map((pointer) => pointer.slice(1).split("/"));

test.each<[string, string, string | undefined, string[]]>([
  ['{"a":1,"b":2}', '{"b":2,"a":1}', undefined, []],
  ["1e2", "100.0", undefined, []],
  ['{"a":[1,2]}', '{"a":[2,1]}', "/a/0", []],
  ["[1]", "[1,2]", "/1", []],
  ["[]", "{}", "", []],
  ["null", "{}", "", []],
  ['{"a":null}', "{}", "/a", []],
  ['{"a/b":{"~":1}}', '{"a/b":{"~":2}}', "/a~1b/~0", []],
  ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', "/__proto__/a", []],
  ['{"toString":1}', "{}", "/toString", []],
  ['{"id":9007199254740992}', '{"id":9007199254740993}', "/id", []],
  ['{"id":9007199254740993}', '{"id":"9007199254740993"}', "/id", []],
  [
    '{"at":"1234567890123456 \\" 1234567890123456","x":1}',
    '{"at":"1234567890123456 \\" 1234567890123456","x":1}',
    undefined,
    [],
  ],
  ["12345678901234567.5", "12345678901234567.5", undefined, []],
  ['{"a":{"b":1,"c":2}}', '{"a":{"b":2,"c":2}}', undefined, ["/a/b"]],
  ['{"a":{"b":1,"c":2}}', '{"a":{"b":2,"c":3}}', "/a/c", ["/a/b"]],
  ['{"a":1}', "{}", undefined, ["/a"]],
  ['[{"t":1},{"t":2}]', '[{"t":3},{}]', undefined, ["/*/t"]],
  ['[{"t":1,"u":1}]', '[{"t":3,"u":2}]', "/0/u", ["/*/t"]],
])("GIVEN %s and %s THEN they differ at %s, but for %j", (ours, theirs, at, pointers) => {
  expect(difference(readJson(ours), readJson(theirs), ignored(...pointers))).toBe(at);
});

test("GIVEN values nested as deep as somebody likes THEN they are not looked into to the end", () => {
  const deep = readJson("[".repeat(30_000) + "]".repeat(30_000));
  expect(() => difference(deep, readJson("[".repeat(30_000) + "1" + "]".repeat(30_000)), [])).toThrow(
    TooDeep,
  );
});
