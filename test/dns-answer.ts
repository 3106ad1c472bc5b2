const FOUND = 0x8580;
const NO_SUCH_NAME = 0x8583;
const A = 1;
const SRV = 33;

/** What an SRV record tells of a service. */
export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/**
 * What a DNS server with authority answers to a question for IPv4 addresses or a service; to any other it has
 * none.
 *
 * @param query the message, without the length that it has in front over TCP
 * @param addressesOf those of a name in lower case; undefined where there is no such name
 * @param ttl seconds
 * @param servicesOf those of a name; undefined where there is no such service
 */
export function dnsAnswer(
  query: Buffer,
  addressesOf: (name: string) => readonly string[] | undefined,
  ttl: number,
  servicesOf: (name: string) => readonly ServiceRecord[] | undefined = () => undefined,
): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const name = labels.join(".").toLowerCase();
  const type = query.readUInt16BE(at + 1);
  const addresses = addressesOf(name);
  const services = servicesOf(name);
  const found =
    type === A
      ? (addresses ?? []).map((address) => Buffer.from(address.split(".").map(Number)))
      : type === SRV
        ? (services ?? []).map(serviceData)
        : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE((addresses ?? services) === undefined ? NO_SUCH_NAME : FOUND, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  const records = found.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
}

function serviceData({ host, port, priority, weight }: ServiceRecord): Buffer {
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((number, index) => numbers.writeUInt16BE(number, 2 * index));
  const labels = host.split(".").filter((label) => label !== "");
  return Buffer.concat([
    numbers,
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1")),
    Buffer.alloc(1),
  ]);
}
