import { encode, ExtensionCodec } from "@msgpack/msgpack";
import fc from "fast-check";
import {
  UNKNOWN,
  type Value,
  decodeValue,
  encodeValue,
  isUnknown,
  isWhollyKnown,
  sameValue,
} from "../../../planning/double/value";

const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.constant(UNKNOWN),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.string(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4 },
    ) as fc.Arbitrary<Value>,
  ),
}));

test("any value comes back from the wire as it was", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const back = decodeValue(encodeValue(value));
      expect(isWhollyKnown(back)).toBe(isWhollyKnown(value));
      if (isWhollyKnown(value)) expect(sameValue(back, value)).toBe(true);
    }),
  );
});

test("whole numbers beyond what a double holds survive", () => {
  expect(decodeValue(encodeValue(9007199254740993n))).toBe(9007199254740993n);
});

test("an unknown value that Terraform knows something of is unknown too", () => {
  // GIVEN a refined unknown: extension 12 with what is known, here "not null"
  const codec = new ExtensionCodec();
  const refined = class {};
  codec.register({
    type: 12,
    encode: (object) => (object instanceof refined ? encode({ 1: false }) : null),
    decode: () => null,
  });

  // WHEN it is read THEN it is unknown, and is sent on as plainly unknown
  const value = decodeValue(encode([new refined()], { extensionCodec: codec }));
  expect(Array.isArray(value) && isUnknown(value[0])).toBe(true);
  expect([...encodeValue(UNKNOWN)]).toEqual([0xd4, 0, 0]);
});

describe("two values are the same", () => {
  test.each<[Value, Value, boolean]>([
    [1, 1n, true],
    [1, 2n, false],
    [1.5, 1.5, true],
    ["1", 1, false],
    [null, null, true],
    [null, "", false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [{ a: [1] }, { a: [1] }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [{}, [], false],
    [UNKNOWN, UNKNOWN, false],
    [{ a: UNKNOWN }, { a: UNKNOWN }, false],
    [new Uint8Array([1]), new Uint8Array([1]), true],
    [new Uint8Array([1]), new Uint8Array([2]), false],
  ])("%p and %p: %p", (a, b, expected) => {
    expect(sameValue(a, b)).toBe(expected);
  });
});
