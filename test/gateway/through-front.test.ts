import { type EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  type Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { WebSocket, WebSocketServer } from "ws";
import { FrontRig, haproxy, type Instance, socat } from "../constructs/front/front-rig";
import { eventually } from "../proxy/proxy-process";
import { gatewayLab, type RunningGateway } from "./gateway-lab";
import { echo, grpcService, type GrpcService, INCLUDES, PROTOS, SHOP } from "./grpc-lab";

const HOST = "www.example.test";
const lab = gatewayLab();

/** A client of `shop.v1.Everythings`. */
type Calls = Client &
  Record<
    "Echo" | "Fail",
    (asked: Message, done: (error: ServiceError | null, said?: Message) => void) => EventEmitter
  > & {
    Pages(asked: Message): EventEmitter;
  };
const describeWithHaproxy = haproxy === undefined || socat === undefined ? describe.skip : describe;

/** A frame of gRPC-Web with one message of that content. */
const frame = (content: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
};
type Message = Record<string, unknown>;
type Pages = ServerWritableStream<Record<string, unknown>, Record<string, unknown>>;

describeWithHaproxy(
  "GIVEN a gateway behind the fronts of dedicated servers (needs haproxy and socat here)",
  () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    const answers: ServerResponse[] = [];
    const pages: Pages[] = [];
    let shop: GrpcService;
    let origin: string;
    let rig: FrontRig;

    beforeAll(async () => {
      server.on("request", (_, response) => {
        answers.push(response);
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n");
      });
      sockets.on("connection", (socket) =>
        socket.on("message", (said) => socket.send(`heard ${String(said)}`)),
      );
      await once(server.listen(0, "127.0.0.1"), "listening");
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      shop = await grpcService(join(PROTOS, "shop.proto"), "shop.v1.Everythings", {
        Pages: (call: Pages) => {
          pages.push(call);
          call.write({ content: "first" });
        },
        Echo: echo,
        Fail: ({ request: asked }: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
          done({ code: asked["code"] as number, details: "näh: 100 %" }),
      });
    });
    afterAll(async () => {
      sockets.close();
      server.closeAllConnections();
      await once(server.close(), "close");
    });
    beforeEach(async () => {
      rig = await FrontRig.make();
    });
    afterEach(() => rig.stop());

    /** A gateway that the front knows by its name, for as long as `use` takes. */
    const fronted = (use: () => Promise<void>, grpc = true): Promise<void> =>
      lab.using(
        {
          trustedHops: 1,
          services: { origin, shop: shop.url },
          apis: { shop: SHOP },
          routes: {
            origin: { path: "/live/**", service: "origin" },
            shop: { path: "/**", service: "shop", grpc: "shop" },
          },
        },
        async ({ port }: RunningGateway) => {
          rig.configure({ services: [{ name: "api", port, hosts: [HOST], grpc }] });
          rig.name("api", [{ address: "127.0.0.1" } as Instance]);
          await rig.start();
          await rig.until("known", async () => (await begun("/nothing")).statusCode === 404);
          await use();
        },
      );

    /** An answer of which no more than the head need have come. */
    const begun = (path: string, options: RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> =>
      new Promise((resolve, reject) =>
        httpsRequest(
          {
            ...{ host: "127.0.0.1", port: rig.httpsPort, path, agent: false },
            ...{ ca: rig.authority, servername: HOST, ...options },
            headers: { Host: HOST, ...options.headers },
          },
          resolve,
        )
          .on("error", reject)
          .end(body),
      );

    const read = (answer: IncomingMessage) => {
      const state = { text: "", ended: false };
      answer
        .on("data", (part: Buffer) => (state.text += part.toString("latin1")))
        .on("end", () => (state.ended = true));
      return state;
    };

    test("WHEN a service sends events THEN the first one is there before the stream ends", async () => {
      await fronted(async () => {
        const answer = await begun("/live/events", { headers: { accept: "text/event-stream" } });
        expect(answer.headers["content-type"]).toBe("text/event-stream");
        const events = read(answer);
        await eventually(() => events.text === "data: first\n\n");
        expect(events.ended).toBe(false);
        answers.at(-1)!.end("data: last\n\n");
        await eventually(() => events.ended);
        expect(events.text).toBe("data: first\n\ndata: last\n\n");
      });
    });

    test("WHEN a page speaks WebSocket THEN it is heard, and hears", async () => {
      await fronted(async () => {
        const socket = new WebSocket(`wss://127.0.0.1:${rig.httpsPort}/live/socket`, {
          ...{ ca: rig.authority, servername: HOST, headers: { Host: HOST } },
        });
        await once(socket, "open");
        for (const said of ["one", "two"]) {
          socket.send(said);
          const [heard] = (await once(socket, "message")) as [Buffer];
          expect(String(heard)).toBe(`heard ${said}`);
        }
        socket.close();
        await once(socket, "close");
      });
    });

    test("WHEN a page streams by gRPC-Web THEN the first message is there before the call ends", async () => {
      await fronted(async () => {
        const body = frame(Buffer.alloc(0));
        const answer = await begun(
          "/shop.v1.Everythings/Pages",
          {
            method: "POST",
            headers: { "content-type": "application/grpc-web+proto", "content-length": body.length },
          },
          body,
        );
        expect([answer.statusCode, answer.headers["content-type"]]).toEqual([
          200,
          "application/grpc-web+proto",
        ]);
        const messages = read(answer);
        await eventually(() => messages.text.includes("first"));
        expect(messages.ended).toBe(false);
        pages.at(-1)!.write({ content: "last" });
        pages.at(-1)!.end();
        await eventually(() => messages.ended);
        expect(messages.text).toMatch(/first[^]*last[^]*grpc-status: 0\r\n/);
      });
    });

    test("WHEN a call is JSON over HTTP/1.1 THEN its stream comes message by message", async () => {
      await fronted(async () => {
        const answer = await begun(
          "/shop.v1.Everythings/Pages",
          { method: "POST", headers: { "content-type": "application/json", "content-length": 17 } },
          Buffer.from('{"message":"one"}'),
        );
        const lines = read(answer);
        await eventually(() => lines.text.includes("\n"));
        expect(lines.ended).toBe(false);
        pages.at(-1)!.end();
        await eventually(() => lines.ended);
        expect(JSON.parse(lines.text)).toEqual({ content: "first" });
        expect(answer.statusCode).toBe(200);
      });
    });

    /** A client of gRPC, by HTTP/2 and TLS to the front. */
    const calling = async (use: (client: Calls) => Promise<void>): Promise<void> => {
      const loaded = loadPackageDefinition(
        loadSync(join(PROTOS, "shop.proto"), { includeDirs: INCLUDES, keepCase: true }),
      ) as unknown as { shop: { v1: { Everythings: ServiceClientConstructor } } };
      const client = new loaded.shop.v1.Everythings(
        `127.0.0.1:${rig.httpsPort}`,
        credentials.createSsl(Buffer.from(rig.authority)),
        { "grpc.ssl_target_name_override": HOST, "grpc.default_authority": HOST },
      ) as unknown as Calls;
      try {
        await use(client);
      } finally {
        client.close();
      }
    };

    test("WHEN a client speaks gRPC THEN calls, what goes with them and what becomes of them pass", async () => {
      await fronted(() =>
        calling(async (client) => {
          const answer = await new Promise<{ said: Message; trailer: unknown }>((resolve, reject) => {
            let said: Message = {};
            client
              .Echo({ a_string: "x".repeat(100_000), an_int32: 5 }, (error, message) =>
                error === null ? (said = message!) : reject(error),
              )
              .on("status", ({ metadata }: { metadata: Metadata }) =>
                resolve({ said, trailer: metadata.get("x-trailing") }),
              );
          });
          expect([answer.said["an_int32"], answer.trailer]).toEqual([5, ["2"]]);
          expect(String(answer.said["a_string"]).length).toBe(100_000);
          const failure = await new Promise<ServiceError | null>((resolve) =>
            client.Fail({ code: 5 }, (error) => resolve(error)),
          );
          expect([failure?.code, failure?.details]).toEqual([5, "näh: 100 %"]);
        }),
      );
    });

    test("WHEN a request of HTTP/1.1 says that it is a call THEN it has to tell its length", async () => {
      await fronted(async () => {
        const headers = { "content-type": "application/grpc", "transfer-encoding": "chunked" };
        const sent = { method: "POST", headers };
        expect((await begun("/shop.v1.Everythings/Echo", sent, frame(Buffer.alloc(0)))).statusCode).toBe(411);
      });
    });

    test("WHEN a call is for a service that takes none THEN it goes on as a request like others, and is none", async () => {
      await fronted(
        () =>
          calling(async (client) => {
            const failure = await new Promise<ServiceError | null>((resolve) =>
              client.Echo({ an_int32: 5 }, (error) => resolve(error)),
            );
            expect(failure?.details).toContain("415");
          }),
        false,
      );
    });

    test("WHEN a service streams by gRPC THEN messages come as they are sent, also while the front is reloaded", async () => {
      await fronted(() =>
        calling(async (client) => {
          const messages: unknown[] = [];
          const stream = client.Pages({ message: "one" });
          let status: number | undefined;
          stream
            .on("data", ({ content }: Message) => messages.push(content))
            .on("error", () => undefined)
            .on("status", ({ code }: { code: number }) => (status = code));
          await eventually(() => messages.length === 1);
          const page = pages.at(-1)!;
          expect(await rig.guardBeside("reload")).toMatchObject({ status: 0 });
          page.write({ content: "between" });
          await eventually(() => messages.length === 2);
          page.end();
          await eventually(() => status !== undefined);
          expect([messages, status]).toEqual([["first", "between"], 0]);
        }),
      );
    });
  },
);
