import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { bundle, type RunningProxy, scratch, startProxy } from "./proxy-process";

/* A machine that has no time for the proxy for a while, as a stopped process sees it. */

const LOCAL = ["--allow", "localhost", "--allow-address", "127.0.0.0/8"];
let origin: Server;
let proxyFile: string;
const directory = scratch();

beforeAll(async () => {
  proxyFile = bundle(directory);
  origin = createServer((_, response) => response.end("here"));
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
});
afterAll(() => origin.close());

interface Call {
  readonly connected: Promise<void>;
  /** Returns when the request is the kernel's. */
  send(): Promise<void>;
  /** The status line, or the error's code. */
  readonly answer: Promise<string>;
}

/** A request on a connection of its own. */
function call({ port }: RunningProxy): Call {
  const socket = connect(port, "127.0.0.1");
  const host = `localhost.ccnproxy:${(origin.address() as AddressInfo).port}`;
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return {
    connected: new Promise((resolve) => socket.once("connect", resolve)),
    send: () => new Promise((resolve) => socket.write(request, () => resolve())),
    answer: new Promise((resolve) => {
      let text = "";
      socket.on("data", (bytes) => (text += bytes.toString()));
      socket.once("error", ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
      socket.once("close", () => resolve(text.split("\r\n")[0]!));
    }),
  };
}

const CALLS = 50;
const ALL_ANSWERED = Array.from({ length: CALLS }, () => "HTTP/1.1 200 OK");

const callsOf = async (proxy: RunningProxy) => {
  const calls = Array.from({ length: CALLS }, () => call(proxy));
  await Promise.all(calls.map(({ connected }) => connected));
  return calls;
};

/** What becomes of calls while the process has no time. */
async function starved(proxy: RunningProxy, sent: () => Promise<readonly Call[]>): Promise<string[]> {
  proxy.child.kill("SIGSTOP");
  const calls = await sent();
  await Promise.all(calls.map((each) => each.send()));
  await delay(3000);
  proxy.child.kill("SIGCONT");
  return Promise.all(calls.map(({ answer }) => answer));
}

describe("a proxy that had no time while it drains", () => {
  let proxy: RunningProxy;
  const draining = async (seconds: number) => {
    proxy = await startProxy(proxyFile, [...LOCAL, `--drain-delay=${seconds}s`, "--shutdown-timeout=60s"]);
    proxy.child.kill("SIGTERM");
    await proxy.said('"draining"');
  };
  afterEach(() => proxy.child.kill("SIGKILL"));

  it("answers what came meanwhile on connections that it had accepted", async () => {
    // GIVEN connections that nothing has come on yet
    await draining(60);
    const calls = await callsOf(proxy);
    await delay(300);
    // WHEN / THEN it has no time for longer than it keeps such connections
    expect(await starved(proxy, () => Promise.resolve(calls))).toEqual(ALL_ANSWERED);
  }, 60_000);

  it("answers who came before it takes no more connections, though its time was up meanwhile", async () => {
    await draining(2);
    expect(await starved(proxy, () => callsOf(proxy))).toEqual(ALL_ANSWERED);
  }, 60_000);
});
