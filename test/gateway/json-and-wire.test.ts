import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, fromJson, fromJsonString, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { Api } from "../../gateway/descriptors/api";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { JsonToWire } from "../../gateway/transcoding/wire/json-to-wire";
import { writtenJson } from "../../gateway/transcoding/written-json";
import { WireToJson } from "../../gateway/transcoding/wire/wire-to-json";
import { INCLUDES, SHOP } from "./grpc-lab";

const directory = mkdtempSync(join(tmpdir(), "tricloud-json-and-wire-"));
afterAll(() => rmSync(directory, { recursive: true }));

function messageOf(proto: string, name: string): { type: Type; registry: Api["registry"] } {
  const { registry } = Api.of(
    readDescriptors({ descriptors: undefined, protos: [proto], includes: INCLUDES }),
    proto,
  );
  return { type: registry.getMessage(name)!, registry };
}
type Type = NonNullable<ReturnType<Api["registry"]["getMessage"]>>;

const { type, registry } = messageOf(SHOP.protos[0]!, "shop.v1.Everything");
const LONG = "a text of more than a hundred and twenty-seven bytes, ".repeat(4);
const FORMS = [{}, { alwaysEmitImplicit: true }, { enumAsInteger: true }, { useProtoFieldName: true }];

/** What has a short way, in both directions. */
const USUAL: JsonValue[] = [
  {},
  { anInt32: -2147483648, aUint32: 4294967295, aSint32: -2147483648, aFixed32: 4294967295, aSfixed32: -1 },
  { anInt64: "-9223372036854775808", aUint64: "18446744073709551615", aSint64: "-9223372036854775808" },
  { anInt64: "9223372036854775807", aSint64: "9223372036854775807", aUint64: 9007199254740991 },
  { anInt64: -1, aSint64: -1, aFixed64: "18446744073709551615", aSfixed64: "-9223372036854775808" },
  {
    anInt64: "-9007199254740993",
    aSint64: "4503599627370496",
    aUint64: "4294967296",
    aSfixed64: "-4294967297",
  },
  { aFloat: 0.5, aDouble: 1e300 },
  { aDouble: -1.7976931348623157e308, aFloat: -3.4028234663852886e38, aBool: true },
  { aString: 'quotes ", \\, \n, \u0001, ü, 世界, 😀, \u2028', aBytes: "+/8=", kind: "LARGE" },
  { aString: LONG, aBytes: Buffer.alloc(300, 7).toString("base64"), anotherName: `${LONG}ü` },
  { kind: 7, kinds: ["SMALL", "LARGE", 7, "KIND_UNSPECIFIED"], numbers: [0, -1, 300] },
  { anInt32: 0, aString: "", aBool: false, kind: 0, numbers: [], inners: [], byName: {} },
  { inner: { name: LONG, inner: { name: LONG, inner: {} } }, inners: [{}, { count: "1" }, { name: LONG }] },
  { byName: { "": { name: "a" }, constructor: {}, __proto__: {}, ü: { count: -5 } } },
  { text: "" },
  { number: "0", maybe: 0 },
  { message: { name: "x" } },
  { at: "2026-01-02T03:04:05.120Z", lasting: "-1.500s", mask: "a,bC.d", empty: {}, boolValue: false },
  { free: { a: [1, null, { b: true }], "": 1.5 }, list: [[], {}], wrapped: ["9007199254740993", "1"] },
  { any: { "@type": "type.googleapis.com/shop.v1.Page", content: "c" } },
  { an_int32: 1, renamed: "x" },
];

