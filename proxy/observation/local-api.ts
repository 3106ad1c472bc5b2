import { cpus } from "node:os";
import { httpStats, type TimesSample } from "./response-times";

/** What `/.api/stats` says of the process (with several workers, the one that answers); names as in chocon's where the same thing exists. Memory in bytes. */
export function processStats(): Record<string, unknown> {
  const memory = process.memoryUsage();
  return {
    time: Date.now() * 1e6,
    node_version: process.version,
    os: process.platform,
    arch: process.arch,
    cpu_num: cpus().length,
    pid: process.pid,
    uptime: process.uptime(),
    memory_sys: memory.rss,
    heap_alloc: memory.heapUsed,
    heap_sys: memory.heapTotal,
    memory_external: memory.external,
    cpu_user: process.cpuUsage().user / 1e6,
    cpu_system: process.cpuUsage().system / 1e6,
  };
}

/** The JSON for a path that the proxy answers itself, or undefined when the path is none of these. */
export function localAnswer(
  path: string,
  allTimes: () => Promise<readonly TimesSample[]>,
): Promise<string> | undefined {
  switch (path.split("?", 1)[0]) {
    case "/.api/stats":
      return Promise.resolve(JSON.stringify(processStats()));
    case "/.api/http-stats":
      return allTimes().then((samples) => JSON.stringify(httpStats(samples)));
    default:
      return undefined;
  }
}
