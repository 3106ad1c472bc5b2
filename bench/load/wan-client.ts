import { type AddressInfo, connect as connectPlain, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Whom to ask, and how often at once. */
export interface WanOrder {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  /** File of the authority when the client speaks TLS itself; absent when it speaks to a proxy. */
  readonly ca?: string;
  readonly concurrent: number;
}

/** Milliseconds until the slowest and the median of the answers had come. */
export interface WanTimes {
  readonly median: number;
  readonly slowest: number;
}

export interface WanResult {
  /** On connections that had to be made. */
  readonly first: WanTimes;
  /** On the same connections again, the median of three. */
  readonly later: WanTimes;
}

/** Asks once on new connections, then three times on the same. */
export async function runClient(order: WanOrder, ca: Buffer | undefined): Promise<WanResult> {
  await rehearse();
  const clients = Array.from({ length: order.concurrent }, () => new Client(order, ca));
  const round = async (): Promise<WanTimes> => {
    const times = (await Promise.all(clients.map((client) => client.ask()))).sort((a, b) => a - b);
    return { median: times[Math.floor(times.length / 2)]!, slowest: times.at(-1)! };
  };
  const first = await round();
  const later = [await round(), await round(), await round()].sort((a, b) => a.slowest - b.slowest)[1]!;
  for (const client of clients) client.close();
  return { first, later };
}

/** Some exchanges on loopback, so that the client's own code is not compiled on the clock. */
async function rehearse(): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < 20; i++) {
    const client = new Client({ address: "127.0.0.1", port, host: "rehearsal", concurrent: 1 }, undefined);
    for (let j = 0; j < 3; j++) await client.ask();
    client.close();
  }
  server.close();
}

/** Milliseconds to open a TCP connection, the least of ten: one round trip. */
export async function roundTrip(address: string, port: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 10; i++) {
    const began = performance.now();
    const socket = connectPlain({ host: address, port });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    least = Math.min(least, performance.now() - began);
    socket.destroy();
  }
  return least;
}

class Client {
  private socket: Socket | undefined;
  private answered: ((error?: Error) => void) | undefined;
  private text = "";

  constructor(
    private readonly order: WanOrder,
    private readonly ca: Buffer | undefined,
  ) {}

  /** Milliseconds from asking to the last byte of the answer, connecting included when there is no connection. */
  async ask(): Promise<number> {
    const began = performance.now();
    this.socket ??= this.connect();
    const answer = new Promise<void>((resolve, reject) => {
      this.answered = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.socket.write(`GET /small HTTP/1.1\r\nHost: ${this.order.host}\r\n\r\n`);
    await answer;
    return performance.now() - began;
  }

  close(): void {
    this.socket?.removeAllListeners("close").destroy();
  }

  private connect(): Socket {
    const { address, port } = this.order;
    const socket =
      this.ca === undefined
        ? connectPlain({ host: address, port })
        : connectTls({ host: address, port, ca: this.ca });
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
      const head = this.text.indexOf("\r\n\r\n") + 4;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.text)?.[1] ?? 0);
      if (head < 4 || this.text.length < head + length) return;
      const { text } = this;
      this.text = "";
      this.answered?.(text.startsWith("HTTP/1.1 200 ") ? undefined : new Error(text));
    });
    socket.on("error", (error) => this.answered?.(error));
    socket.on("close", () => this.answered?.(new Error("connection closed")));
    return socket;
  }
}
