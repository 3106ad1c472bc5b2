import { Cidr } from "../grammar/cidr";

/**
 * The n-th address of the range that Services take theirs from, for a Service whose address others must know
 * beforehand. Kubernetes hands out the first 16 to 256 addresses of a range last, so that they stay free for this.
 *
 * @param cidr the range, for example `10.30.16.0/20`
 * @throws Error when the range is none or the address lies outside its reserved part
 */
export function serviceAddress(cidr: string, n: number): string {
  const range = Cidr.parse(cidr);
  if (range === undefined) {
    throw new Error(
      `service range must be an IPv4 network such as 10.30.16.0/20, got: ${JSON.stringify(cidr)}`,
    );
  }
  const reserved = Math.min(Math.max(16, range.size / 16), 256);
  if (!Number.isInteger(n) || n < 1 || n > reserved) {
    throw new Error(`service address must be 1 to ${reserved} in ${cidr}, got: ${n}`);
  }
  return range.nth(n);
}
