import { Duplex } from "node:stream";

/** The other end says this, and then no more; what is said to it goes nowhere. */
export function saying(bytes: Buffer): Duplex {
  const socket = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  // Not before somebody listens.
  setImmediate(() => {
    if (!socket.destroyed) {
      socket.push(bytes);
      socket.push(null);
    }
  });
  return socket.on("error", () => undefined);
}
