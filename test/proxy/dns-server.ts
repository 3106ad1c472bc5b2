import { createSocket } from "node:dgram";
import { type AddressInfo } from "node:net";
import { dnsAnswer } from "../dns-answer";

/** What a DNS server of a test answers just now. */
export interface Records {
  /** Those of whatever name it is asked for; without any the name does not exist. */
  addresses: readonly string[];
  /** Seconds. */
  ttl: number;
  /** It takes questions and answers none. */
  silent: boolean;
}

export interface DnsServer {
  /** `address:port`. */
  readonly at: string;
  readonly asked: number;
  close(): void;
}

/** A DNS server for A records: answers each question with what `records` holds then, or not at all. */
export async function dnsServer(records: Records): Promise<DnsServer> {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (query, peer) => {
    asked++;
    if (records.silent) return;
    const { addresses, ttl } = records;
    const answer = dnsAnswer(query, () => (addresses.length === 0 ? undefined : addresses), ttl);
    socket.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    at: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    close: () => socket.close(),
  };
}
