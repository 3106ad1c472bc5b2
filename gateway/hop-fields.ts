import { randomBytes } from "node:crypto";
import { type RequestHead } from "../proxy/engine";
import { type GuardedFields } from "./fields/guarded-fields";

/** Fields by which hops in front tell of the client, and this one does: who is not believed has them dropped. */
const OF_CLIENT = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
/** Who reads it is asked besides the one whose answer the client gets. */
const SHADOW = "x-tricloud-gateway-shadow";
export const SHADOW_LINE = "X-Tricloud-Gateway-Shadow: 1\r\n";
/** How many gateways a request has been through. */
const HOPS = "x-tricloud-gateway-hops";
/** Gateways that a request may pass; more of them are a loop. */
const MOST_HOPS = 8;
const TRACE = "traceparent";
/** All that is read here; none of it goes on as clients said it, nor under a name that could be taken for it. */
export const HOP_FIELDS = [...OF_CLIENT, SHADOW, HOPS, TRACE];
/** Bytes of a trace's and a span's id, and how many such pairs are drawn at once: each draw by itself costs more. */
const ID_BYTES = 24;
const DRAWN = 256;

/** What the fields of a request say of the way that it came. */
export interface Arrival {
  /** The client's address, as far as it is known. */
  readonly address: string;
  /** It has been through so many gateways that it must be going in circles. */
  readonly looping: boolean;
  /** The lines that go on with it. */
  readonly lines: string;
  /** Names of the fields that do not go on as they came. */
  readonly replaced: readonly string[];
}

/**
 * @param trustedHops proxies in front, each of which has added its peer's address to X-Forwarded-For
 * @param peer the address that the connection came from
 * @param guarded fields in which clients say nothing, these here among them
 */
export function arrivalOf(
  head: RequestHead,
  peer: string,
  secure: boolean,
  trustedHops: number,
  guarded: GuardedFields,
): Arrival {
  const said = new Map<string, string>();
  const dropped: string[] = [];
  let traced = false;
  head.someField(guarded.initials, (name, value) => {
    if (name === TRACE) traced = true;
    else if (name === HOPS || name === SHADOW || OF_CLIENT.includes(name)) {
      const before = said.get(name);
      said.set(name, before === undefined ? value : `${before}, ${value}`);
    } else if (guarded.has(name)) dropped.push(name);
    return false;
  });
  const believed =
    trustedHops === 0 ? [] : (said.get("x-forwarded-for") ?? "").split(",").map((each) => each.trim());
  const known = believed.filter((each) => each !== "").slice(-trustedHops);
  const passed = said.get(HOPS) ?? "0";
  const hops = /^\d$/.test(passed) ? Number(passed) : MOST_HOPS;
  const scheme = (trustedHops > 0 && said.get("x-forwarded-proto")) || (secure ? "https" : "http");
  const host = (trustedHops > 0 && said.get("x-forwarded-host")) || head.host;
  return {
    address: known[0] ?? peer,
    looping: hops >= MOST_HOPS,
    lines:
      `X-Forwarded-For: ${[...known, peer].join(", ")}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
      `${host === "" ? "" : `X-Forwarded-Host: ${host}\r\n`}X-Tricloud-Gateway-Hops: ${hops + 1}\r\n` +
      (traced ? "" : `traceparent: ${traceparent()}\r\n`),
    replaced: [...said.keys(), ...dropped],
  };
}

/** A trace context that begins here (W3C Trace Context section 3.2); nobody has recorded anything of it yet. */
function traceparent(): string {
  if (drawnAt === drawn.length) {
    drawn = randomBytes(ID_BYTES * DRAWN).toString("hex");
    drawnAt = 0;
  }
  const trace = drawn.slice(drawnAt, drawnAt + 32);
  const span = drawn.slice(drawnAt + 32, drawnAt + 2 * ID_BYTES);
  drawnAt += 2 * ID_BYTES;
  return `00-${trace}-${span}-00`;
}

let drawn = "";
let drawnAt = 0;
