import { type Server } from "node:net";
import { adminServer, type Observed } from "./observation/admin";
import { readAddressAndPort } from "./options/endpoint-values";
import { type MetricFamilies } from "./observation/metrics";
import { type Log } from "./observation/log";
import { inheritedSockets, type ListenTarget } from "./listen-sockets";
import { type Options } from "./options/options";
import { rehearse } from "./rehearsal";
import { type Program } from "./program";
import { type Service } from "./service";
import { type Fellows } from "./together/fellows";
import { VERSION } from "./version";

/** Connections the kernel holds until they are accepted; it caps the number by net.core.somaxconn. */
const BACKLOG = 4096;

/** @param onLost what else is to happen when a connection could not be accepted, for want of descriptors for example */
export function listen(
  server: Server,
  target: ListenTarget,
  onLost: (error: Error) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...target, backlog: BACKLOG }, () => {
      server.off("error", reject).on("error", onLost);
      resolve();
    });
  });
}

/** Starts the admin listener, when one is configured or was handed over. */
export async function serveAdmin(
  families: MetricFamilies,
  options: Options,
  observed: Observed,
): Promise<Server | undefined> {
  const { admin } = inheritedSockets(process.env, process.pid);
  if (admin === undefined && options.adminListen === "") return undefined;
  const server = adminServer(families, observed);
  await listen(server, admin === undefined ? readAddressAndPort(options.adminListen)! : { fd: admin });
  return server;
}

/**
 * Serves clients until SIGTERM, then lets requests end.
 *
 * @param starter the process id that sockets were handed over to: this one's, or a worker's parent's
 * @param onMade called with the service before it listens
 * @param fellows the processes that serve together with this one
 * @returns the service, listening. When it has drained, the process exits with 0, or 1 when the time was up.
 */
export async function serve<O extends Options>(
  program: Program<O>,
  options: O,
  starter: number,
  onMade: (service: Service<O>) => void | Promise<void>,
  fellows?: Fellows,
): Promise<Service<O>> {
  const service = program.make(options, undefined, undefined, fellows);
  await onMade(service);
  // Before anybody is told that it listens: until then a signal ends the process.
  let terminating = false;
  const terminate = (): void => {
    if (terminating) return;
    terminating = true;
    service.log.event("info", "draining", { pid: process.pid });
    service.draining = true;
    setTimeout(() => {
      service.log.event("warn", "shutdown time-out: requests were cut off", { pid: process.pid });
      process.exit(1);
    }, options.shutdownTimeout * 1000).unref();
    setTimeout(() => service.drain(() => process.exit(0)), options.drainDelay * 1000);
  };
  process.on("SIGTERM", terminate).on("SIGINT", terminate);
  ignoreSignal("SIGUSR2", service.log);
  await rehearse(program, options).catch((error: Error) => {
    service.log.event("warn", "no rehearsal: the first requests will be slower", { problem: error.message });
  });
  const { proxy, peer } = inheritedSockets(process.env, starter);
  const { listen: host, port, tlsPort } = options;
  const targets: (readonly [Server, ListenTarget])[] =
    proxy.length > 0
      ? proxy.map((fd) => [service.listener(), { fd }] as const)
      : [[service.listener(), { host, port }]];
  if (tlsPort > 0) targets.push([service.tlsListener(), { host, port: tlsPort }]);
  if (options.peerListen !== "")
    targets.push([
      service.peerListener(),
      peer === undefined ? readAddressAndPort(options.peerListen)! : { fd: peer },
    ]);
  else if (peer !== undefined)
    service.log.event("warn", "socket named peer is not served", { problem: "peerListen is not set" });
  for (const [server, target] of targets) {
    await listen(server, target, ({ message }) =>
      service.log.event("error", "connection not accepted", { problem: message }),
    );
    service.log.event("info", "listening", { address: server.address(), version: VERSION, pid: process.pid });
  }
  return service;
}

/** A signal that other servers restart at would end the process; here it means nothing, and the log says so. */
export function ignoreSignal(signal: NodeJS.Signals, log: Log): void {
  process.on(signal, () => log.event("warn", "signal without a meaning here", { signal }));
}
