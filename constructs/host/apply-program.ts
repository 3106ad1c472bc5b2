import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SHARED = ["program", "document", "record", "files", "apt", "services"];

/** How the program that makes a host what a document says is called: over SSH again and again, or once at boot. */
export type Front = "over-ssh" | "first-boot";

const PARTS: Record<Front, readonly string[]> = {
  "over-ssh": [...SHARED, "own-packages", "over-ssh"],
  "first-boot": [...SHARED, "first-boot"],
};

/** The text of the bash program with that front. */
export const applyProgram = (front: Front): string =>
  PARTS[front].map((part) => readFileSync(join(__dirname, "apply", `${part}.sh`), "utf8")).join("");

let written: string | undefined;

/** Path of a file that holds the program for use over SSH. It is gone when this process ends. */
export function hostApply(): string {
  if (written === undefined) {
    // A name that somebody else could foresee would let them write what root runs.
    const directory = mkdtempSync(join(tmpdir(), "tricloud-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    written = join(directory, "host-apply.sh");
    writeFileSync(written, applyProgram("over-ssh"));
  }
  return written;
}
