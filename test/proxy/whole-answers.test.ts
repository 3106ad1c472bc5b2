import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle, eventually, type RunningProxy, scratch, startProxy, usingProxy } from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";

const file = bundle(scratch());
const FLAGS = ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8"];

/** Answers with as many bytes as the path of the last request says: a connection may serve several. */
const origin = rawOrigin((socket, text) => {
  const size = Number(/^[^]*GET \/(\d+) [^]*\r\n\r\n$/.exec(text)?.[1]);
  if (size > 0) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${"b".repeat(size)}`);
});
afterAll(async () => (await origin).close());

/** A client that reads nothing of its answer until told so. */
function lateReader(proxy: RunningProxy, text: string): { readonly socket: Socket; read(): Promise<number> } {
  const socket = connect({ host: "127.0.0.1", port: proxy.port });
  socket.on("error", () => undefined).pause();
  socket.write(text);
  const read = async (): Promise<number> => {
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => pieces.push(piece)).resume();
    await eventually(() => socket.closed || socket.readableEnded, 5_000);
    socket.destroy();
    const all = Buffer.concat(pieces);
    return all.length - all.indexOf("\r\n\r\n") - 4;
  };
  return { socket, read };
}

/** Bytes that the kernel holds of what the proxy has sent to this client. */
function held({ localPort }: Socket, { port }: RunningProxy): number {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, from = "", to = ""]) => {
      const ports = [from.slice(-4), to.slice(-4)].sort().join();
      return ports === [hex(localPort!), hex(port)].sort().join();
    })
    .flatMap(([, , , , queues = ""]) => queues.split(":").map((bytes) => parseInt(bytes, 16)))
    .reduce((sum, bytes) => sum + bytes, 0);
}

describe("GIVEN clients that read late, whose answers are about as long as the kernel holds", () => {
  test.each([
    ["with Connection: close", "1.1", "Connection: close\r\n", false],
    ["with HTTP/1.0", "1.0", "", false],
    ["with SIGTERM meanwhile", "1.1", "", true],
  ])(
    "%s WHEN a last piece waits longer than the lingering THEN it comes all the same",
    async (_, version, fields, term) => {
      const proxy = await startProxy(file, [...FLAGS, "--access-log-dir", "none"]);
      const { port } = await origin;
      const request = (size: number): string =>
        `GET /${size} HTTP/${version}\r\nHost: 127.0.0.1.ccnproxy:${port}\r\n${fields}\r\n`;
      // GIVEN how much the kernel takes for a client that does not read
      const probe = lateReader(proxy, request(30_000_000));
      let last = -1;
      await eventually(async () => {
        const before = last;
        await sleep(200);
        last = held(probe.socket, proxy);
        return last > 0 && last === before;
      });
      probe.socket.destroy();
      // AND answers somewhat shorter and longer than that
      const sizes = Array.from({ length: 16 }, (_each, i) => last + (i - 6) * 24_000);
      const clients = sizes.map((size) => lateReader(proxy, request(size)));
      await sleep(1_000);
      const stopped = term ? proxy.stop() : undefined;
      await sleep(3_500);
      expect(await Promise.all(clients.map((client) => client.read()))).toEqual(sizes);
      expect(await (stopped ?? proxy.stop())).toBe(0);
    },
    60_000,
  );
});

describe("GIVEN a tunnel", () => {
  const open = (port: number): string =>
    `GET / HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${port}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
  const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

  test("WHEN the client ends its side THEN what the origin says after that still comes", async () => {
    const server = await rawOrigin((socket, text) => {
      socket.allowHalfOpen = true;
      if (text.endsWith("\r\n\r\n")) socket.write(SWITCH);
      socket.once("end", () => setTimeout(() => socket.end("after the end"), 300));
    });
    await usingProxy(file, [...FLAGS, "--access-log-dir", "none"], async (proxy) => {
      const socket = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
      let came = "";
      socket.on("data", (bytes: Buffer) => (came += bytes.toString()));
      socket.write(open(server.port));
      await eventually(() => came.includes("101"));
      socket.end("last words");
      await eventually(() => socket.readableEnded, 5_000);
      expect(came).toMatch(/after the end$/);
      expect(server.received[0]).toMatch(/last words$/);
      socket.destroy();
    });
    await server.close();
  }, 20_000);

  test("WHEN the origin ends its side THEN what the client says after that still goes out", async () => {
    const server = await rawOrigin((socket, text) => {
      socket.allowHalfOpen = true;
      if (text.endsWith("\r\n\r\n")) socket.end(`${SWITCH}done`);
    });
    await usingProxy(file, [...FLAGS, "--access-log-dir", "none"], async (proxy) => {
      const socket = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
      let came = "";
      socket.on("data", (bytes: Buffer) => (came += bytes.toString()));
      socket.write(open(server.port));
      await eventually(() => socket.readableEnded, 5_000);
      expect(came).toMatch(/done$/);
      socket.end("late words");
      await eventually(() => server.received[0]!.endsWith("late words"), 5_000);
      // AND the connection ends once both sides have
      await eventually(() => socket.closed, 5_000);
    });
    await server.close();
  }, 20_000);
});

test("GIVEN keep-alive WHEN many answers are asked for at once THEN they come whole and in order", async () => {
  const small = await rawOrigin((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  await usingProxy(file, [...FLAGS, "--access-log-dir", "none"], async (proxy) => {
    const one = `GET / HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${small.port}\r\n\r\n`;
    expect((await talk(proxy.port, one.repeat(50), 1_000)).split("\r\n\r\nok").length - 1).toBe(50);
  });
  await small.close();
});
