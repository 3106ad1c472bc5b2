import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Api } from "../../gateway/descriptors/api";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { readConfiguration } from "../../gateway/options/configuration";
import { readGrpcOptions } from "../../gateway/options/grpc-values";
import { withDescriptors } from "../../gateway/options-with-descriptors";
import { bindingsOf } from "../../gateway/transcoding/binding";
import { Codec } from "../../gateway/transcoding/codec";
import { PREFIX_BYTES } from "../../gateway/transcoding/message-frames";
import { MethodTable } from "../../gateway/transcoding/method-table";
import { RequestForm } from "../../gateway/transcoding/request-form";
import { INCLUDES, SHOP } from "./grpc-lab";

const EVERYTHING = "shop.v1.Everything";
const INNER = "shop.v1.Everything.Inner";
const api = Api.of(
  readDescriptors({ descriptors: undefined, protos: SHOP.protos, includes: INCLUDES }),
  "shop.proto",
);
const table = new MethodTable(api.methods.flatMap(bindingsOf));

/** What the message says that a request stands for, or why it is refused. */
function asked(
  request: object,
  body: string,
  encoding: "json" | "form",
  target = "POST /v1/echo",
  more: object = {},
): JsonValue {
  const options = readGrpcOptions({ api: "shop", request, ...more }, []);
  const inputs = api.methods.map(({ method }) => method.input);
  const form = new RequestForm(options.request!, inputs, options.ignoreUnknown);
  const [method, path, query = ""] = target.split(/[ ?]/) as [string, string, string?];
  const { found } = table.find(method, path);
  try {
    const content = { query, body: Buffer.from(body), contentType: "", encoding };
    const bytes = new Codec(api, options, form).message(found!, content).subarray(PREFIX_BYTES);
    const { input } = found!.binding.method.method;
    return toJson(input, fromBinary(input, bytes), { registry: api.registry });
  } catch (error) {
    return (error as Error).message;
  }
}

describe("GIVEN a route whose bodies are forms", () => {
  const form = (body: string, more: object = {}): JsonValue => asked({ form: true, ...more }, body, "form");

  test.each<[string, JsonValue]>([
    [
      "an_int32=5&aString=caf%C3%A9+%26+more&anInt64=9007199254740993",
      { anInt32: 5, anInt64: "9007199254740993", aString: "café & more" },
    ],
    [
      "inner[name]=a&inner[inner][count]=7&inner.inner.name=b",
      { inner: { name: "a", inner: { name: "b", count: "7" } } },
    ],
    ["inner%5Bname%5D=a", { inner: { name: "a" } }],
    ["numbers[]=1&numbers[]=2", { numbers: [1, 2] }],
    ["numbers=1&numbers=2", { numbers: [1, 2] }],
    ["numbers[1]=2&numbers[0]=1", { numbers: [1, 2] }],
    [
      "inners[1700000000]=&inners[5][name]=a",
      "parameter inners[1700000000]: is not in the form that its field has",
    ],
    [
      "inners[10][name]=c&inners[9][name]=b&inners[9][count]=1",
      { inners: [{ name: "b", count: "1" }, { name: "c" }] },
    ],
    [
      "byName[x][name]=a&byName[__proto__][name]=b&byNumber[7]=s",
      { byName: { x: { name: "a" }, ["__proto__"]: { name: "b" } }, byNumber: { "7": "s" } },
    ],
    ["aBool=1&boolValue=off", { aBool: true, boolValue: false }],
    ["aBool=on&kind=LARGE&kinds[]=1", { aBool: true, kind: "LARGE", kinds: ["SMALL"] }],
    [
      "at=2026-01-02T03:04:05Z&int32Value=4&aDouble=1.5&aBytes=AQ==",
      { aDouble: 1.5, aBytes: "AQ==", at: "2026-01-02T03:04:05Z", int32Value: 4 },
    ],
    // Inputs that nobody filled.
    ["an_int32=&at=&kind=&aBool=&aString=&stringValue=&inner[count]=&numbers[]=", { stringValue: "" }],
    ["&aBool&&", {}],
  ])("WHEN %s is sent THEN it is the message, or refused", (body, expected) => {
    expect(JSON.stringify(form(body))).toBe(JSON.stringify(expected));
  });

  test.each([
    ["an_int32=1&anInt32=2", "is there twice"],
    ["an_int32=1&an_int32=1", "is there twice"],
    ["inner[name]=a&inner.name=b", "is there twice"],
    ["an_int32=x", '"x" is not a number'],
    ["an_int32=0x10", "is not a number"],
    ["aBool=yes", "is not true or false"],
    ["nobody=1", "nobody: no field has this name"],
    ["inner[nobody]=1", "inner[nobody]: no field has this name"],
    ["inner=1", "is not in the form that its field has"],
    ["inner[]=1", "is not in the form that its field has"],
    ["an_int32[]=1", "is not in the form that its field has"],
    ["an_int32[a]=1", "is not in the form that its field has"],
    ["numbers[]=1&numbers[0]=2", "is not in the form that its field has"],
    ["numbers[a]=1", "names a list, whose elements have a number each"],
    ["numbers[1]=1&numbers[01]=1", "names a list, whose elements have a number each"],
    ["inners[]=1", "names a message"],
    ["free[a]=1", "is not in the form that its field has"],
    ["inners[][name]=1", "is no name of a form"],
    ["inner[name=1", "is no name of a form"],
    ["inner]name[=1", "is no name of a form"],
    ["=1", "is no name of a form"],
    [".a=1", "is no name of a form"],
    ["aString=%", "has a % that no two hexadecimal digits follow"],
    ["aString=%zz", "has a % that no two hexadecimal digits follow"],
    ["aString=%ff", "is not in UTF-8"],
    ["text=a&number=1", "oneof"],
  ])("WHEN %s is sent THEN it is refused", (body, expected) => {
    expect(form(body)).toEqual(expect.stringContaining(expected));
  });

  test("WHEN a form has more fields, or deeper ones, than anybody sends THEN it is refused", () => {
    expect(form(`inner${"[inner]".repeat(31)}[name]=1`)).toContain("has more than 32 names in it");
    expect(form(`inner${"[inner]".repeat(30)}[name]=1`)).toHaveProperty("inner.inner.inner");
    expect(form("numbers[]=1&".repeat(1_001))).toBe("the form has more than 1000 fields");
    expect(form("numbers[]=1&".repeat(1_000))).toHaveProperty("numbers.length", 1_000);
  });

  test("WHEN unknown names are ignored, or are named THEN they are passed over", () => {
    expect(form("nobody=1&inner[nobody]=1&aBool=1", { ignore: ["nobody"] })).toContain("inner[nobody]");
    expect(form("utf8=%E2%9C%93&aBool=1", { ignore: ["utf8"] })).toEqual({ aBool: true });
    expect(
      asked({ form: true }, "nobody=1&inner[nobody]=1&aBool=1", "form", "POST /v1/echo", {
        ignoreUnknown: true,
      }),
    ).toEqual({ aBool: true });
  });

  test("WHEN a field alone is the body THEN the form fills it, where it is a message", () => {
    const one = (body: string, target: string): JsonValue => asked({ form: true }, body, "form", target);
    expect(one("name=a", "PUT /v1/echo/x")).toEqual({ aString: "x", inner: { name: "a" } });
    expect(one("[0]=a", "PUT /v1/inners")).toContain("which is no message");
  });
});

