import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { Api } from "../../gateway/descriptors/api";
import { readDescriptors, setOf, writtenSet } from "../../gateway/descriptors/descriptor-set";
import { readGrpcOptions } from "../../gateway/options/grpc-values";
import { bindingsOf } from "../../gateway/transcoding/binding";
import { Codec } from "../../gateway/transcoding/codec";
import { PREFIX_BYTES } from "../../gateway/transcoding/message-frames";
import { MethodTable } from "../../gateway/transcoding/method-table";
import { SHOP } from "./grpc-lab";

const directory = mkdtempSync(join(tmpdir(), "tricloud-http-rules-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** An API by its `.proto` text. */
function apiOf(text: string): Api {
  const file = join(directory, "rules.proto");
  writeFileSync(file, `syntax = "proto3"; package t;\n${text}`);
  const set = readDescriptors({ descriptors: undefined, protos: [file], includes: [] });
  return Api.of(setOf(writtenSet(set)), file);
}

/** What the message says that a request stands for, and the method that is called. */
function asked(api: Api, request: string, body = "", grpc: object = {}): unknown {
  const [method, target] = request.split(" ") as [string, string];
  const [path, query = ""] = target.split("?") as [string, string?];
  const { found, allowed } = new MethodTable(api.methods.flatMap(bindingsOf)).find(method, path);
  if (found === undefined) return allowed.length > 0 ? `only ${allowed.join()}` : "nothing";
  const codec = new Codec(api, readGrpcOptions(grpc, []));
  const { input, name } = found.binding.method.method;
  const content = {
    query,
    body: Buffer.from(body),
    contentType: "application/json",
    encoding: "json",
  } as const;
  try {
    const framed = codec.message(found, content);
    expect([framed[0], framed.readUInt32BE(1)]).toEqual([0, framed.length - PREFIX_BYTES]);
    const message = fromBinary(input, framed.subarray(PREFIX_BYTES));
    return [name, toJson(input, message, { registry: api.registry })];
  } catch (error) {
    return (error as Error).message;
  }
}

describe("GIVEN the examples of google/api/http.proto", () => {
  const MESSAGES = `
    message Message { string text = 1; }
    message Sub { string subfield = 1; }
    message GetByName { string name = 1; }
    message Get { string message_id = 1; int64 revision = 2; Sub sub = 3; repeated string param = 4; }
    message Update { string message_id = 1; Message message = 2; }
    message Both { string message_id = 1; string user_id = 2; string text = 3; }`;
  const api = apiOf(`${MESSAGES}
    service Messaging {
      rpc GetByName(GetByName) returns (Message) { option (google.api.http) = { get: "/v1/{name=messages/*}" }; }
      rpc Get(Get) returns (Message) { option (google.api.http) = { get: "/v2/messages/{message_id}" }; }
      rpc Update(Update) returns (Message) {
        option (google.api.http) = { patch: "/v3/messages/{message_id}" body: "message" };
      }
      rpc UpdateAll(Both) returns (Message) {
        option (google.api.http) = { patch: "/v4/messages/{message_id}" body: "*" };
      }
      rpc GetBoth(Both) returns (Message) {
        option (google.api.http) = {
          get: "/v5/messages/{message_id}"
          additional_bindings { get: "/v5/users/{user_id}/messages/{message_id}" }
        };
      }
      rpc Shelves(GetByName) returns (Message) {
        option (google.api.http) = { get: "/v6/{name=shelves/*/books/*}" };
      }
      rpc Cancel(GetByName) returns (Message) {
        option (google.api.http) = { post: "/v6/{name=shelves/**}:cancel" body: "*" };
      }
      rpc Head(GetByName) returns (Message) {
        option (google.api.http) = { custom { kind: "HEAD" path: "/v7/{name}" } };
      }
      rpc Any(GetByName) returns (Message) {
        option (google.api.http) = { custom { kind: "*" path: "/v8/{name=**}" } };
      }
    }`);

  test.each([
    ["GET /v1/messages/123456", "", ["GetByName", { name: "messages/123456" }]],
    [
      "GET /v2/messages/123456?revision=2&sub.subfield=foo",
      "",
      ["Get", { messageId: "123456", revision: "2", sub: { subfield: "foo" } }],
    ],
    ["GET /v2/messages/1?param=A&param=B", "", ["Get", { messageId: "1", param: ["A", "B"] }]],
    ["GET /v2/messages/1?messageId=2", "", "parameter messageId: no field that the query may fill"],
    [
      "PATCH /v3/messages/123456",
      '{"text":"Hi!"}',
      ["Update", { messageId: "123456", message: { text: "Hi!" } }],
    ],
    ["PATCH /v3/messages/1?message.text=x", "{}", "parameter message.text: no field that the query may fill"],
    ["PATCH /v4/messages/123456", '{"text":"Hi!"}', ["UpdateAll", { messageId: "123456", text: "Hi!" }]],
    // What the path says comes before what the body says.
    ["PATCH /v4/messages/1", '{"messageId":"2"}', ["UpdateAll", { messageId: "1" }]],
    ["PATCH /v4/messages/1", "", ["UpdateAll", { messageId: "1" }]],
    ["PATCH /v4/messages/1?text=x", "{}", "parameter text: no field that the query may fill"],
    ["GET /v5/messages/123456", "", ["GetBoth", { messageId: "123456" }]],
    ["GET /v5/users/me/messages/123456", "", ["GetBoth", { userId: "me", messageId: "123456" }]],
    ["GET /v6/shelves/a/books/b", "", ["Shelves", { name: "shelves/a/books/b" }]],
    ["GET /v6/shelves/a/books", "", "nothing"],
    ["GET /v6/shelves//books/b", "", "nothing"],
    ["POST /v6/shelves/a/b:cancel", "", ["Cancel", { name: "shelves/a/b" }]],
    ["POST /v6/shelves:cancel", "{}", ["Cancel", { name: "shelves" }]],
    ["POST /v6/shelves/a:other", "", "nothing"],
    ["GET /v6/shelves/a/books/b:cancel", "", ["Shelves", { name: "shelves/a/books/b:cancel" }]],
    ["PUT /v6/shelves/a/books/b", "", "only GET"],
    ["HEAD /v7/a", "", ["Head", { name: "a" }]],
    ["GET /v7/a", "", "only HEAD"],
    ["PURGE /v8/a/b", "", ["Any", { name: "a/b" }]],
    ["GET /v8", "", ["Any", {}]],
    // One segment is decoded whole; of several a slash within one stays what it was.
    ["GET /v2/messages/a%2Fb%20c%C3%BC", "", ["Get", { messageId: "a/b cü" }]],
    ["GET /v1/messages/a%2Fb%20c%252F", "", ["GetByName", { name: "messages/a%2Fb c%2F" }]],
    ["GET /v1/messages/a%2fb", "", ["GetByName", { name: "messages/a%2fb" }]],
    ["GET /v1/%6Dessages/a", "", ["GetByName", { name: "messages/a" }]],
    ["GET /v2/messages/%FF", "", "nothing"],
    ["GET /v2/messages/a+b?param=a+b%26", "", ["Get", { messageId: "a+b", param: ["a b&"] }]],
  ])("WHEN %s is asked with %j THEN it is this call", (request, body, call) => {
    expect(asked(api, request, body)).toEqual(call);
  });

  test("WHEN unknown fields are to be passed over THEN they are, in the body and in the query", () => {
    const grpc = { ignoreUnknown: true };
    expect(asked(api, "PATCH /v4/messages/1?x=1", '{"other":{"a":[1]},"text":"t"}', grpc)).toEqual([
      "UpdateAll",
      { messageId: "1", text: "t" },
    ]);
    expect(asked(api, "GET /v2/messages/1?x=1&revision=2", "", grpc)).toEqual([
      "Get",
      { messageId: "1", revision: "2" },
    ]);
  });

  test.each([
    ["v1", "it does not begin with /"],
    ["/v1//a", '"" is no segment'],
    ["/v1/{}", "{} does not begin with the name of a field"],
    ["/v1/{name", '"{name" is no segment'],
    ["/v1/{name=a/{b}}", '"{name=a" is no segment'],
    ["/v1/{name}/{name}", "name is there twice"],
    ["/v1/{name=**}/x", "** is not the last of it"],
    ["/v1/a:", '"" is no verb'],
    ["/v1/a b", '"a b" is no segment'],
  ])("WHEN a path is %s THEN it is refused", (path, said) => {
    expect(() =>
      apiOf(`message M { string name = 1; }
        service S { rpc R(M) returns (M) { option (google.api.http) = { get: "${path}" }; } }`).methods.flatMap(
        bindingsOf,
      ),
    ).toThrow(`rules.proto: t.S.R: google.api.http: path ${path}: ${said}`);
  });
});

describe("GIVEN a message with fields of all types", () => {
  const api = Api.of(readDescriptors({ descriptors: undefined, ...SHOP }), "shop");
  const same = [
    { anInt64: "9007199254740993", aUint64: "18446744073709551615", aSint64: "-9223372036854775808" },
    { aFloat: 0.5, aDouble: 1e300, anInt32: -2147483648, aUint32: 4294967295 },
    { aDouble: "NaN", aFloat: "-Infinity" },
    { aBytes: "+/8=", kind: "LARGE", kinds: ["SMALL", 7] },
    {
      byName: { "": { name: "a" }, constructor: { count: "1" } },
      byNumber: { "-1": "x" },
      byFlag: { true: "SMALL" },
    },
    { text: "" },
    { nothing: null },
    { maybe: 0 },
    { anotherName: "x" },
    { at: "2026-01-02T03:04:05.000000007Z", lasting: "-1.500s", mask: "a,bC.d" },
    { free: { a: [1, null, { b: true }], "": 1.5 }, value: null, list: [[], {}] },
    { any: { "@type": "type.googleapis.com/shop.v1.Page", content: "c" } },
    { any: { "@type": "type.googleapis.com/google.protobuf.Duration", value: "3s" } },
    { empty: {} },
    { boolValue: false, bytesValue: "", int64Value: "0", stringValue: "", doubleValue: 0, uint64Value: "1" },
    { wrapped: ["9007199254740993", "1"] },
  ];
  test.each(same)("WHEN %j is sent THEN it is what the service reads", (value) => {
    expect(asked(api, "POST /v1/echo", JSON.stringify(value))).toEqual(["Echo", value]);
  });

  test.each([
    // Numbers that a double would round.
    [
      '{"anInt64":9007199254740993,"aUint64":18446744073709551615}',
      { anInt64: "9007199254740993", aUint64: "18446744073709551615" },
    ],
    [
      '{"int64Value":9007199254740993,"wrapped":[9007199254740995]}',
      { int64Value: "9007199254740993", wrapped: ["9007199254740995"] },
    ],
    [
      '{"inner":{"count":9007199254740993},"byName":{"a":{"count":-9007199254740993}}}',
      { inner: { count: "9007199254740993" }, byName: { a: { count: "-9007199254740993" } } },
    ],
    [
      '{"any":{"@type":"type.googleapis.com/shop.v1.Everything","anInt64":9007199254740993}}',
      { any: { "@type": "type.googleapis.com/shop.v1.Everything", anInt64: "9007199254740993" } },
    ],
    [
      '{"value":1234567890123456789,"free":{"a":"1234567890123456789"}}',
      { value: 1234567890123456800, free: { a: "1234567890123456789" } },
    ],
    // The other forms that the mapping takes.
    ['{"an_int64":"1","anInt32":"2","aDouble":"1.5","anInt64":null}', "decode"],
    [
      '{"aBytes":"-_8","kind":2,"anInt32":1e2,"aUint32":3.0}',
      { aBytes: "+/8=", kind: "LARGE", anInt32: 100, aUint32: 3 },
    ],
    ['{"at":"2026-01-02T04:04:05+01:00","renamed":"x"}', { at: "2026-01-02T03:04:05Z", anotherName: "x" }],
    ['{"text":"a","number":"1"}', "decode"],
    ['{"anInt32":1.5}', "decode"],
    ['{"anInt32":2147483648}', "decode"],
    ['{"anInt64":"9223372036854775808"}', "decode"],
    ['{"aString":1234567890123456}', "decode"],
    ['{"kind":"NO_SUCH"}', "decode"],
    ['{"aString":"\\ud800"}', "decode"],
    ['{"any":{"@type":"x/no.Such"}}', "decode"],
    ['{"at":"2026-01-02"}', "decode"],
    ["[]", "decode"],
    ["null", "decode"],
    ['{"aBool":"true"}', "decode"],
    ['{"anInt64":9007199254740993,"anInt64":1}', "duplicate"],
    ['{"byName":{"a":{"name":"x"},"\\u0061":{}}}', 'duplicate object key "a"'],
    ['{"free":{"list":[{"a":1,"a":"\\\\"}]}}', 'duplicate object key "a"'],
    [
      '{"byName":{"a\\"b":{},"a\\"b\\\\":{}},"aString":":,\\"{"}',
      { byName: { 'a"b': {}, 'a"b\\': {} }, aString: ':,"{' },
    ],
  ])("WHEN %s is sent THEN it is taken or refused as the JSON mapping says", (text, expected) => {
    const said = asked(api, "POST /v1/echo", text);
    if (typeof expected === "string") expect(said).toEqual(expect.stringContaining(expected));
    else expect(said).toEqual(["Echo", expected]);
  });

  test.each([
    [
      "an_int64=9007199254740993&aUint64=1&a_float=1.5",
      { anInt64: "9007199254740993", aUint64: "1", aFloat: 1.5 },
    ],
    ["kind=LARGE&kinds=1&kinds=LARGE", { kind: "LARGE", kinds: ["SMALL", "LARGE"] }],
    ["a_bytes=-_8&bytes_value=%2B%2F8%3D", { aBytes: "+/8=", bytesValue: "+/8=" }],
    [
      "at=2026-01-02T03:04:05Z&lasting=1.5s&mask=a,b.cD",
      { at: "2026-01-02T03:04:05Z", lasting: "1.500s", mask: "a,b.cD" },
    ],
    [
      "bool_value=true&int64_value=5&string_value=&wrapped=1&wrapped=2",
      { boolValue: true, int64Value: "5", stringValue: "", wrapped: ["1", "2"] },
    ],
    [
      "inner.inner.name=a&inner.count=2&anotherName=x",
      { inner: { inner: { name: "a" }, count: "2" }, anotherName: "x" },
    ],
    ["text=a&number=1", "decode"],
    ["an_int32=", "is not a number"],
    ["an_int32=0x10", "is not a number"],
    ["inners.name=a", "no field"],
    ["by_name=a", "names a message"],
    ["free=%7B%7D", "names a message"],
    ["an_int32=1&an_int32=2", "is there twice"],
  ])("WHEN the query is %s THEN it fills the fields, or is refused", (query, expected) => {
    const said = asked(api, `GET /v1/echo?${query}`);
    if (typeof expected === "string") expect(said).toEqual(expect.stringContaining(expected));
    else expect(said).toEqual(["Echo", expected]);
  });

  test("WHEN a key of a map is a name that objects have THEN it is a key like others", () => {
    const said = asked(
      api,
      "POST /v1/echo",
      '{"byName":{"__proto__":{"name":"a"}},"free":{"__proto__":1}}',
    ) as [string, object];
    expect(JSON.stringify(said[1])).toBe('{"byName":{"__proto__":{"name":"a"}},"free":{"__proto__":1}}');
  });

  test("WHEN a body is a field THEN nothing that it says can be more", () => {
    expect(asked(api, "PUT /v1/echo/x", '{"name":"a"}')).toEqual([
      "Echo",
      { aString: "x", inner: { name: "a" } },
    ]);
    expect(asked(api, "PUT /v1/inners", '[{"name":"a"},{}]')).toEqual([
      "Echo",
      { inners: [{ name: "a" }, {}] },
    ]);
    expect(asked(api, "POST /v1/strings", '"a"')).toEqual(["Echo", { aString: "a" }]);
    expect(asked(api, "POST /v1/strings", '"a","aBool":true')).toEqual(expect.stringContaining("JSON"));
    expect(asked(api, "GET /v1/inners/a/of/LARGE?an_int32=1")).toEqual([
      "Echo",
      { inner: { name: "inners/a" }, kind: "LARGE", anInt32: 1 },
    ]);
    expect(asked(api, "POST /v1/things/a/b:touch", '{"aBool":true}')).toEqual([
      "Echo",
      { aString: "things/a/b", aBool: true },
    ]);
  });

  test("WHEN an answer is a field THEN it is that alone, with the value that it has where it is not there", () => {
    const table = new MethodTable(api.methods.flatMap(bindingsOf));
    const answer = (request: [string, string], message: Buffer, grpc: object = {}): string =>
      new Codec(api, readGrpcOptions(grpc, []))
        .answer(table.find(...request).found!, message, "json")
        .body.toString();
    const hi = Buffer.from([0x72, 2, 0x68, 0x69]);
    const none = Buffer.alloc(0);
    expect(answer(["POST", "/v1/strings"], hi)).toBe('"hi"');
    expect(answer(["POST", "/v1/strings"], none)).toBe('""');
    expect(answer(["PUT", "/v1/inners"], none)).toBe("[]");
    expect(answer(["GET", "/v1/inners/a/of/LARGE"], none)).toBe("{}");
    expect(answer(["GET", "/v1/echo"], none)).toBe("{}");
    // kind: LARGE, renamed: "x"
    const more = Buffer.from([0x80, 1, 2, 0xe2, 1, 1, 0x78]);
    expect(answer(["GET", "/v1/echo"], more)).toBe('{"kind":"LARGE","anotherName":"x"}');
    expect(answer(["GET", "/v1/echo"], more, { enumNumbers: true, protoNames: true })).toBe(
      '{"kind":2,"renamed":"x"}',
    );
    expect(JSON.parse(answer(["GET", "/v1/echo"], none, { defaults: true }))).toMatchObject({
      anInt64: "0",
      numbers: [],
      byName: {},
      kind: "KIND_UNSPECIFIED",
    });
    expect(() => answer(["GET", "/v1/echo"], Buffer.from([0x72, 9]))).toThrow();
  });
});
