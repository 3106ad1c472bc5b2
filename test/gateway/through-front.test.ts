import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type ServerWritableStream } from "@grpc/grpc-js";
import { WebSocket, WebSocketServer } from "ws";
import { FrontRig, haproxy, type Instance, socat } from "../constructs/front/front-rig";
import { eventually } from "../proxy/proxy-process";
import { gatewayLab, type RunningGateway } from "./gateway-lab";
import { grpcService, type GrpcService, PROTOS, SHOP } from "./grpc-lab";

const HOST = "www.example.test";
const lab = gatewayLab();
const describeWithHaproxy = haproxy === undefined || socat === undefined ? describe.skip : describe;

/** A frame of gRPC-Web with one message of that content. */
const frame = (content: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
};
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
    const fronted = (use: () => Promise<void>): Promise<void> =>
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
          rig.configure({ services: [{ name: "api", port, hosts: [HOST] }] });
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
  },
);
