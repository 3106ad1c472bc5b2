import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * Addresses that no origin name may lead to unless allowed: this host, its links, cloud metadata services, multicast
 * and reserved space. Private networks stay open, since aggregating calls inside them is the proxy's work.
 */
const REFUSED = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local; 169.254.169.254 is the metadata service of EC2 and GCE
  "100.100.100.200/32", // metadata service of Alibaba Cloud
  "192.0.0.192/32", // metadata service of Oracle Cloud (classic)
  "168.63.129.16/32", // Azure's host agent
  "224.0.0.0/4",
  "240.0.0.0/4",
  "2001::/32", // Teredo: what is behind its servers nobody can tell
  "::/128",
  "::1/128",
  "fe80::/10",
  "fec0::/10",
  "fd00:ec2::/32", // metadata service of EC2 over IPv6
  "fd20:ce::254/128", // metadata service of GCE over IPv6
  "ff00::/8",
];

/** Refuses addresses after resolution, so that a name under somebody else's control cannot point inwards. */
export class AddressGuard {
  private readonly refused = blockList(REFUSED);
  private readonly allowed: BlockList;

  /** @param allow CIDR ranges that are fine although refused by default, e.g. `127.0.0.0/8` */
  constructor(allow: readonly string[]) {
    this.allowed = blockList(allow);
  }

  permits(address: string): boolean {
    const plain = embeddedIpv4(address) ?? address;
    const family = isIPv4(plain) ? "ipv4" : "ipv6";
    return !this.refused.check(plain, family) || this.allowed.check(plain, family);
  }
}

/** True for `address/bits` or a single address, IPv4 or IPv6. */
export function isCidr(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    list.addSubnet(address, bits === undefined ? (family === "ipv4" ? 32 : 128) : Number(bits), family);
  }
  return list;
}

/**
 * The IPv4 address inside ::ffff:a.b.c.d, ::a.b.c.d, ::ffff:0:a.b.c.d (SIIT), 64:ff9b::/96 (NAT64) or 2002::/16 (6to4),
 * else undefined.
 */
function embeddedIpv4(address: string): string | undefined {
  if (!address.includes(":")) return undefined;
  const words = expand(address);
  const quad = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  const zeros = (count: number): boolean => words.slice(0, count).every((word) => word === 0);
  if (zeros(5) && words[5] === 0xffff) return quad(words[6]!, words[7]!);
  if (zeros(4) && words[4] === 0xffff && words[5] === 0) return quad(words[6]!, words[7]!);
  if (zeros(6) && (words[6] !== 0 || words[7]! > 1)) return quad(words[6]!, words[7]!);
  if (words[0] === 0x64 && words[1] === 0xff9b) return quad(words[6]!, words[7]!);
  if (words[0] === 0x2002) return quad(words[1]!, words[2]!);
  return undefined;
}

/** The eight 16-bit words of an IPv6 address. */
function expand(address: string): number[] {
  const bare = address.split("%")[0]!;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare);
  const hex =
    dotted === null
      ? bare
      : `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(Number(dotted[4]) * 256 + Number(dotted[5])).toString(16)}`;
  const [head = "", tail] = hex.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = new Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...(tail === undefined ? [] : zeros), ...right].map((word) => parseInt(word, 16));
}
