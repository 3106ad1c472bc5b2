import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Api } from "../../gateway/descriptors/api";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { httpRuleOf } from "../../gateway/descriptors/http-rule";
import { readGrpcOptions } from "../../gateway/options/grpc-values";
import { bindingsOf } from "../../gateway/transcoding/binding";
import { Codec } from "../../gateway/transcoding/codec";
import { PREFIX_BYTES } from "../../gateway/transcoding/message-frames";
import { MethodTable } from "../../gateway/transcoding/method-table";
import { TAKEN } from "./transcoding/texts";

const PROTOS = join(__dirname, "../gateway/protos");
const FILE = join(PROTOS, "shop.proto");

const obstacle = spawnSync("go", ["version"]).status === 0 ? "" : "is compared with Go's, and there is no go";

/** JSON that both refuse. */
const REFUSED = [
  '{"anInt32":1.5}',
  '{"anInt32":2147483648}',
  '{"anInt64":"9223372036854775808"}',
  '{"aUint32":-1}',
  '{"aUint64":18446744073709551616}',
  '{"aString":1}',
  '{"aString":1234567890123456789}',
  '{"aBool":"true"}',
  '{"aBool":1}',
  '{"kind":"NO_SUCH"}',
  '{"text":"a","number":"1"}',
  '{"aBool":true,"aBool":true}',
  '{"aBool":true,"a_bool":true}',
  '{"nobody":1}',
  '{"aString":"\\ud800"}',
  '{"any":{"@type":"x/no.Such"}}',
  '{"any":{"content":"c"}}',
  '{"at":"2026-01-02"}',
  '{"at":"2026-01-02T03:04:05"}',
  '{"lasting":"1"}',
  '{"lasting":"315576000001s"}',
  '{"aBytes":"*"}',
  '{"numbers":[null]}',
  '{"numbers":1}',
  '{"inner":[]}',
  '{"byName":{"a":null}}',
  '{"byFlag":{"1":"SMALL"}}',
  '{"aFloat":1e39}',
  '{"anInt32":""}',
  '{"anInt32":" 1"}',
  '{"anInt32":"0x10"}',
  '{"anInt64":"0x10"}',
  '{"aDouble":"0x10"}',
  '{"aFloat":"+1"}',
  '{"int32Value":"0b1"}',
  '{"wrapped":["01"]}',
  '{"byNumber":{"0x10":"a"}}',
  "[]",
  "null",
  '{"aBool":true}x',
];

interface GoAnswer {
  readonly error?: string;
  readonly binary?: string;
  readonly json?: unknown;
}

(obstacle === "" ? describe : describe.skip)(`GIVEN Go's protojson and a compiler ${obstacle}`, () => {
  let directory: string;
  let said: readonly GoAnswer[];
  const api = Api.of(readDescriptors({ descriptors: undefined, protos: [FILE], includes: [PROTOS] }), FILE);
  const { found } = new MethodTable(api.methods.flatMap(bindingsOf)).find("POST", "/v1/echo");
  const codec = new Codec(api, readGrpcOptions({}, []));

  /** What a body stands for here; an error where it is refused. */
  function ours(text: string): Uint8Array | Error {
    const content = { query: "", body: Buffer.from(text), contentType: "", encoding: "json" } as const;
    try {
      return codec.message(found!, content).subarray(PREFIX_BYTES);
    } catch (error) {
      return error as Error;
    }
  }

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-protojson-"));
    const program = join(directory, "protojson");
    execFileSync("go", ["build", "-mod=readonly", "-buildvcs=false", "-o", program, "."], {
      cwd: join(__dirname, "transcoding"),
      stdio: "pipe",
    });
    const lines = [...TAKEN, ...REFUSED].map((text) => `${JSON.stringify(text)}\n`).join("");
    const output = execFileSync(program, ["shop.v1.Everything", "shop.proto", PROTOS], {
      input: lines,
      encoding: "utf8",
    });
    said = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as GoAnswer);
  }, 600_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(TAKEN)("WHEN both read %s THEN they read, and write, the same", (text) => {
    const answer = said[1 + TAKEN.indexOf(text)]!;
    expect(answer.error).toBeUndefined();
    const bytes = ours(text);
    if (bytes instanceof Error) throw bytes;
    const json = (from: Uint8Array): unknown =>
      JSON.parse(String(codec.answer(found!, Buffer.from(from), "json").body));
    expect(json(bytes)).toEqual(answer.json);
    // The order of a map's entries is nobody's.
    expect(json(Buffer.from(answer.binary ?? "", "base64"))).toEqual(answer.json);
  });

  test.each(REFUSED)("WHEN both read %j THEN both refuse it", (text) => {
    const answer = said[1 + TAKEN.length + REFUSED.indexOf(text)]!;
    expect([ours(text) instanceof Error, answer.error !== undefined]).toEqual([true, true]);
  });

  test("WHEN a .proto file is read THEN it is what the compiler makes of it", () => {
    const set = fromBinary(FileDescriptorSetSchema, Buffer.from(said[0]!.binary!, "base64"));
    const theirs = set.file.find(({ name }) => name === "shop.proto")!;
    const own = api.registry.getFile("shop.proto")!.proto;
    // What is not read of options: none but those of methods has any here.
    const bare = (file: typeof own): unknown =>
      toJson(
        FileDescriptorProtoSchema,
        fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file)),
      );
    expect(bare(own)).toEqual(bare(theirs));
    const rules = (file: typeof own): unknown =>
      file.service.flatMap(({ method }) => method.map(({ options }) => httpRuleOf(options)));
    expect(rules(own)).toEqual(rules(theirs));
  });
});
