import pc from "picocolors";
import { HELP, readCommandLine } from "../planning/command-line";
import { run } from "../planning/run";

/** @returns the exit code, as the help says */
export async function main(args: readonly string[]): Promise<number> {
  const commandLine = readCommandLine(args);
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
