import { connect, type Socket } from "node:net";

/** What a load asks of whom; passed to the load's process as JSON. */
export interface LoadOrder {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  /** JSON that is sent. @default - GET without a body */
  readonly json?: string;
  /** Keep-alive clients, each with one request under way at any time. */
  readonly clients: number;
  /** Requests before any is counted: a just-in-time compiler has to have seen the work. */
  readonly warmUp: number;
  /** Seconds that are counted. */
  readonly seconds: number;
}

/** What came of it. Times are milliseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  /** What the first error was. */
  readonly firstError?: string | undefined;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** Asks as fast as answers come. Says `begin` and `end` on stdout at the bounds of what it counted, then the result. */
export function runLoad(order: LoadOrder): void {
  const { json = "" } = order;
  const framing =
    json === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n`;
  const request = Buffer.from(
    `${json === "" ? "GET" : "POST"} ${order.path} HTTP/1.1\r\nHost: ${order.host}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n${framing}\r\n${json}`,
  );
  const times: number[] = [];
  let errors = 0;
  let firstError: string | undefined;
  const failed = (what: string): void => {
    errors++;
    firstError ??= what;
  };
  let counting = false;
  let { warmUp } = order;
  for (let i = 0; i < order.clients; i++) client();
  function begin(): void {
    counting = true;
    const began = performance.now();
    process.stdout.write("begin\n");
    setTimeout(() => {
      counting = false;
      const seconds = (performance.now() - began) / 1000;
      times.sort((a, b) => a - b);
      const at = (part: number): number =>
        times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? NaN;
      const result: LoadResult = {
        requests: times.length,
        errors,
        firstError,
        seconds,
        p50: at(0.5),
        p99: at(0.99),
      };
      process.stdout.write(`end\n${JSON.stringify(result)}\n`, () => process.exit(0));
    }, order.seconds * 1000);
  }

  function client(): void {
    let left = 0;
    let sent = 0;
    const buffer = Buffer.allocUnsafe(65_536);
    const receive = (length: number): boolean => {
      left = left === 0 ? bodyBytes(buffer, length) - (length - headBytes(buffer, length)) : left - length;
      if (left > 0) return true;
      left = 0;
      if (--warmUp === 0) begin();
      if (counting) times.push(performance.now() - sent);
      sent = performance.now();
      socket.write(request);
      return true;
    };
    const socket: Socket = connect({
      host: order.address,
      port: order.port,
      noDelay: true,
      onread: { buffer, callback: receive },
    });
    socket.on("error", (error) => failed(error.message));
    socket.on("close", () => failed("the connection was closed"));
    sent = performance.now();
    socket.write(request);
  }

  function headBytes(buffer: Buffer, length: number): number {
    const end = buffer.subarray(0, length).indexOf("\r\n\r\n");
    if (end < 0) throw new Error("the load expects a response head in one piece");
    return end + 4;
  }

  function bodyBytes(buffer: Buffer, length: number): number {
    const head = buffer.toString("latin1", 0, Math.min(length, 2048));
    if (!head.startsWith("HTTP/1.1 200 ")) failed(buffer.toString("latin1", 0, Math.min(length, 400)));
    return Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  }
}
