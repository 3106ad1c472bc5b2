import { spawn } from "node:child_process";
import { type LoadOrder, type LoadResult } from "./http-load";
import { type Contender } from "./proxy-contenders";

export interface Measured {
  /** Microseconds of the contender's CPU time per request. */
  readonly cpu: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  /** What the first of these was. */
  readonly firstError: string | undefined;
}

/** Loads a contender from the other core. The bench that calls it runs `runLoad` when it is started with `load`. */
export function load(order: LoadOrder, contender: Pick<Contender, "cpuSeconds">): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "taskset",
      ["-c", "1", process.execPath, process.argv[1]!, "load", JSON.stringify(order)],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let text = "";
    let before = NaN;
    let after = NaN;
    child.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      if (Number.isNaN(before) && text.startsWith("begin")) before = contender.cpuSeconds();
      if (Number.isNaN(after) && text.includes("end\n")) after = contender.cpuSeconds();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code !== 0) return reject(new Error(`load on port ${order.port} failed (${code})`));
      const { requests, errors, firstError, seconds, p50, p99 } = JSON.parse(
        text.trim().split("\n").at(-1)!,
      ) as LoadResult;
      resolve({
        cpu: ((after - before) / requests) * 1e6,
        rate: requests / seconds,
        p50,
        p99,
        errors,
        firstError,
      });
    });
  });
}

export function medianBy<T>(values: readonly T[], of: (value: T) => number): T {
  return [...values].sort((a, b) => of(a) - of(b))[Math.floor(values.length / 2)]!;
}
