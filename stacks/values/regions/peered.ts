import { z } from "zod";

/** TCP port on which a region's proxies take calls from those of other regions. */
export const peeredPort = z.int().min(1).max(65535).default(8443);

/** What `peered` goes by besides itself. */
export interface Peerable {
  readonly peered?: { readonly port: number } | undefined;
  readonly consul: { readonly tls: boolean };
  readonly proxy: { readonly port: number };
}

/** A port, and who has it: `Consul has`. */
export type TakenPort = readonly [port: number, who: string];

/** Of an agent or server on the same machine. */
export const CONSUL_HAS: readonly TakenPort[] = [8300, 8301, 8302, 8500, 8600].map((port) => [
  port,
  "Consul has",
]);

/**
 * What of `peered` is wrong beside the region's other fields.
 *
 * @param others ports that something else than the proxy has where it runs
 */
export function peeredProblems(
  { peered, consul, proxy }: Peerable,
  others: readonly TakenPort[] = [],
): readonly {
  readonly path: string[];
  readonly params?: { readonly value: string };
  readonly message: string;
}[] {
  if (peered === undefined) return [];
  const taken: readonly TakenPort[] = [
    ...others,
    [proxy.port, "the proxy has for the region's own calls"],
    [9300, "the proxy's health has"],
  ];
  const by = taken.find(([each]) => each === peered.port)?.[1];
  return [
    ...(by === undefined
      ? []
      : [
          {
            path: ["peered", "port"],
            params: { value: String(peered.port) },
            message: `expected another port than ${by}`,
          },
        ]),
    ...(consul.tls
      ? []
      : [
          {
            path: ["peered"],
            message: "expected consul.tls, whose authority the proxies' certificates are by",
          },
        ]),
  ];
}
