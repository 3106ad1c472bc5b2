import { get, type IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { join } from "node:path";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { eventually, type RunningProxy } from "../proxy/proxy-process";
import { ask, exchange, gatewayLab } from "./gateway-lab";
import { echo, type GrpcService, grpcService, INCLUDES, PROTOS, SHOP } from "./grpc-lab";

type Message = Record<string, unknown>;
const FILE = join(PROTOS, "shop.proto");

const lab = gatewayLab();
/** What goes on with streams that have begun, by the message that asked for them. */
const streams = new Map<string, ServerWritableStream<Message, Message>>();
let cancelled: string[] = [];
let shop: GrpcService;
beforeAll(async () => {
  shop = await grpcService(FILE, "shop.v1.Everythings", {
    Echo: echo,
    Fail: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
      done({ code: call.request["code"] as number, details: "näh" }),
    Pages: (call: ServerWritableStream<Message, Message>) => {
      const name = call.request["message"] as string;
      streams.set(name, call);
      call.on("cancelled", () => cancelled.push(name));
      if (name === "none") call.emit("error", { code: 5, details: "no pages" });
      else call.write({ content: "ü\n1" });
    },
  });
});
beforeEach(() => (cancelled = []));

const config = (grpc: object | string | true = "shop"): object => ({
  services: { shop: shop.url },
  apis: { shop: SHOP },
  routes: { all: { path: "/**", service: "shop", grpc } },
});

/** An answer whose body is read as it comes. */
async function opened(
  gateway: RunningProxy,
  path: string,
  accept = "*/*",
): Promise<{ answer: IncomingMessage; body: () => string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    get({ port: gateway.port, path, headers: { accept }, agent: false }, resolve).on("error", reject),
  );
  let text = "";
  answer
    .setEncoding("utf8")
    .on("data", (part: string) => (text += part))
    .on("error", () => undefined);
  return { answer, body: () => text };
}

describe("GIVEN a call that answers with a stream", () => {
  test("WHEN it is asked for THEN each message is a line as it comes, and the status is a trailer", async () => {
    await lab.using(config(), async (gateway) => {
      const { answer, body } = await opened(gateway, "/v1/pages?message=lines");
      expect(answer.headers["content-type"]).toBe("application/x-ndjson");
      await eventually(() => body() === '{"content":"ü\\n1"}\n');
      streams.get("lines")!.write({ content: "2" });
      streams.get("lines")!.end();
      await new Promise((resolve) => answer.on("end", resolve));
      expect(body()).toBe('{"content":"ü\\n1"}\n{"content":"2"}\n');
      expect(answer.trailers).toMatchObject({ "grpc-status": "0" });
    });
  });

  test("WHEN a page listens for events THEN each message is one, and so is what goes wrong", async () => {
    await lab.using(config(), async (gateway) => {
      const { answer, body } = await opened(gateway, "/v1/pages?message=events", "text/event-stream");
      expect(answer.headers).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
      });
      await eventually(() => body() === 'data: {"content":"ü\\n1"}\n\n');
      streams.get("events")!.emit("error", { code: 14, details: "no more" });
      await new Promise((resolve) => answer.on("end", resolve));
      expect(body()).toContain('\n\nevent: error\ndata: {"code":14,"message":"no more","details":[]}\n\n');
    });
  });

  test("WHEN it fails before its first message THEN the answer has the status", async () => {
    await lab.using(config(), async (gateway) => {
      expect(await ask(gateway, "/v1/pages?message=none")).toEqual({
        status: 404,
        body: '{"code":5,"message":"no pages","details":[]}',
      });
    });
  });

  test("WHEN its service is lost in its midst THEN the last line says so", async () => {
    const lost = await grpcService(FILE, "shop.v1.Everythings", {
      Pages: (call: ServerWritableStream<Message, Message>) => void call.write({ content: "1" }),
    });
    await lab.using({ ...config(), services: { shop: lost.url } }, async (gateway) => {
      const { answer, body } = await opened(gateway, "/v1/pages?message=lost");
      await eventually(() => body() !== "");
      lost.stop();
      await new Promise((resolve) => answer.on("end", resolve));
      expect(body().split("\n")[1]).toContain('{"error":{"code":');
    });
  });

  test("WHEN its client leaves THEN the service knows", async () => {
    await lab.using(config(), async (gateway) => {
      const { answer, body } = await opened(gateway, "/v1/pages?message=left");
      await eventually(() => body() !== "");
      answer.destroy();
      await eventually(() => cancelled.includes("left"));
    });
  });

  test("WHEN its client does not read THEN the service is held back, and nothing is lost", async () => {
    await lab.using(config(), async (gateway) => {
      const { answer, body } = await opened(gateway, "/v1/pages?message=slow");
      await eventually(() => body() !== "");
      answer.pause();
      const stream = streams.get("slow")!;
      const content = "x".repeat(100_000);
      // Far more than all buffers on the way hold.
      for (let i = 0; i < 300; i++) stream.write({ content });
      stream.end();
      // Until nothing moves any more.
      for (let before = NaN; before !== stream.writableLength;) {
        before = stream.writableLength;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      expect(stream.writableLength).toBeGreaterThan(0);
      answer.resume();
      await new Promise((resolve) => answer.on("end", resolve));
      expect(body().length).toBe('{"content":"ü\\n1"}\n'.length + 300 * (content.length + 15));
    });
  });
});

