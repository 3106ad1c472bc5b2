import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** Answers look-ups of IPv4 addresses over TCP, as a Consul agent does. Names that it does not know do not exist. */
export class DnsDouble {
  /** Addresses by name, which may be changed at any time. */
  readonly names = new Map<string, readonly string[]>();
  private readonly connections = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on("connection", (socket) => {
      this.connections.add(socket.on("close", () => this.connections.delete(socket)).on("error", () => {}));
      let held = Buffer.alloc(0);
      socket.on("data", (part) => {
        held = Buffer.concat([held, part]);
        while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
          const length = held.readUInt16BE(0);
          const answer = this.answer(held.subarray(2, 2 + length));
          held = held.subarray(2 + length);
          const prefix = Buffer.alloc(2);
          prefix.writeUInt16BE(answer.length);
          socket.write(Buffer.concat([prefix, answer]));
        }
      });
    });
  }

  static async start(): Promise<DnsDouble> {
    const server = createServer();
    const double = new DnsDouble(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return double;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  stop(): void {
    this.server.close();
    for (const connection of this.connections) connection.destroy();
  }

  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const question = query.subarray(12, at + 5);
    const addresses = this.names.get(labels.join(".").toLowerCase());
    const isForIpv4 = query.readUInt16BE(at + 1) === 1;
    const found = isForIpv4 ? (addresses ?? []) : [];
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    // An answer with authority, or that there is no such name.
    header.writeUInt16BE(addresses === undefined ? 0x8583 : 0x8580, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    const records = found.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]),
    );
    return Buffer.concat([header, question, ...records]);
  }
}
