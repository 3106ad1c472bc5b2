import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { ClientReads } from "../../proxy/client-reads";
import { bundle, type RunningProxy, scratch, startProxy } from "./proxy-process";

const directory = scratch();
const file = bundle(directory);

test("GIVEN this Node THEN clients are read into one buffer", () => {
  expect(new ClientReads().shared).toBe(true);
});

describe("GIVEN many clients that send in turn", () => {
  let origin: Server;
  let proxy: RunningProxy;
  beforeAll(async () => {
    origin = createServer((request, response) => {
      const hash = createHash("sha256").update(request.url!);
      request.on("data", (part: Buffer) => hash.update(part));
      request.on("end", () => response.end(hash.digest("hex")));
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    proxy = await startProxy(file, ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8"]);
  });
  afterAll(async () => {
    await proxy.stop();
    origin.close();
  });

  /** A client that sends one of `pieces` each time `next` is called (false: none was left), and its response. */
  function client(pieces: readonly string[]): { next(): boolean; answer: Promise<string> } {
    const socket = connect({ host: "127.0.0.1", port: proxy.port, noDelay: true });
    let sent = 0;
    let text = "";
    const answer = new Promise<string>((resolve, reject) => {
      socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
      socket.on("error", reject).on("close", () => resolve(text));
    });
    const next = (): boolean => {
      if (sent === pieces.length) return false;
      socket.write(pieces[sent++]!);
      return true;
    };
    return { next, answer };
  }

  const inPieces = (text: string, size: number): string[] => text.match(new RegExp(`[^]{1,${size}}`, "g"))!;

  test.each<[name: string, bodyBytes: number, pieces: (head: string, body: string) => string[]]>([
    ["heads in small pieces", 0, (head) => inPieces(head, 20)],
    ["bodies that come with the head", 300_000, (head, body) => [head + body]],
    ["small pieces of body", 1_200, (head, body) => [head, ...inPieces(body, 30)]],
    ["large pieces of body", 350_000, (head, body) => [head, ...inPieces(body, 70_000)]],
  ])("WHEN they send %s THEN each origin gets its own client's bytes", async (_name, bodyBytes, pieces) => {
    const { port } = origin.address() as AddressInfo;
    const cases = Array.from({ length: 24 }, (_, who) => {
      const path = `/${who}`;
      const body = `${who};`.repeat(bodyBytes).slice(0, bodyBytes);
      const head =
        `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${port}\r\nConnection: close\r\n` +
        `X-Filler: ${String(who).repeat(50)}\r\nContent-Length: ${body.length}\r\n\r\n`;
      const expected = createHash("sha256").update(path).update(body).digest("hex");
      return { ...client(pieces(head, body)), expected };
    });
    while (cases.map((each) => each.next()).includes(true))
      await new Promise((resolve) => setTimeout(resolve, 5));
    const answers = await Promise.all(cases.map(({ answer }) => answer));
    expect(answers.map((answer) => answer.split("\r\n\r\n")[1])).toEqual(
      cases.map(({ expected }) => expected),
    );
  });
});
