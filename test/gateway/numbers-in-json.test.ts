import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { Api } from "../../gateway/descriptors/api";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { readGrpcOptions } from "../../gateway/options/grpc-values";
import { bindingsOf } from "../../gateway/transcoding/binding";
import { Codec } from "../../gateway/transcoding/codec";
import { type FoundBinding, MethodTable } from "../../gateway/transcoding/method-table";
import { shortFloat } from "../../gateway/transcoding/written-json";
import { INCLUDES, SHOP } from "./grpc-lab";

const api = Api.of(
  readDescriptors({
    descriptors: undefined,
    protos: SHOP.protos,
    includes: INCLUDES,
  }),
  "shop.proto",
);
const { registry } = api;
const type = registry.getMessage("shop.v1.Everything")!;
const codec = new Codec(api, readGrpcOptions("shop", []));
const found = (method: string, path: string): FoundBinding =>
  new MethodTable(api.methods.flatMap(bindingsOf)).find(method, path).found!;
/** A field that nobody knows, with which a message is the library's to read. */
const STRANGE = Buffer.from("f80301", "hex");

/** What a client gets of a message, by each of the two ways. */
const told = (value: JsonValue, where = found("GET", "/v1/echo")): string[] => {
  const bytes = toBinary(type, fromJson(type, value, { registry }));
  return [bytes, Buffer.concat([bytes, STRANGE])].map((each) =>
    String(codec.answer(where, Buffer.from(each), "json").body),
  );
};
const twice = (text: string): string[] => [text, text];

describe("GIVEN a message with a float", () => {
  // As Go's strconv.FormatFloat(v, 'g', -1, 32) has them.
  test.each([
    [0.1, "0.1"],
    [-1 / 3, "-0.33333334"],
    [3.4028234663852886e38, "3.4028235e+38"],
    [1.17549435e-38, "1.1754944e-38"],
    [1.401298464324817e-45, "1e-45"],
    [2.802596928649634e-45, "3e-45"],
    [16777216, "16777216"],
    [123456789, "123456790"],
    [1e21, "1e+21"],
    [1e-7, "1e-7"],
    [0.000001, "0.000001"],
    [2.5, "2.5"],
    [-0, "-0"],
    // Between two that are as near as each other, and on a power of two.
    [1048576.25, "1048576.2"],
    [-390695.625, "-390695.62"],
    [1048576.75, "1048576.8"],
    [2 ** 90, "1.2379401e+27"],
    [2 ** -96, "1.2621775e-29"],
  ])("WHEN it is %d THEN it has the fewest digits that tell it", (aFloat, text) => {
    expect(told({ aFloat })).toEqual(twice(`{"aFloat":${text}}`));
  });

  test("WHEN it is any THEN its digits are that float's, and none of them can be left out", () => {
    const view = new DataView(new ArrayBuffer(4));
    let bits = 1;
    for (let round = 0; round < 20_000; round++) {
      bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) >>> 0;
      view.setUint32(0, bits);
      const value = view.getFloat32(0);
      if (!Number.isFinite(value)) continue;
      const short = shortFloat(value);
      expect([value, Math.fround(short)]).toEqual([value, value]);
      const digits = short.toExponential().replace(/e.*|[-.]/g, "").length;
      if (digits > 1) expect(Math.fround(Number(short.toPrecision(digits - 1)))).not.toBe(value);
    }
  });
});

test.each<[JsonValue, string]>([
  [{ aDouble: -0, numbers: [0] }, '{"aDouble":-0,"numbers":[0]}'],
  [{ aDouble: 0.1, numbers: [1] }, '{"aDouble":0.1,"numbers":[1]}'],
  [{ doubleValue: -0, free: { a: [-0, 0] }, value: -0 }, '{"free":{"a":[-0,0]},"value":-0,"doubleValue":-0}'],
  [
    { any: { "@type": "x/shop.v1.Everything", aFloat: 0.1, aDouble: -0 } },
    '{"any":{"aFloat":0.1,"aDouble":-0,"@type":"type.googleapis.com/shop.v1.Everything"}}',
  ],
  [
    { any: { "@type": "x/google.protobuf.FloatValue", value: 0.1 } },
    '{"any":{"value":0.1,"@type":"type.googleapis.com/google.protobuf.FloatValue"}}',
  ],
])("GIVEN numbers within messages WHEN %j is told THEN they are as Go tells them", (value, text) => {
  expect(told(value)).toEqual(twice(text));
});

describe("GIVEN a number that is a text", () => {
  const read = (body: string): string => {
    const content = {
      query: "",
      body: Buffer.from(body),
      contentType: "",
      encoding: "json",
    } as const;
    try {
      codec.message(found("POST", "/v1/echo"), content);
      return "taken";
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each(["0x10", "0b1", "0o7", "+1", "01", " 1", "1 ", "", "1.", ".5", "1_0", "Infinit", "1n"])(
    "WHEN it is %j, which is no number of JSON, THEN it is refused wherever it is",
    (text) => {
      const quoted = JSON.stringify(text);
      for (const body of [
        ...[
          "anInt32",
          "aUint32",
          "anInt64",
          "aUint64",
          "aSint64",
          "aFixed64",
          "aFloat",
          "aDouble",
          "maybe",
        ].map((name) => `{"${name}":${quoted}}`),
        ...["int32Value", "int64Value", "uint64Value", "doubleValue"].map((name) => `{"${name}":${quoted}}`),
        `{"numbers":[1,${quoted}]}`,
        `{"wrapped":["1",${quoted}]}`,
        `{"inner":{"count":${quoted}}}`,
        `{"any":{"@type":"x/shop.v1.Everything","anInt32":${quoted}}}`,
        `{"any":{"@type":"x/google.protobuf.Int32Value","value":${quoted}}}`,
      ])
        expect([body, read(body)]).toEqual([body, `${quoted} is not a number`]);
    },
  );

  test("WHEN it is a key of a map THEN it is digits", () => {
    expect(read('{"byNumber":{"0x10":"a"}}')).toBe('"0x10" is not a number');
    expect(read('{"byNumber":{"-10":"a"}}')).toBe("taken");
  });

  test.each([
    '{"anInt32":"1e2","aUint32":"1.0","aDouble":"-1.5E-3"}',
    '{"aDouble":"NaN","aFloat":"-Infinity","doubleValue":"Infinity"}',
    '{"anInt64":"-5","int64Value":"9007199254740993","aDouble":"-0"}',
    '{"aString":"0x10","kind":"LARGE","aBytes":"AQ=="}',
  ])("WHEN it is one, or no number is due, as in %s THEN it is taken", (body) => {
    expect(read(body)).toBe("taken");
  });
});
