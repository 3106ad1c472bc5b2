// DER, as far as a certificate needs it (X.690). The well-kept library that makes certificates (`@peculiar/x509`) is
// larger than the whole proxy, which makes one at each start, and would come to everybody who installs the constructs.

/** One element in DER. */
export function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

export const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));

export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]));

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tagged(0x06, Buffer.from(bytes));
}

/** Two digits of the year before 2050, four from then on, as RFC 5280 has it. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** Where the content of the element begins that begins there. */
export function contentOf(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]!;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

export function endOf(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]!;
  const content = contentOf(bytes, at);
  return content + (length < 0x80 ? length : bytes.readUIntBE(at + 2, length & 0x7f));
}
