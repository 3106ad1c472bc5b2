import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { type AddressInfo, connect, type Server } from "node:net";
import { credentials, makeClientConstructor, type ServiceError } from "@grpc/grpc-js";
import { adminServer } from "../../../proxy/observation/admin";
import { TargetHealth } from "../../testbed/ec2/target-health";
import { eventually } from "../proxy-process";

const CHECK = "/grpc.health.v1.Health/Check";

describe("GIVEN the listener for operators", () => {
  let server: Server;
  let port: number;
  let ready: () => Promise<boolean>;

  beforeEach(async () => {
    ready = () => Promise.resolve(true);
    server = adminServer(
      { prefix: "", own: [] },
      {
        ready: () => ready(),
        snapshot: () => Promise.resolve({}),
        upstreams: () => Promise.reject(new Error("nobody knows")),
      },
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => server.close());

  const asked = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });

  test("WHEN it is asked for health in HTTP/1.1 THEN it says whether requests may be sent", async () => {
    expect([(await asked("/healthz")).status, (await asked("/readyz")).status]).toEqual([200, 200]);
    ready = () => Promise.resolve(false);
    expect([(await asked("/healthz")).status, (await asked("/readyz")).status]).toEqual([200, 503]);
  });

  test("WHEN what it is asked for is not there, or not to be had THEN it says so", async () => {
    expect((await asked("/nothing")).status).toBe(404);
    const answer = await asked("/upstreams");
    expect([answer.status, await answer.text()]).toEqual([500, "nobody knows\n"]);
  });

  /** The first line of what is answered to pieces that come one after the other. */
  async function answered(...pieces: readonly string[]): Promise<string> {
    const socket = connect(port, "127.0.0.1").setNoDelay();
    const closed = once(socket, "close");
    let text = "";
    socket.setEncoding("latin1").on("data", (piece: string) => (text += piece));
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await closed;
    return text.split("\r\n", 1)[0]!;
  }

  test("WHEN a request of HTTP/1.1 comes in pieces, or begins as HTTP/2 does THEN it is answered as any", async () => {
    const rest = " /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await answered("G", "ET", rest)).toBe("HTTP/1.1 200 OK");
    expect(await answered("PR", "OPFIND", rest)).toBe("HTTP/1.1 200 OK");
    expect(await answered("PRIME", rest)).toBe("HTTP/1.1 400 Bad Request");
  });

  test.each(["/healthz", "/readyz", "/metrics"])(
    "WHEN a client ends its side with its request of %s THEN it is answered",
    async (path) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      let text = "";
      socket.setEncoding("latin1").on("data", (piece: string) => (text += piece));
      socket.end(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await once(socket, "end");
      expect(text).toContain("HTTP/1.1 200 OK");
      socket.destroy();
    },
  );

  test("WHEN a client leaves without a word THEN its connection is closed", async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).resume();
    socket.end();
    await once(socket, "close");
  });

  /** What is answered to a request by HTTP/2 with prior knowledge, by status. */
  async function byHttp2(session: ClientHttp2Session, path: string): Promise<number> {
    const stream = session.request({ ":path": path });
    stream.resume();
    const [fields] = (await once(stream, "response")) as [{ ":status": number }];
    return fields[":status"];
  }

  test("WHEN a client speaks HTTP/2 by prior knowledge THEN it is answered the same", async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    ready = () => Promise.resolve(false);
    expect(await byHttp2(session, "/healthz")).toBe(200);
    expect(await byHttp2(session, "/readyz")).toBe(503);
    expect(await byHttp2(session, "/nothing")).toBe(404);
    session.destroy();
  });

  /** Status and message of a check of health, as a load balancer calls it. */
  async function checked(): Promise<{ code: number; said: Buffer | undefined }> {
    const bytes = (message: Buffer): Buffer => message;
    const Health = makeClientConstructor(
      {
        Check: {
          ...{ path: CHECK, requestStream: false, responseStream: false },
          ...{ requestSerialize: bytes, requestDeserialize: bytes },
          ...{ responseSerialize: bytes, responseDeserialize: bytes },
        },
      },
      "Health",
    );
    const client = new Health(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      return await new Promise((resolve) => {
        (client as unknown as { Check(asked: Buffer, done: Done): void }).Check(
          Buffer.alloc(0),
          (error, said) => resolve({ code: error?.code ?? 0, said }),
        );
      });
    } finally {
      client.close();
    }
  }
  type Done = (error: ServiceError | null, said?: Buffer) => void;

  test("WHEN its health is checked by a call of gRPC THEN the call's status says whether requests may be sent", async () => {
    // THEN what is said besides is what the protocol has for SERVING
    expect(await checked()).toEqual({ code: 0, said: Buffer.from([8, 1]) });
    ready = () => Promise.resolve(false);
    expect((await checked()).code).toBe(14);
    ready = () => Promise.reject(new Error("no worker answers"));
    expect((await checked()).code).toBe(14);
  });

  test("WHEN it is checked as machines on EC2 are THEN one that is not ready counts as unhealthy", async () => {
    const health = new TargetHealth(
      {
        ...{ port: 1, protocol_version: "GRPC", deregistration_delay: "40" },
        health_check: {
          ...{ protocol: "HTTP", port: String(port), path: CHECK, matcher: "0" },
          ...{ interval: 0, timeout: 5, unhealthy_threshold: 1 },
        },
      },
      "127.0.0.1",
    );
    ready = () => Promise.resolve(false);
    await eventually(() => !health.isHealthy);
    ready = () => Promise.resolve(true);
    await eventually(() => health.isHealthy);
  });
});
