import { connect, createServer, type Server, type Socket } from "node:net";
import { type AddressInfo } from "node:net";

/** Sends `text` (latin1) and returns all that comes until the other side closes or nothing came for `quietMs`. */
export function talk(port: number, text: string, quietMs = 300): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let answer = "";
    let timer = setTimeout(() => socket.destroy(), quietMs + 1_000);
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), quietMs);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(text, "latin1");
  });
}

export interface RawOrigin {
  readonly port: number;
  /** Everything received, one text per connection, in the order of connecting. */
  readonly received: string[];
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

/** An origin that calls `answer` with each piece received and the text of the connection so far. */
export async function rawOrigin(
  answer: (socket: Socket, text: string, connection: number) => void,
): Promise<RawOrigin> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const index = received.push("") - 1;
    sockets.add(socket);
    socket.on("data", (bytes) => {
      received[index] += bytes.toString("latin1");
      answer(socket, received[index]!, index);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
