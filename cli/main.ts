#!/usr/bin/env node
import { assessStacks } from "./assessment";
import { COMMANDS } from "./commands";

const WIDTH = Math.max(...COMMANDS.map(({ name }) => name.length));

const USAGE = `usage: tricloud COMMAND [ARGUMENTS]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(WIDTH)}  ${summary}\n`).join("")}
tricloud COMMAND --help tells more.
TRICLOUD_REGIONS names another directory of regions.
`;

/** Exit code for wrong usage and for anything that keeps a command from starting. */
const WRONG_USAGE = 2;

const asksForHelp = (args: readonly string[]): boolean =>
  args.some((arg) => arg === "--help" || arg === "-h");

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    process.stdout.write(USAGE);
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    process.stderr.write(
      name === undefined ? USAGE : `tricloud: no command ${JSON.stringify(name)}\n\n${USAGE}`,
    );
    return WRONG_USAGE;
  }
  try {
    if (command.needsAssessment === true && !asksForHelp(args) && !assessStacks()) return 1;
    return await command.run(args);
  } catch (error) {
    process.stderr.write(`${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return WRONG_USAGE;
  }
}

// An interrupted command still ends what it started and removes what it made, on exit.
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

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