describe("GIVEN a route whose requests have names and an envelope of their own", () => {
  const fields = {
    [EVERYTHING]: { user_id: "inner.count", title: "a_string", lines: "inners", text: "renamed" },
    [INNER]: { label: "name" },
  };
  const request = { form: true, envelope: "data.order", fields, ignore: ["token"] };
  const BODY = {
    inner: { label: "c", inner: { label: "d" } },
    user_id: 9007199254740992,
    title: "a",
    text: "b",
    lines: [{ label: "e" }, { name: "f" }],
    byName: { x: { label: "g" } },
  };
  const EXPECTED = {
    aString: "a",
    inner: { name: "c", count: "9007199254740993", inner: { name: "d" } },
    inners: [{ name: "e" }, { name: "f" }],
    byName: { x: { name: "g" } },
    anotherName: "b",
  };
  const BODY_TEXT = JSON.stringify(BODY).replace("9007199254740992", "9007199254740993");
  const json = (body: string, more: object = {}): JsonValue =>
    asked(request, body, "json", "POST /v1/echo", more);

  test("WHEN JSON comes THEN each name is the field's, at whatever depth, and no digit is lost", () => {
    expect(json(`{"token":1,"data":{"order":${BODY_TEXT}}}`)).toEqual(EXPECTED);
    // AND in whatever order
    expect(json('{"data":{"order":{"user_id":1,"inner":{"label":"a"}}}}')).toEqual({
      inner: { name: "a", count: "1" },
    });
    expect(json("")).toEqual({});
  });

  test("WHEN a form comes THEN it is the same", () => {
    const pairs = [
      ...["token=t", "data[order][title]=a", "data[order][user_id]=9007199254740993"],
      ...["data[order][inner][label]=c", "data[order][inner][inner][label]=d", "data[order][text]=b"],
      ...["data[order][lines][0][label]=e", "data[order][lines][1][name]=f"],
      "data[order][byName][x][label]=g",
    ];
    expect(asked(request, pairs.join("&"), "form")).toEqual(EXPECTED);
    expect(asked(request, "title=a", "form")).toBe("the form has no data");
    expect(asked(request, "data[order][title]=a&b=1", "form")).toBe("b: no field has this name");
  });

  test.each([
    ["{}", "the body has no member data"],
    ['{"data":{}}', "the body has no member order"],
    ['{"data":{"order":{}},"more":1}', "more: no field has this name"],
    ['{"data":{"order":[]}}', "decode"],
    ['{"data":{"order":{"title":"a","aString":"b"}}}', "aString: is there twice"],
    ['{"data":{"order":{"user_id":1,"inner":{"count":2}}}}', "is there twice"],
    ['{"data":{"order":{"title":1}}}', "decode"],
    ['{"data":{"order":{"nobody":1}}}', "nobody"],
    ['{"data":{"order":{"title":"a","title":"b"}}}', "duplicate"],
    ["[", "JSON"],
  ])("WHEN %s comes THEN it is refused", (body, expected) => {
    expect(json(body)).toEqual(expect.stringContaining(expected));
  });

  test("WHEN messages are nested deeper than anybody looks THEN they are refused", () => {
    const nested = `${'{"inner":'.repeat(5_000)}{}${"}".repeat(5_000)}`;
    expect(json(`{"data":{"order":${nested}}}`)).toBe("messages are nested more than 100 deep");
  });

  test("WHEN what nobody knows is ignored THEN it is passed over beside the message too", () => {
    const said = json('{"meta":1,"data":{"order":{"title":"a","__proto__":{"a":1},"b":2}}}', {
      ignoreUnknown: true,
    });
    expect(said).toEqual({ aString: "a" });
  });

  test("WHEN the query has such names THEN they are read so too, strictly", () => {
    const query = (text: string): JsonValue => asked(request, "", "json", `GET /v1/echo?${text}`);
    expect(query("user_id=5&inner[label]=a&numbers[]=1&token=t&title=b")).toEqual({
      ...{ aString: "b", inner: { name: "a", count: "5" }, numbers: [1] },
    });
    expect(query("title=a&aString=b")).toContain("is there twice");
    expect(query("nobody=1")).toBe("parameter nobody: no field that the query may fill");
    expect(query("title=%")).toContain("hexadecimal");
    const bound = (target: string): JsonValue => asked(request, "{}", "json", target);
    expect(bound("PUT /v1/echo/x?title=a")).toBe("parameter title: no field that the query may fill");
    expect(bound("PUT /v1/echo/x?inner[label]=a")).toContain("no field that the query may fill");
  });
});