/** What the library has to look at. */
const UNUSUAL: JsonValue[] = [
  null,
  [],
  "text",
  ...[1.5, 2147483648, "1", null, true, [], {}].map((anInt32) => ({ anInt32 })),
  ...["1.0", "+1", "01", "-0", "9223372036854775808", 9007199254740992, null, ""].map((anInt64) => ({
    anInt64,
  })),
  ...["-1", -1, "18446744073709551616"].map((aUint64) => ({ aUint64 })),
  ...["-1", -1, "18446744073709551616"].map((aFixed64) => ({ aFixed64 })),
  ...[-1, 4294967296].map((aUint32) => ({ aUint32 })),
  ...[-1, 4294967296].map((aFixed32) => ({ aFixed32 })),
  ...["NaN", 1e39, null].map((aFloat) => ({ aFloat })),
  ...["Infinity", null].map((aDouble) => ({ aDouble })),
  ...[1, "\ud800", "a\udc00b", null].map((aString) => ({ aString })),
  ...["-_8", "+/8", "?", 1, null].map((aBytes) => ({ aBytes })),
  ...["NO_SUCH", null, 1.5, "1"].map((kind) => ({ kind })),
  ...[null, 1, [null], [1.5], {}].map((numbers) => ({ numbers })),
  ...[null, [], "x", { nobody: 1 }].map((inner) => ({ inner })),
  ...[null, {}, [null], [[]]].map((inners) => ({ inners })),
  ...[null, [], { a: null }].map((byName) => ({ byName })),
  { byName: { "\ud800": {} } },
  { byNumber: { "1": "x" } },
  { byFlag: { true: "SMALL" } },
  { aBool: "true" },
  { nobody: 1 },
  { text: "a", number: "1" },
  { nothing: null },
  { anInt32: 1, an_int32: 1 },
  { at: "2026-01-02" },
  { value: null },
  { any: { "@type": "x/no.Such" } },
];

/** The same each time. @returns makes whole numbers below one */
function randomFrom(first: number): (below: number) => number {
  let seed = first;
  return (below) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((seed / 0x80000000) * below);
  };
}

const said = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as Error).message;
  }
};

