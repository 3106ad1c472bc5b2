import { readFileSync } from "node:fs";
import { type AvailabilityRun, SCHEMA } from "../collect/availability-run";

/**
 * Reads a saved run.
 *
 * @throws Error naming the file, what it holds and what was expected
 */
export function readRun(file: string): AvailabilityRun {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(
      `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}; run synth first`,
      {
        cause: error,
      },
    );
  }
  let run: Partial<AvailabilityRun> | null;
  try {
    run = JSON.parse(text) as Partial<AvailabilityRun> | null;
  } catch (error) {
    throw new Error(`${file}: expected JSON: ${(error as Error).message}`, { cause: error });
  }
  if (run?.schema !== SCHEMA || !Array.isArray(run.stacks)) {
    throw new Error(
      `${file}: expected an availability run (schema "${SCHEMA}"), got schema ${JSON.stringify(run?.schema)}`,
    );
  }
  return run as AvailabilityRun;
}
