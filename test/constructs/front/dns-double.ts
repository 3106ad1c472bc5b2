import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { dnsAnswer } from "../../dns-answer";

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
          const answer = dnsAnswer(held.subarray(2, 2 + length), (name) => this.names.get(name), 0);
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
}
