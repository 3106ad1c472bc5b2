import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { coresOfQuotas, workerCount } from "../../proxy/worker-count";
import { askHttp1, GROUP, origin, says } from "./groups/group-lab";
import { NODE } from "./node-program";
import { becomes, bundle, freePort, type RunningProxy, scratch, startProgram } from "./proxy-process";

jest.setTimeout(60_000);

test.each([
  [1, 1, 1],
  [2, 2, 1],
  [8, 8, 7],
])("GIVEN %i cores THEN auto is %i workers and spare %i, and a number is itself", (cores, all, spared) => {
  expect((["auto", "spare", 3] as const).map((workers) => workerCount(workers, () => cores))).toEqual([
    all,
    spared,
    3,
  ]);
});

test.each<[what: string, files: Record<string, string>, cores: number]>([
  ["no control groups", {}, Infinity],
  ["no quota", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "max 100000\n" }, Infinity],
  ["three cores", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "300000 100000\n" }, 3],
  ["two and a half", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "250000 100000\n" }, 2],
  ["half a core", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "50000 100000\n" }, 1],
  [
    "less for the slice than for the unit",
    {
      "/proc/self/cgroup": "1:name=systemd:/x\n0::/a.slice/b.service\n",
      "/sys/fs/cgroup/a.slice/cpu.max": "200000 100000\n",
      "/sys/fs/cgroup/a.slice/b.service/cpu.max": "400000 100000\n",
    },
    2,
  ],
  ["a container's own", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" }, 4],
  [
    "a process that is outside of what it sees",
    { "/proc/self/cgroup": "0::/../x\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" },
    4,
  ],
])("GIVEN control groups with %s THEN it is so many cores", (_, files, cores) => {
  expect(coresOfQuotas((path) => files[path])).toBe(cores);
});

const directory = scratch();
const file = bundle(directory);

/** Runs a proxy with so many workers on these cores, or on all. */
async function started(workers: string, cores: string | undefined, url: string): Promise<RunningProxy> {
  const [port, adminPort] = [freePort(), freePort()];
  const path = join(directory, `${port}.json`);
  const config = {
    ...{ listen: "127.0.0.1", port, adminListen: `127.0.0.1:${adminPort}`, workers },
    ...{ allowAddress: ["127.0.0.0/8"], accessLogDir: "none", groups: { [GROUP]: [url] } },
  };
  writeFileSync(path, JSON.stringify(config));
  const command = cores === undefined ? ([NODE] as const) : (["taskset", "-c", cores, NODE] as const);
  return startProgram(file, ["--config", path], { port, adminPort }, {}, command);
}

/** Processes whose parent the proxy is. */
function childrenOf({ child }: RunningProxy): number {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // After the command's name in brackets: state, then the parent.
        return [Number(/^.*\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1])];
      } catch {
        return [];
      }
    });
  return parents.filter((parent) => parent === child.pid).length;
}

/** Besides the one that serves alone, or that keeps the others. */
const workersFor = (count: number): number => (count === 1 ? 0 : count);

test.each([
  ["auto", undefined, workersFor(availableParallelism())],
  ["spare", undefined, workersFor(Math.max(1, availableParallelism() - 1))],
  ["auto", "0", 0],
  ["spare", "0", 0],
])(
  "GIVEN workers %s on cores %s THEN that many processes serve (%i of one that keeps them)",
  async (workers, cores, expected) => {
    const answering = await origin(says("here"));
    const proxy = await started(workers, cores, answering.url);
    await becomes(() => childrenOf(proxy), expected);
    // AND they serve
    expect((await askHttp1(proxy)).body).toBe("here");
    expect(await proxy.stop()).toBe(0);
  },
);