/** A call of gRPC-Web. */
const frame = (flag: number, bytes: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
/** `a_string: "hi"` */
const HI = Buffer.from([0x72, 2, 0x68, 0x69]);

describe("GIVEN a client of gRPC-Web", () => {
  const call = (body: Buffer, type = "application/grpc-web+proto"): object => ({
    method: "POST",
    headers: { "content-type": type, "x-grpc-web": "1" },
    body: [body],
  });

  test("WHEN it calls THEN it gets messages and trailers in frames, in binary and in text", async () => {
    await lab.using(config(true), async (gateway) => {
      const path = "/shop.v1.Everythings/Echo";
      const trailers = (text: string): string[] =>
        text
          .split("\r\n")
          .filter((line) => line !== "" && line !== "grpc-message: OK")
          .sort();
      const answer = await exchange(gateway, path, call(frame(0, HI)));
      expect([answer.status, answer.headers["content-type"], answer.headers["x-initial"]]).toEqual([
        200,
        "application/grpc-web+proto",
        "1",
      ]);
      expect(answer.body.startsWith(frame(0, HI).toString())).toBe(true);
      expect(trailers(answer.body.slice(frame(0, HI).length + 5))).toEqual([
        "grpc-status: 0",
        "x-trailing: 2",
      ]);
      const text = Buffer.from(frame(0, HI).toString("base64"));
      const inText = await exchange(gateway, path, call(text, "application/grpc-web-text"));
      expect(inText.headers["content-type"]).toBe("application/grpc-web-text+proto");
      const parts = inText.body.match(/[A-Za-z0-9+/]+={0,2}/g)!.map((part) => Buffer.from(part, "base64"));
      const bytes = Buffer.concat(parts);
      expect(bytes.subarray(0, 9)).toEqual(frame(0, HI));
      expect(bytes[9]).toBe(0x80);
      expect(trailers(bytes.subarray(14).toString())).toEqual(["grpc-status: 0", "x-trailing: 2"]);
    });
  });

  test("WHEN its call fails, or streams THEN the last frame tells the status", async () => {
    await lab.using(config(), async (gateway) => {
      // code: 7
      const failed = await exchange(
        gateway,
        "/shop.v1.Everythings/Fail",
        call(frame(0, Buffer.from([8, 7]))),
      );
      expect([failed.status, failed.body.slice(5)]).toEqual([
        200,
        "grpc-status: 7\r\ngrpc-message: n%C3%A4h\r\n",
      ]);
      const pending = exchange(
        gateway,
        "/shop.v1.Everythings/Pages",
        call(frame(0, Buffer.from([0x12, 1, 0x77]))),
      );
      await eventually(() => streams.has("w"));
      streams.get("w")!.write({ content: "z" });
      streams.get("w")!.end();
      const { body } = await pending;
      expect(body).toContain("\u0000\u0000\u0000\u0000\u0003\n\u0001z");
      expect(body).toContain("grpc-status: 0\r\n");
    });
  });

  test("WHEN what it sends is no call THEN it is refused by a status", async () => {
    await lab.using(config(), async (gateway) => {
      for (const body of [frame(0, HI).subarray(0, 7), frame(1, HI), frame(0x80, HI)]) {
        const { status, headers } = await exchange(gateway, "/shop.v1.Everythings/Echo", call(body));
        expect([status, headers["grpc-status"]]).toEqual([200, "3"]);
      }
      const text = await exchange(
        gateway,
        "/shop.v1.Everythings/Echo",
        call(Buffer.from("?"), "application/grpc-web-text"),
      );
      expect(text.headers["grpc-status"]).toBe("3");
      const other = await ask(gateway, "/shop.v1.Others/Echo", call(frame(0, HI)));
      expect(other.status).toBe(200);
      expect((await ask(gateway, "/v1/a/b", call(frame(0, HI)))).status).toBe(404);
    });
  });
});

test("GIVEN a route with a list of services WHEN another is called THEN it is not there", async () => {
  const calls = shop.calls.length;
  await lab.using(config({ api: "shop", services: ["shop.v1.Everythings"] }), async (gateway) => {
    for (const type of ["application/grpc-web", "application/json"]) {
      const sent = { method: "POST", headers: { "content-type": type }, body: [frame(0, HI)] };
      expect((await ask(gateway, "/shop.v1.Others/Echo", sent)).status).toBe(404);
    }
    const session = connect(`http://127.0.0.1:${gateway.port}`);
    const status = await new Promise((resolve) =>
      session
        .request({ ":method": "POST", ":path": "/shop.v1.Others/Echo", "content-type": "application/grpc" })
        .on("response", (fields) => resolve(fields[":status"]))
        .end(),
    );
    session.destroy();
    expect(status).toBe(404);
    expect(shop.calls.length).toBe(calls);
  });
});

test("GIVEN a client of gRPC WHEN it calls through the gateway THEN all goes through as it is", async () => {
  await lab.using(config(), async (gateway) => {
    const loaded = loadPackageDefinition(loadSync(FILE, { includeDirs: INCLUDES, keepCase: true }));
    const { v1 } = loaded["shop"] as unknown as { v1: { Everythings: ServiceClientConstructor } };
    const client = new v1.Everythings(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
    try {
      const answer = await new Promise<Message>((resolve, reject) => {
        const metadata = new Metadata();
        metadata.set("x-user", "7");
        client["Echo"]!({ a_string: "hi" }, metadata, (error: Error | null, value: Message) =>
          error === null ? resolve(value) : reject(error),
        );
      });
      expect(answer["a_string"]).toBe("hi");
      expect(shop.calls.at(-1)!.metadata.getMap()).toMatchObject({ "x-user": "7" });
    } finally {
      client.close();
    }
  });
});
