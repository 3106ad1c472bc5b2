import { Cidr } from "../region/cidr";

/**
 * The n-th address of the range that Services take theirs from, for a Service whose address others must know
 * beforehand. Kubernetes hands out the first 16 to 256 addresses of a range last, so that they stay free for this.
 *
 * @param cidr the range, for example `10.30.16.0/20`
 * @throws Error when the range is none or the address lies outside its reserved part
 */
export function serviceAddress(cidr: string, n: number): string {
  const [base = "", length] = cidr.split("/");
  const reserved = Math.min(Math.max(16, 2 ** (32 - Number(length)) / 16), 256);
  if (Cidr.parse(cidr) === undefined) {
    throw new Error(
      `service range must be an IPv4 network such as 10.30.16.0/20, got: ${JSON.stringify(cidr)}`,
    );
  }
  if (!Number.isInteger(n) || n < 1 || n > reserved) {
    throw new Error(`service address must be 1 to ${reserved} in ${cidr}, got: ${n}`);
  }
  const octets = base.split(".").map(Number);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0) + n;
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