describe("GIVEN messages that can be written without an object in between", () => {
  const toWire = new JsonToWire({ registry });
  const written = (text: string | Buffer): Buffer | undefined => toWire.message(type, Buffer.from(text));
  const put = (value: JsonValue): Buffer | undefined => written(JSON.stringify(value));

  test.each(USUAL)("WHEN %j is written and read THEN it is what the library makes of it", (value) => {
    const theirs = fromJson(type, value, { registry });
    const bytes = put(value);
    expect(fromBinary(type, bytes!)).toEqual(fromBinary(type, toBinary(type, theirs)));
    for (const form of FORMS) {
      const text = new WireToJson({ registry, ...form }).message(type, bytes!);
      expect(text).toBe(writtenJson(toJson(type, theirs, { registry, ...form }), type, registry));
    }
  });

  test.each(UNUSUAL)("WHEN %j comes THEN it is left to the library", (value) => {
    expect(put(value)).toBeUndefined();
    // And the next one is not changed by what had been written of it.
    expect(put({ anInt32: 1 })).toEqual(Buffer.from([8, 1]));
  });

  test("WHEN a message is nested deeper than anybody looks THEN it is left to the library", () => {
    const nested = (levels: number): JsonValue => (levels === 0 ? {} : { inner: nested(levels - 1) });
    const bytes = Buffer.from(toBinary(type, fromJson(type, nested(60))));
    expect([put(nested(60)), new WireToJson({}).message(type, bytes)]).toEqual([undefined, undefined]);
    expect(put(nested(40))).toEqual(Buffer.from(toBinary(type, fromJson(type, nested(40)))));
  });

  test.each([
    ["an unknown field", "f80101"],
    ["a field that is there twice", "0801 0802"],
    ["a message that is merged", "8a01020a00 8a01020a00"],
    ["two members of a oneof", "ba010161 c00101"],
    ["NaN", "5d0000c07f"],
    ["bytes that are no UTF-8", "7201ff"],
    ["a mark of the order of bytes", "7203efbbbf"],
    ["the same key twice", "a201050a0161 1200 a201050a01611200"],
    ["an entry without a value", "a201030a0161"],
    ["a text of another kind", "7001"],
    ["a varint that does not end", "08ff"],
    ["a varint of eleven bytes", "08ffffffffffffffffffff01"],
    ["a text that is longer than all", "720561"],
    ["a message that is longer than all", "8a01050a00"],
    ["a message whose text is longer than it", "8a01020a01 61"],
    ["a number that is not whole", "5500"],
    ["a group", "0b0c"],
  ])("WHEN %s is read THEN it is left to the library", (_, hex) => {
    expect(
      new WireToJson({ registry }).message(type, Buffer.from(hex.replaceAll(" ", ""), "hex")),
    ).toBeUndefined();
  });

  test("WHEN numbers of a list come one by one, or zero where nothing is due THEN they are what the library reads", () => {
    const bytes = Buffer.from("900101 92010202 03 9001ac02 0800 7200".replaceAll(" ", ""), "hex");
    expect(new WireToJson({}).message(type, bytes)).toBe(
      JSON.stringify(toJson(type, fromBinary(type, bytes))),
    );
  });

  test.each([
    [
      ' { "anInt32"\t:\r\n1 , "numbers" : [ 1 , 2 ] , "inner" : { } , "byName" : { } } \n',
      { anInt32: 1, numbers: [1, 2], inner: {} },
    ],
    ['{"an\\u0049nt32":1,"aStr\\u0069ng":"\\u00fc\\ud83d\\ude00\\/"}', { anInt32: 1, aString: "ü😀/" }],
    [
      '{"anInt32":1e2,"aUint32":10E-1,"aDouble":-0,"aFloat":2.50}',
      { anInt32: 100, aUint32: 1, aDouble: -0, aFloat: 2.5 },
    ],
    [
      '{"aDouble":0.30000000000000004,"aFloat":1.17549435e-38}',
      { aDouble: 0.1 + 0.2, aFloat: 1.17549435e-38 },
    ],
    [
      '{"aDouble":123456789012.345,"anInt64":-9007199254740991}',
      { aDouble: 123456789012.345, anInt64: "-9007199254740991" },
    ],
    [
      '{"empty": { } ,"list":[ [] , "]}" ],"at" : "2026-01-02T03:04:05Z" }',
      { empty: {}, list: [[], "]}"], at: "2026-01-02T03:04:05Z" },
    ],
  ])("WHEN the text is %s THEN it is what the library makes of it", (text, value) => {
    const theirs = toBinary(type, fromJson(type, value, { registry }));
    expect(fromBinary(type, written(text)!)).toEqual(fromBinary(type, theirs));
  });

  test.each([
    "",
    " ",
    "{",
    "{}x",
    "{}{}",
    "{,}",
    '{"anInt32":1,}',
    '{"anInt32" 1}',
    '{"anInt32":}',
    "{anInt32:1}",
    ...["01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "1_0", "--1", "tru", "1 2"].map(
      (number) => `{"aDouble":${number}}`,
    ),
    ...["01", "9007199254740993", "1.0000000000000001"].map((number) => `{"anInt64":${number}}`),
    ...["tru", "truefalse", "True", "1"].map((flag) => `{"aBool":${flag}}`),
    ...['"\\x"', '"\\u12"', '"\t"', '"\\', "'x'", `"${LONG}\n"`, '"\\ud800"'].map(
      (text) => `{"aString":${text}}`,
    ),
    '{"anInt32":1,"anInt32":1}',
    '{"anInt32":1,"an_int32":1}',
    '{"anInt32":1,"an\\u0049nt32":1}',
    '{"byName":{"a":{},"a":{}}}',
    '{"byName":{"a":{},"\\u0061":{}}}',
    '{"byName":{"a":{},}}',
    '{"numbers":[1,]}',
    '{"numbers":[1 2]}',
    '{"free":{"a":1,"a":2}}',
    '{"free":{"a":1]}',
    '{"free":[}}',
    '{"wrapped":[12345678901234567]}',
    '\ufeff{"anInt32":1}',
  ])("WHEN the text is %j THEN it is left to the library", (text) => {
    expect(written(text)).toBeUndefined();
  });

  test("WHEN a text is not in UTF-8 THEN it is left to who says so", () => {
    for (const hex of ["ff", "c3", "c0af", "eda080", "f4908080"])
      expect(
        written(Buffer.from(`{"aString":"${Buffer.from(hex, "hex").toString("latin1")}"}`, "latin1")),
      ).toBeUndefined();
    // AND what is, is written as it is
    for (const text of ["ü".repeat(63), "ü".repeat(64), `${"x".repeat(127)}`, "x".repeat(128), "😀"])
      expect(fromBinary(type, put({ aString: text })!)).toMatchObject({ aString: text });
  });

  test("WHEN some of a text is changed at random THEN it is left to the library, or read as by it", () => {
    const random = randomFrom(7);
    const characters = [...'{}[]:,"\\ \n-+.0123456789eEtrufalsn\u0001ü'];
    const texts = USUAL.map((value) => JSON.stringify(value));
    let read = 0;
    for (let round = 0; round < 5_000; round++) {
      const text = [...texts[random(texts.length)]!];
      for (let change = 0; change <= random(2); change++)
        text.splice(random(text.length), random(3), characters[random(characters.length)]!);
      const changed = text.join("");
      const bytes = written(changed);
      if (bytes === undefined) continue;
      read++;
      expect([changed, fromBinary(type, bytes)]).toEqual([
        changed,
        said(() => fromBinary(type, toBinary(type, fromJsonString(type, changed, { registry })))),
      ]);
    }
    expect(read).toBeGreaterThan(500);
  });

  test("WHEN messages are made at random THEN both ways say what the library says", () => {
    const random = randomFrom(20_261_128);
    const names = type.fields.map(({ jsonName }) => jsonName);
    const values: JsonValue[] = [
      0,
      -1,
      1,
      300,
      2147483648,
      "1",
      "-5",
      "x",
      "",
      true,
      false,
      null,
      0.25,
      "SMALL",
      LONG,
    ];
    const some = (depth: number): JsonValue => {
      const kind = random(depth > 2 ? 7 : 10);
      if (kind < 7) return values[random(values.length)]!;
      if (kind === 7) return Array.from({ length: random(4) }, () => some(depth + 1));
      return Object.fromEntries(
        Array.from({ length: random(4) }, () => [
          ["name", "count", "inner", names[random(names.length)]!, "x"][random(5)]!,
          some(depth + 1),
        ]),
      );
    };
    let short = 0;
    for (let round = 0; round < 20_000; round++) {
      const value = Object.fromEntries(
        Array.from({ length: 1 + random(2) }, () => [names[random(names.length)]!, some(0)]),
      );
      const bytes = put(value);
      if (bytes === undefined) continue;
      short++;
      const theirs = said(() => fromBinary(type, toBinary(type, fromJson(type, value, { registry }))));
      expect([value, fromBinary(type, bytes)]).toEqual([value, theirs]);
      const text = new WireToJson({ registry }).message(type, bytes);
      if (text !== undefined)
        expect(text).toBe(writtenJson(toJson(type, theirs as never, { registry }), type, registry));
    }
    expect(short).toBeGreaterThan(1_000);
  });
});

test("GIVEN a message that has to have a field WHEN it comes THEN it is left to the library", () => {
  const file = join(directory, "old.proto");
  writeFileSync(file, 'syntax = "proto2"; package old; message M { required int32 a = 1; }');
  const { type: old } = messageOf(file, "old.M");
  expect(new JsonToWire({}).message(old, Buffer.from('{"a":1}'))).toBeUndefined();
  expect(new WireToJson({}).message(old, Buffer.from([8, 1]))).toBeUndefined();
  // Who says that it has to be there.
  expect(said(() => toBinary(old, fromJson(old, {})))).toBe(
    "cannot encode field old.M.a to binary: required field not set",
  );
});
