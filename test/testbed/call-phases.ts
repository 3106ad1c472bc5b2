import { type VirtualHost } from "./virtual-host";

/** Where the time of one HTTP call went, in milliseconds; each phase by itself, `total` their sum. */
export interface CallPhases {
  readonly nameLookup: number;
  readonly connect: number;
  readonly tls: number;
  readonly firstByte: number;
  readonly rest: number;
  readonly total: number;
}

/** curl's clocks, each counted from the start of the call; 0 where a phase did not happen. */
const CLOCKS = ["namelookup", "connect", "appconnect", "starttransfer", "total"] as const;

/**
 * Makes `calls` calls from the host, each by a new curl that has no connection open, and gives the phases of the one
 * with the median total.
 *
 * @throws Error when a call fails or its answer's status is not 200
 */
export async function medianCall(
  host: VirtualHost,
  url: string,
  calls: number,
  curlOptions = "",
): Promise<CallPhases> {
  const format = ["%{http_code}", ...CLOCKS.map((clock) => `%{time_${clock}}`)].join(" ");
  const output = await host.run(
    `for i in $(seq ${calls}); do curl -sS -m 10 ${curlOptions} -o /dev/null -w '${format}\\n' '${url}' || exit 1; done`,
  );
  const measured = output.trim().split("\n").map(parse);
  measured.sort((a, b) => a.total - b.total);
  const median = measured[Math.floor(measured.length / 2)];
  if (median === undefined) throw new Error(`host ${host.name}: no call to ${url} was made`);
  return median;
}

function parse(line: string): CallPhases {
  const [status, lookup = 0, connect = 0, appconnect = 0, starttransfer = 0, total = 0] = line
    .split(" ")
    .map(Number);
  if (status !== 200) throw new Error(`expected status 200, got: ${line}`);
  const connected = appconnect > 0 ? appconnect : connect;
  const milliseconds = (from: number, to: number) => (to - from) * 1000;
  return {
    nameLookup: milliseconds(0, lookup),
    connect: milliseconds(lookup, connect),
    tls: milliseconds(connect, connected),
    firstByte: milliseconds(connected, starttransfer),
    rest: milliseconds(starttransfer, total),
    total: milliseconds(0, total),
  };
}
