import { IPv4 } from "ipaddr.js";

/** An IPv4 network such as 10.10.0.0/16. */
export class Cidr {
  private constructor(
    /** Its first address. */
    readonly address: string,
    readonly prefixLength: number,
  ) {}

  /** @returns undefined when `value` is not an IPv4 network in CIDR form or has host bits set */
  static parse(value: string): Cidr | undefined {
    const [address = "", length = ""] = value.split("/");
    // Otherwise "10.1/16" and "10.0.0.0/08" would be networks too.
    if (!IPv4.isValidFourPartDecimal(address) || !/^(0|[1-9]\d?)$/.test(length)) return undefined;
    if (!IPv4.isValidCIDR(value) || IPv4.networkAddressFromCIDR(value).toString() !== address)
      return undefined;
    return new Cidr(address, Number(length));
  }

  /** How many addresses it has. */
  get size(): number {
    return 2 ** (32 - this.prefixLength);
  }

  contains(address: string): boolean {
    return (
      IPv4.isValidFourPartDecimal(address) &&
      IPv4.parse(address).match([IPv4.parse(this.address), this.prefixLength])
    );
  }

  overlaps(other: Cidr): boolean {
    return this.contains(other.address) || other.contains(this.address);
  }

  /** Its n-th address, from 0. @throws RangeError beyond its last */
  nth(n: number): string {
    if (!Number.isInteger(n) || n < 0 || n >= this.size) {
      throw new RangeError(`${this.toString()} has addresses 0 to ${this.size - 1}, got: ${n}`);
    }
    const first = IPv4.parse(this.address).octets.reduce((sum, octet) => sum * 256 + octet, 0);
    return new IPv4([24, 16, 8, 0].map((shift) => Math.floor((first + n) / 2 ** shift) % 256)).toString();
  }

  /** Its n-th network of that prefix length, from 0. @throws RangeError beyond its last */
  subnet(prefixLength: number, n: number): Cidr {
    return new Cidr(this.nth(n * 2 ** (32 - prefixLength)), prefixLength);
  }

  toString(): string {
    return `${this.address}/${this.prefixLength}`;
  }
}
