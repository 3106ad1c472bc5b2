import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { NODE } from "./node-program";
import { AccessLog } from "../../proxy/observation/access-log";
import { LogLines } from "../../proxy/observation/log-lines";
import { bundle, eventually, freePort, scratch } from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";

const directory = scratch();
const file = bundle(directory);

const record = (id: string): Parameters<AccessLog["write"]>[0] => ({
  remoteAddress: "127.0.0.1",
  method: "GET",
  uri: "/",
  status: 200,
  size: 2,
  userAgent: "",
  seconds: 0,
  host: "a",
  id,
});

/** The proxy with this for stderr; it says nothing on stdout. */
async function startWith(
  stderr: number,
  flags: readonly string[],
): Promise<{ port: number; stop(): Promise<number | null> }> {
  const port = freePort();
  const own = ["--listen", "127.0.0.1", "--port", String(port), "--allow", "127.0.0.1"];
  const child = spawn(NODE, [file, ...own, "--allow-address", "127.0.0.0/8", ...flags], {
    stdio: ["ignore", "ignore", stderr],
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await eventually(() =>
    talk(port, "GET / HTTP/1.0\r\n\r\n", 50).then(
      () => true,
      () => false,
    ),
  );
  return { port, stop: () => (child.kill("SIGTERM"), exit) };
}

describe("GIVEN a standard error that cannot be written", () => {
  test.each([
    ["on a full disk", () => openSync("/dev/full", "w"), ["--access-log-dir", ""]],
    [
      "on a full disk, with two workers",
      () => openSync("/dev/full", "w"),
      ["--workers", "2", "--access-log-dir", ""],
    ],
    ["that nobody reads any more", brokenPipe, ["--access-log-dir", ""]],
    ["whose reader stands still", stuckPipe, ["--access-log-dir", ""]],
  ])(
    "%s WHEN requests come and fail THEN all are answered, and SIGTERM ends it in order",
    async (_, open, flags) => {
      const origin = await rawOrigin((socket) =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      );
      const stderr = open();
      const proxy = await startWith(stderr, flags);
      const path = `/${"x".repeat(4_000)}`;
      for (let i = 0; i < 60; i++) {
        const good = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${origin.port}\r\nConnection: close\r\n\r\n`;
        expect(await talk(proxy.port, good)).toMatch(/ok$/);
        expect(await talk(proxy.port, `GET ${path} HTTP/1.1\r\nHost: nowhere\r\n\r\n`)).toMatch(
          /^HTTP\/1.1 400/,
        );
      }
      expect(await proxy.stop()).toBe(0);
      closeSync(stderr);
      await origin.close();
    },
    60_000,
  );
});

/** The writing end of a pipe whose reader has gone. */
function brokenPipe(): number {
  const fifo = join(directory, "broken");
  execFileSync("mkfifo", [fifo]);
  const both = openSync(fifo, constants.O_RDWR);
  const writer = openSync(fifo, constants.O_WRONLY);
  closeSync(both);
  return writer;
}

/** The writing end of a pipe that is open for reading, and never read. */
function stuckPipe(): number {
  const fifo = join(directory, "stuck");
  execFileSync("mkfifo", [fifo]);
  return openSync(fifo, constants.O_RDWR);
}

describe("GIVEN an access log in a directory", () => {
  test("WHEN the directory has gone at rotation, or cannot be written, THEN lines wait until it can", async () => {
    const parent = join(directory, "logs");
    const accessLogDir = join(parent, "access");
    const log = new AccessLog({ accessLogDir, accessLogRotate: 2, accessLogRotateTime: 1 });
    log.write(record("first"));
    log.flush();
    // A file in the directory's place is refused to root as well.
    rmSync(accessLogDir, { recursive: true });
    execFileSync("touch", [accessLogDir]);
    log["fileName"] = "of the last minute";
    log.write(record("second"));
    expect(() => log.flush()).not.toThrow();
    expect(log.lines.counts.failures).toBeGreaterThan(0);
    rmSync(accessLogDir);
    log.write(record("third"));
    log.close();
    const written = readdirSync(accessLogDir)
      .filter((name) => name !== "current")
      .map((name) => readFileSync(join(accessLogDir, name), "utf8"))
      .join("");
    expect(written).toContain("third");
  });

  test("WHEN it cannot be opened at the start of a worker THEN nothing is lost, and nothing thrown", () => {
    const accessLogDir = join(directory, "not-yet");
    execFileSync("touch", [accessLogDir]);
    const log = new AccessLog({ accessLogDir, accessLogRotate: 2, accessLogRotateTime: 1 });
    log.write(record("early"));
    log.flush();
    rmSync(accessLogDir);
    mkdirSync(accessLogDir);
    chmodSync(accessLogDir, 0o755);
    log.close();
    expect(readFileSync(join(accessLogDir, "current"), "utf8")).toContain('"early"');
  });
});

describe("GIVEN lines for a descriptor", () => {
  test("WHEN it takes them in part, or fails in between, THEN each byte is written once, in order", () => {
    let written = "";
    let turn = 0;
    const lines = new LogLines((_, bytes, offset) => {
      if (++turn % 3 === 0)
        throw Object.assign(new Error("full"), { code: turn % 2 === 0 ? "ENOSPC" : "EAGAIN" });
      const length = Math.min(7, bytes.length - offset);
      written += bytes.toString("latin1", offset, offset + length);
      return length;
    });
    let expected = "";
    for (let i = 0; i < 50; i++) {
      lines.add(`line ${i}\n`);
      expected += `line ${i}\n`;
      lines.flush(1);
    }
    for (let i = 0; i < 200 && !lines.empty; i++) lines.flush(1);
    expect(written).toBe(expected);
    expect(lines.counts.failures).toBeGreaterThan(0);
    expect(lines.counts.lost).toBe(0);
  });

  test("WHEN they cannot be written for long THEN memory is bounded, and what is lost is counted", () => {
    const lines = new LogLines(() => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    });
    for (let i = 0; i < 10_000; i++) lines.add(`${"x".repeat(1_000)}\n`);
    lines.flush(1);
    expect(lines.counts.lost).toBeGreaterThan(0);
    expect(lines.size).toBeLessThan(8 * 2 ** 20);
  });
});
