import { createSocket } from "node:dgram";
import { type AddressInfo } from "node:net";
import { dnsAnswer, type ServiceRecord } from "../dns-answer";

/** What a DNS server of a test answers just now. */
export interface Records {
  /** Those of whatever name it is asked for; without any the name does not exist. */
  addresses: readonly string[];
  /** Those of hosts that have others. @default - none has */
  hosts?: Readonly<Record<string, readonly string[]>>;
  /** Of whatever service it is asked for, i.e. whatever name with `_tcp`. @default - there is none */
  services?: readonly ServiceRecord[];
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

/** A DNS server for A and SRV records: answers each question with what `records` holds then, or not at all. */
export async function dnsServer(records: Records): Promise<DnsServer> {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (query, peer) => {
    asked++;
    if (records.silent) return;
    const { addresses, hosts = {}, services, ttl } = records;
    const answer = dnsAnswer(
      query,
      (name) => hosts[name] ?? (addresses.length === 0 ? undefined : addresses),
      ttl,
      (name) => (name.includes("._tcp.") ? services : undefined),
    );
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
