import { readFileSync, rmSync, writeFileSync } from "node:fs";

/** Writes this process's id, and removes the file at exit unless a successor has written its own by then. */
export function keepPidFile(path: string): void {
  const text = `${process.pid}\n`;
  writeFileSync(path, text);
  process.on("exit", () => {
    try {
      if (readFileSync(path, "utf8") === text) rmSync(path);
    } catch {
      // Somebody else removed it: nothing is left to do.
    }
  });
}
