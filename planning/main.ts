#!/usr/bin/env node
import pc from "picocolors";
import { HELP, readCommandLine } from "./command-line";
import { run } from "./run";

/** Exit code for wrong usage and for anything that keeps planning from starting. */
const CANNOT_PLAN = 2;

async function main(): Promise<number> {
  const commandLine = readCommandLine(process.argv.slice(2));
  if (commandLine.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return run(commandLine, {
    print: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${text}\n`),
    colour: process.stdout.isTTY === true && pc.isColorSupported,
  });
}

// An interrupted run still ends what it started and removes what it made, on exit.
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(128 + 13);
});

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = CANNOT_PLAN;
  },
);
