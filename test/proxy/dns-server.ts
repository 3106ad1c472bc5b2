import { createSocket } from "node:dgram";
import { type AddressInfo } from "node:net";

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

const ONE_ANSWER = 0x8180;
const NO_SUCH_NAME = 0x8183;

/** A DNS server for A records: answers each question with what `records` holds then, or not at all. */
export async function dnsServer(records: Records): Promise<DnsServer> {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (query, peer) => {
    asked++;
    if (records.silent) return;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const isA = question.readUInt16BE(question.length - 4) === 1;
    const addresses = isA ? records.addresses : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(records.addresses.length === 0 ? NO_SUCH_NAME : ONE_ANSWER, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const answers = addresses.map((address) => {
      const record = Buffer.alloc(16);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(1, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(records.ttl, 6);
      record.writeUInt16BE(4, 10);
      Buffer.from(address.split(".").map(Number)).copy(record, 12);
      return record;
    });
    socket.send(Buffer.concat([header, question, ...answers]), peer.port, peer.address);
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
