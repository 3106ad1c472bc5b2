/** Where a server listens: a socket handed over by whoever started this process, or an address of its own. */
export type ListenTarget = { readonly fd: number } | { readonly host: string; readonly port: number };

/** The targets of the proxy's listener and, when sockets were handed over by name, of those for admin and other regions. */
export interface InheritedSockets {
  readonly proxy: readonly number[];
  readonly admin: number | undefined;
  /** Where other regions' proxies call. */
  readonly peer: number | undefined;
}

/** First descriptor that systemd passes (sd_listen_fds). */
const SYSTEMD_FIRST_FD = 3;

/**
 * Sockets passed by Server::Starter (`SERVER_STARTER_PORT=host:port=fd;...`) or systemd (`LISTEN_FDS`, `LISTEN_PID`;
 * those named `admin` and `peer` in `LISTEN_FDNAMES` are of these listeners). Empty when there are none.
 *
 * @param pid the process that systemd started: this one, or the parent of a worker
 * @throws Error naming the variable when it cannot be read
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): InheritedSockets {
  const starter = env["SERVER_STARTER_PORT"];
  if (starter !== undefined && starter !== "")
    return { proxy: starter.split(";").map(starterFd), admin: undefined, peer: undefined };
  const count = env["LISTEN_FDS"];
  if (count === undefined || count === "" || env["LISTEN_PID"] !== String(pid))
    return { proxy: [], admin: undefined, peer: undefined };
  if (!/^\d{1,3}$/.test(count))
    throw new Error(`LISTEN_FDS: ${JSON.stringify(count)} is not a number of sockets`);
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  const fds = Array.from({ length: Number(count) }, (_, i) => SYSTEMD_FIRST_FD + i);
  const named = (name: string): number | undefined => fds.find((_, i) => names[i] === name);
  const [admin, peer] = [named("admin"), named("peer")];
  return { proxy: fds.filter((fd) => fd !== admin && fd !== peer), admin, peer };
}

function starterFd(entry: string): number {
  const match = /=(\d{1,5})$/.exec(entry);
  if (match === null)
    throw new Error(`SERVER_STARTER_PORT: ${JSON.stringify(entry)} is not [host:]port=descriptor`);
  return Number(match[1]);
}
