import { BlockList, isIPv4 } from "node:net";

const CIDR = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/;

/** An IPv4 network such as 10.10.0.0/16. */
export class Cidr {
  private constructor(
    private readonly network: string,
    private readonly prefixLength: number,
  ) {}

  /** @returns undefined when `value` is not an IPv4 network in CIDR form or has host bits set */
  static parse(value: string): Cidr | undefined {
    const [, network, length] = CIDR.exec(value) ?? [];
    if (network === undefined || !isIPv4(network) || Number(length) > 32) return undefined;
    const hostBits = 2 ** (32 - Number(length));
    return addressNumber(network) % hostBits === 0 ? new Cidr(network, Number(length)) : undefined;
  }

  contains(address: string): boolean {
    return this.blockList().check(address);
  }

  overlaps(other: Cidr): boolean {
    return this.contains(other.network) || other.contains(this.network);
  }

  private blockList(): BlockList {
    const list = new BlockList();
    list.addSubnet(this.network, this.prefixLength);
    return list;
  }
}

function addressNumber(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