describe("GIVEN a gateway's file with a request form", () => {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-request-form-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const checked = (grpc: object): string => {
    const file = join(directory, "gateway.json");
    writeFileSync(
      file,
      JSON.stringify({
        services: { shop: "http://shop.service.consul:50051" },
        apis: { shop: SHOP },
        routes: { shop: { path: "/**", service: "shop", grpc: { api: "shop", ...grpc } } },
      }),
    );
    try {
      withDescriptors(file, readConfiguration(file));
      return "taken";
    } catch (error) {
      return (error as Error).message.replace(`${file}: `, "");
    }
  };

  test.each<[object, string]>([
    [{ form: true, envelope: "data", fields: { [INNER]: { n: "name" } } }, "taken"],
    [
      { fields: { [EVERYTHING]: { user_id: "inner.cuont" } } },
      `routes.shop.grpc.request.fields.${EVERYTHING}.user_id: "inner.cuont" is not a field of ${EVERYTHING}`,
    ],
    [
      { fields: { [EVERYTHING]: { user_id: "at.seconds" } } },
      `routes.shop.grpc.request.fields.${EVERYTHING}.user_id: "at.seconds" is not a field of ${EVERYTHING}`,
    ],
    [
      { fields: { "shop.v1.Paper": {} } },
      'routes.shop.grpc.request.fields: "shop.v1.Paper" is not a message that the route\'s methods are asked with',
    ],
    [{ form: "yes" }, 'routes.shop.grpc.request.form: "yes" is not true or false'],
    [
      { envelope: "a..b" },
      'routes.shop.grpc.request.envelope: "a..b" is not the name of a member, or names with dots between them',
    ],
    [
      { fields: { [EVERYTHING]: { "a.b": "a_string" } } },
      `routes.shop.grpc.request.fields.${EVERYTHING}: "a.b" is not a name without dots and brackets`,
    ],
    [{ ignore: "utf8" }, 'routes.shop.grpc.request.ignore: "utf8" is not a list'],
    [{ forms: true }, 'routes.shop.grpc.request: "forms" is not one of form, envelope, fields, ignore'],
  ])("WHEN it says %j THEN it is taken, or refused with its place", (request, expected) => {
    expect(checked({ request })).toEqual(expect.stringContaining(expected));
  });
});
