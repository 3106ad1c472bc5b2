import { IPv4 } from "ipaddr.js";
import { Cidr } from "./cidr";

/** Whether the internet may lead to an IPv4 address: none of a private network, of this host, or kept for something else. */
export const isPublicAddress = (address: string): boolean =>
  IPv4.isValidFourPartDecimal(address) &&
  (IPv4.parse(address).range() === "unicast" || EXAMPLES.some((network) => network.contains(address)));

/** They stand for public ones in examples (RFC 5737). */
const EXAMPLES = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"].map((text) => Cidr.parse(text)!);
