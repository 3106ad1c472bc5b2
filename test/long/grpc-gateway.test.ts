import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema } from "@bufbuild/protobuf/wkt";
import { type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from "@grpc/grpc-js";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { gatewayLab } from "../gateway/gateway-lab";
import { echo, grpcService, type GrpcService, PROTOS, SHOP } from "../gateway/grpc-lab";
import { TAKEN } from "./transcoding/texts";

type Message = Record<string, unknown>;

const obstacle = spawnSync("go", ["version"]).status === 0 ? "" : "(skipped: no go here)";
const lab = gatewayLab();

/** Where Go has what the .proto file imports. */
const GO_PACKAGES: Readonly<Record<string, string>> = {
  "shop.proto": "tricloud.test/grpcgateway/shop",
  "google/api/annotations.proto": "google.golang.org/genproto/googleapis/api/annotations",
  "google/api/http.proto": "google.golang.org/genproto/googleapis/api/annotations",
  "google/api/httpbody.proto": "google.golang.org/genproto/googleapis/api/httpbody",
  "google/protobuf/descriptor.proto": "google.golang.org/protobuf/types/descriptorpb",
  ...Object.fromEntries(
    ["any", "duration", "empty", "struct", "timestamp", "wrappers", "field_mask"].map((name) => [
      `google/protobuf/${name}.proto`,
      `google.golang.org/protobuf/types/known/${name.replace("_", "")}pb`,
    ]),
  ),
};
const GENERATORS = ["protoc-gen-go", "protoc-gen-go-grpc", "protoc-gen-grpc-gateway"];

/** Method, path, and body of a request in JSON. */
type Asked = readonly [method: string, path: string, body?: string, contentType?: string];
interface Answer {
  readonly status: number;
  /** JSON where it is that, of a refusal the code alone: each says it in words of its own. */
  readonly said: unknown;
}

/** Requests that both answer alike, with what they ask for. */
const SERVED: readonly Asked[] = [
  // But for a key beyond 32 bits: to the service that they ask all such keys are one, of which the last has a say.
  ...TAKEN.map((text): Asked => ["POST", "/v1/echo", text.replace(',"9007199254740993":"y"', "")]),
  ...["0.1", "-0", "3.4028235e38", "1.4e-45", "16777217", "123456789", "1e21", "1e-7"].map(
    (number): Asked => ["POST", "/v1/echo", `{"aFloat":${number},"aDouble":${number}}`],
  ),
  ["POST", "/v1/echo", '{"free":{"a":-0}}'],
  ["GET", "/v1/echo"],
  ["GET", "/v1/echo?an_int32=5&numbers=1&numbers=2&inner.inner.name=x"],
  ["GET", "/v1/echo?anInt32=5&inner.count=7"],
  ["GET", "/v1/echo?kind=LARGE&kinds=SMALL&kinds=2"],
  ["GET", "/v1/echo?a_string=%C3%BC+%2B%26&a_bool=true&a_double=1e3"],
  ["GET", "/v1/echo?a_bytes=_-8&a_uint64=18446744073709551615"],
  ["GET", "/v1/echo?at=2026-01-02T03:04:05Z&lasting=1.5s&mask=a,b"],
  ["GET", "/v1/echo?string_value=x&int64_value=9&bool_value=false&wrapped=1&wrapped=2"],
  ["GET", "/v1/echo?text=t&maybe=0"],
  ["PUT", "/v1/echo/a%20b?an_int32=3", '{"name":"n"}'],
  ["PUT", "/v1/echo/%C3%BC", "{}"],
  ["PUT", "/v1/inners", '[{"name":"a"},{"count":"2"}]'],
  ["POST", "/v1/strings", '"x"'],
  ["GET", "/v1/inners/a/of/LARGE"],
  ["GET", "/v1/inners/a/of/2"],
  ["POST", "/v1/things/a/b:touch", '{"aBool":true}'],
  ["POST", "/v1/things/a:b:touch", "{}"],
  ["DELETE", "/v1/nothing"],
  ["POST", "/v1/mute", '{"code":3,"message":"ü"}'],
  ["POST", "/v1/echo"],
  ["POST", "/v1/echo", ""],
  ["PURGE", "/v1/echo"],
  ["GET", "/v1/echo?a_string="],
  ["GET", "/v1/echo?a_double=NaN"],
  ["GET", "/v1/echo?anotherName=x"],
  ["GET", "/v1/echo?renamed=x"],
];

/** Requests that both refuse alike. */
const REFUSED: readonly Asked[] = [
  // google.rpc.Code to HTTP
  ...Array.from({ length: 16 }, (_, code): Asked => ["GET", `/v1/fail/${code + 1}?message=m`]),
  ["POST", "/v1/echo", "{"],
  ["POST", "/v1/echo", '{"anInt32":"x"}'],
  ...["0x10", "0b1", "+1", "01", "1.", "1_0"].flatMap((text): Asked[] =>
    ["anInt32", "anInt64", "aDouble", "int64Value"].map((name) => [
      ...(["POST", "/v1/echo", `{"${name}":"${text}"}`] as const),
    ]),
  ),
  ["POST", "/v1/echo", '{"nobodyKnows":1}'],
  ["POST", "/v1/echo", '{"aBool":true,"aBool":false}'],
  ["POST", "/v1/echo", '{"text":"a","number":"1"}'],
  ["GET", "/v1/echo?an_int32=x"],
  ["GET", "/v1/echo?an_int32=2147483648"],
  ["GET", "/v1/echo?kind=NO_SUCH"],
  ["GET", "/v1/echo?an_int32=1&an_int32=2"],
  ["GET", "/v1/inners/a/of/NO_SUCH"],
  ["GET", "/v1/none"],
  ["GET", "/v1//echo"],
  ["POST", "/v1/things/a/b", "{}"],
  ["POST", "/v1/upload", '{"content":"a"}'],
  ["POST", "/v1/echo", "null"],
  ["POST", "/v1/echo", "[]"],
  ["GET", "/v1/echo?a_bool=yes"],
  ["GET", "/v1/echo?a_bool="],
  ["GET", "/v1/echo?an_int32="],
  ["GET", "/v1/echo?an_int32=0x10"],
  ["GET", "/v1/echo?a_float=1e39"],
  ["GET", "/v1/echo?inner=x"],
  ["GET", "/v1/echo?inners=x"],
  ["GET", "/v1/echo?text=a&number=1"],
  ["GET", "/v1/echo?a_bytes=a"],
  ["GET", "/v1/echo?lasting=x"],
  ["GET", "/v1/echo?an_int32=5;a_bool=true"],
];

/** One that is answered otherwise here, and why. */
interface Otherwise {
  readonly asked: Asked;
  readonly ours: Answer;
  readonly theirs: Answer;
  readonly why: string;
}

const ok = (said: unknown): Answer => ({ status: 200, said });
const refused = (status: number, code: number): Answer => ({ status, said: { code } });

const OTHERWISE: readonly Otherwise[] = [
  {
    asked: ["POST", "/shop.v1.Everythings/Echo", "{}"],
    ours: ok({}),
    theirs: refused(404, 5),
    why: "methods are there by their own path too, unless methodPaths is false",
  },
  {
    asked: ["GET", "/v1/nothing"],
    ours: refused(405, 12),
    theirs: refused(501, 12),
    why: "the path is there, and another method takes it: RFC 9110 has 405 for that, and Allow",
  },
  {
    asked: ["GET", "/v1/echo/"],
    ours: refused(404, 5),
    theirs: refused(501, 12),
    why: "a segment that is empty is none that a variable takes",
  },
  {
    asked: ["HEAD", "/v1/echo"],
    ours: ok(""),
    theirs: { status: 501, said: "" },
    why: "who takes GET takes HEAD",
  },
  {
    asked: ["GET", "/v1/echo?nobody=1"],
    ours: refused(400, 3),
    theirs: ok({}),
    why: "parameters that name no field are refused, unless ignoreUnknown is true",
  },
  {
    asked: ["POST", "/v1/echo?an_int32=3", "{}"],
    ours: refused(400, 3),
    theirs: ok({}),
    why: "where all of the message is the body, a parameter would be passed over in silence",
  },
  {
    asked: ["GET", "/v1/echo?by_number[5]=x"],
    ours: refused(400, 3),
    theirs: ok({ byNumber: { "0": "x" } }),
    why: "google.api.http has no parameters for maps; and theirs reads another key",
  },
  {
    asked: ["GET", "/v1/echo?free=%7B%22a%22:1%7D"],
    ours: refused(400, 3),
    theirs: ok({ free: { a: 1 } }),
    why: "google.api.http has no parameters that are JSON",
  },
  {
    asked: ["GET", "/v1/echo?a_bool=1"],
    ours: refused(400, 3),
    theirs: ok({ aBool: true }),
    why: "true and false are the only ones that JSON has",
  },
  {
    asked: ["GET", "/v1/pages"],
    ours: ok('{"content":"first"}\n{"content":"last"}'),
    theirs: ok('{"result":{"content":"first"}}\n{"result":{"content":"last"}}'),
    why: "a line is the message, as it is where the method answers with one",
  },
  {
    asked: ["POST", "/v1/echo", "{}", "text/plain"],
    ours: refused(415, 3),
    theirs: ok({}),
    why: "pages of other origins may send this type without asking",
  },
  {
    asked: ["POST", "/v1/raw", "any bytes", "text/csv"],
    ours: ok("any bytes"),
    theirs: refused(400, 3),
    why: "a google.api.HttpBody is its bytes both ways",
  },
  {
    asked: ["POST", "/v1/things/a%2Fb/c:touch", "{}"],
    ours: ok({ aString: "things/a%2Fb/c" }),
    theirs: ok({ aString: "things/a/b/c" }),
    why: "google.api.http: of several segments %2F stays as it is",
  },
  {
    asked: ["PUT", "/v1/echo/a%2Fb", "{}"],
    ours: ok({ aString: "a/b", inner: {} }),
    theirs: refused(404, 5),
    why: "google.api.http: of one segment all is decoded",
  },
  {
    asked: ["PUT", "/v1/echo/a%", "{}"],
    ours: refused(404, 5),
    theirs: { status: 400, said: "400 Bad Request" },
    why: "a path that cannot be decoded is none that a method takes",
  },
  {
    asked: ["POST", "/v1/things:touch", "{}"],
    ours: ok({ aString: "things" }),
    theirs: ok({ aString: "things/" }),
    why: "** takes no segment here, and what the path has is what the variable has",
  },
  {
    asked: ["POST", "/v1/echo", "{}{}"],
    ours: refused(400, 3),
    theirs: ok({}),
    why: "that is no JSON, and what follows would be passed over in silence",
  },
];

(obstacle === "" ? describe : describe.skip)(`GIVEN grpc-gateway before the same service ${obstacle}`, () => {
  let directory: string;
  let shop: GrpcService;
  let theirs: ChildProcess;
  let port: number;

  beforeAll(async () => {
    shop = await grpcService(join(PROTOS, "shop.proto"), "shop.v1.Everythings", {
      Echo: echo,
      Fail: ({ request: asked }: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
        done({ code: asked["code"] as number, details: String(asked["message"]) }),
      Nothing: (_: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => done(null, {}),
      Mute: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
        done(null, call.request),
      Raw: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
        done(null, call.request),
      Pages: (call: ServerWritableStream<Message, Message>) => {
        for (const content of ["first", "last"]) call.write({ content });
        call.end();
      },
    });
    directory = mkdtempSync(join(tmpdir(), "tricloud-grpc-gateway-"));
    cpSync(join(__dirname, "grpc-gateway"), directory, { recursive: true });
    mkdirSync(join(directory, "shop"));
    const go = (args: readonly string[], input?: Uint8Array): Buffer =>
      execFileSync("go", args, { cwd: directory, stdio: ["pipe", "pipe", "pipe"], input });
    for (const generator of GENERATORS)
      for (const { name, content } of generated((input) => go(["tool", generator], input)))
        writeFileSync(join(directory, "shop", name), content);
    go(["build", "-mod=readonly", "-buildvcs=false", "-o", "gateway", "."]);
    theirs = spawn(join(directory, "gateway"), [new URL(shop.url).host], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = (await once(theirs.stdout!, "data")) as [Buffer];
    port = Number(said.toString().trim().split(":").at(-1));
  }, 900_000);
  afterAll(async () => {
    if (theirs?.kill("SIGTERM") === true) await once(theirs, "exit");
    rmSync(directory, { recursive: true, force: true });
  });

  /** What both say, ours with the defaults of a route. */
  const both = async (all: readonly Asked[]): Promise<{ ours: Answer; theirs: Answer }[]> => {
    const told: { ours: Answer; theirs: Answer }[] = [];
    const routes = { all: { path: "/**", service: "shop", grpc: "shop" } };
    await lab.using({ services: { shop: shop.url }, apis: { shop: SHOP }, routes }, async (gateway) => {
      for (const asked of all)
        told.push({ ours: await answerOf(gateway.port, asked), theirs: await answerOf(port, asked) });
    });
    return told;
  };

  test("WHEN both are asked the same THEN both answer with the same status, and the same JSON", async () => {
    const all = [...SERVED, ...REFUSED];
    const told = await both(all);
    const differing = all.flatMap((asked, index) => {
      const { ours, theirs: other } = told[index]!;
      return isDeepStrictEqual(ours, other) ? [] : [{ asked, ours, theirs: other }];
    });
    expect(differing).toEqual([]);
    // Neither alike since nobody answers, nor since anything is taken.
    const isServed = told.map(({ ours }) => ours.status === 200);
    expect(all.filter((_, index) => isServed[index] !== index < SERVED.length)).toEqual([]);
  }, 120_000);

  test("WHEN they are asked what is answered otherwise on purpose THEN each answers as it is said here", async () => {
    const told = await both(OTHERWISE.map(({ asked }) => asked));
    expect(OTHERWISE.map((each, index) => ({ ...each, ...told[index] }))).toEqual(OTHERWISE);
  }, 120_000);
});

/** Files that a generator makes of the same descriptors that the gateway has. */
function generated(run: (input: Uint8Array) => Buffer): { name: string; content: string }[] {
  const { file } = readDescriptors({ descriptors: undefined, ...SHOP });
  const parameter = [
    "paths=source_relative",
    ...Object.entries(GO_PACKAGES).map(([name, path]) => `M${name}=${path}`),
  ].join(",");
  const asked = create(CodeGeneratorRequestSchema, {
    ...{ fileToGenerate: ["shop.proto"], parameter, protoFile: file },
  });
  const answer = fromBinary(CodeGeneratorResponseSchema, run(toBinary(CodeGeneratorRequestSchema, asked)));
  if (answer.error !== "") throw new Error(answer.error);
  return answer.file;
}

function answerOf(port: number, [method, path, body, contentType]: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": contentType ?? "application/json" };
    request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (answer) => {
      const status = answer.statusCode!;
      let text = "";
      answer
        .setEncoding("utf8")
        .on("data", (part: string) => (text += part))
        .on("end", () => resolve({ status, said: said(status, text) }));
    })
      .on("error", reject)
      .end(body);
  });
}

function said(status: number, text: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text.trimEnd();
  }
  return status < 400 ? json : { code: (json as { readonly code: number }).code };
}
