import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { until } from "./command";
import { identify, isAlive, type ProcessIdentity } from "./process-identity";

/**
 * Does `work` while no other process on this machine does work under the same lock file; waits for one that does.
 * A lock whose process has died counts for nothing.
 */
export async function exclusively<T>(lock: string, work: () => Promise<T>): Promise<T> {
  await until(`${lock} is free`, 900_000, async () => {
    try {
      writeFileSync(lock, JSON.stringify(identify(process.pid)), { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (!isHeld(lock)) rmSync(lock, { force: true });
    return undefined;
  });
  try {
    return await work();
  } finally {
    rmSync(lock);
  }
}

function isHeld(lock: string): boolean {
  let content: string;
  try {
    content = readFileSync(lock, "utf8");
  } catch {
    return false; // let go of meanwhile
  }
  // Between its creation and its content the file is empty for a moment.
  return content === "" || isAlive(JSON.parse(content) as ProcessIdentity);
}
