const FOUND = 0x8580;
const NO_SUCH_NAME = 0x8583;

/**
 * What a DNS server with authority answers to a question for IPv4 addresses; to any other it has none.
 *
 * @param query the message, without the length that it has in front over TCP
 * @param addressesOf those of a name in lower case; undefined where there is no such name
 * @param ttl seconds
 */
export function dnsAnswer(
  query: Buffer,
  addressesOf: (name: string) => readonly string[] | undefined,
  ttl: number,
): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const addresses = addressesOf(labels.join(".").toLowerCase());
  const isForIpv4 = query.readUInt16BE(at + 1) === 1;
  const found = isForIpv4 ? (addresses ?? []) : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(addresses === undefined ? NO_SUCH_NAME : FOUND, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  const records = found.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(1, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(4, 10);
    Buffer.from(address.split(".").map(Number)).copy(record, 12);
    return record;
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
}
