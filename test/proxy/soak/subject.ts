import { type Certificates } from "../../testbed/certificates";
import { freePort, metricsOf, type RunningProxy, socketsOf, startProxy } from "../proxy-process";
import { type Origins } from "./origins";
import { type OriginKind } from "./shapes";

/** Seconds of exchanges: `npm run soak` gives them. */
export const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 10);
export const SEED = Number(process.env["SOAK_SEED"] ?? process.env["PROPERTY_SEED"] ?? 1);
/** MiB that the proxy may have for its objects: what leaks meets this bound in a long run. */
const HEAP_MIB = 96;

/** A proxy that is soaked. */
export interface Subject {
  readonly proxy: RunningProxy;
  readonly tlsPort: number;
  /** Sockets that it has when nobody is there: its listeners. */
  readonly listeners: number;
}

/** @param flags besides those that every soak needs */
export async function startSubject(
  file: string,
  certificates: Certificates,
  flags: Readonly<Record<string, string>>,
): Promise<Subject> {
  const tlsPort = freePort();
  const all = {
    "--allow": "localhost",
    "--allow-address": "127.0.0.0/8",
    "--ca-file": certificates.authority,
    "--tls-port": String(tlsPort),
    "--tls-cert-file": certificates.certificate,
    "--tls-key-file": certificates.key,
    ...flags,
  };
  const proxy = await startProxy(file, Object.entries(all).flat(), {
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
  });
  await proxy.said(`"port":${tlsPort}`);
  return { proxy, tlsPort, listeners: socketsOf(proxy) };
}

/** The Host by which an origin of the soak is called. */
export function hostOf(kind: OriginKind, { ports }: Origins): string {
  const label = kind === "h1" || kind === "h2c" ? "ccnproxy" : "ccnproxy-https";
  return `localhost.${label}:${ports[kind]}`;
}

/** What the proxy still counts of clients, of connections to origins, and of who waits for one. */
export async function stillCounted(proxy: RunningProxy): Promise<[series: string, value: number][]> {
  return [...(await metricsOf(proxy))].filter(
    ([series, value]) =>
      value !== 0 && /^tricloud_proxy_(clients|origin_connections|origin_waiting)\b/.test(series),
  );
}

/** The lines of its log that tell of this exchange. */
export function saidOf(proxy: RunningProxy, id: string): string {
  return proxy
    .output()
    .split("\n")
    .filter((line) => line.includes(`"${id}"`))
    .join("\n");
}
