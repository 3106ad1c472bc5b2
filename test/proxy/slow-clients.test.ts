import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { rawOrigin } from "./raw-http";

const file = bundle(scratch());
const LOCAL = ["--allow", "localhost", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"];
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async function withProxy(
  flags: readonly string[],
  use: (proxy: RunningProxy) => Promise<void>,
): Promise<void> {
  const proxy = await startProxy(file, [...LOCAL, ...flags]);
  try {
    await use(proxy);
  } finally {
    await proxy.stop();
  }
}

const post = (port: number, framing: string): string =>
  `POST / HTTP/1.1\r\nHost: localhost.ccnproxy:${port}\r\nConnection: close\r\n${framing}\r\n\r\n`;

/** A client that has sent this. */
function client(proxy: RunningProxy, text: string): Socket {
  const socket = connect({ host: "127.0.0.1", port: proxy.port });
  socket.on("error", () => undefined);
  socket.write(text, "latin1");
  return socket;
}

/** What comes until the proxy closes. */
async function answerTo(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10);
}

test("while a body waits for a connection no time-out runs against its client", async () => {
  // GIVEN an origin that may be connected to once, and whose one connection is taken
  const origin = await rawOrigin((socket, text) => {
    if (text.endsWith("GO")) socket.write(OK);
  });
  await withProxy(["--read-timeout", "1", "--max-conns-per-host", "1"], async (proxy) => {
    const first = client(proxy, `GET / HTTP/1.1\r\nHost: localhost.ccnproxy:${origin.port}\r\n\r\n`);
    await until(() => origin.received.length === 1 && origin.received[0] !== "");
    // WHEN a client sends its body in two pieces, and the connection is free only long after
    const second = client(proxy, `${post(origin.port, "Content-Length: 4")}to`);
    const answer = answerTo(second);
    await sleep(100);
    second.write("GO");
    await sleep(2_000);
    for (const socket of origin.sockets) socket.write(OK);
    // THEN it is answered
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
    first.destroy();
  });
  await origin.close();
});
