import { OptionError, RestartNeeded } from "./options/option-error";
import { type Options } from "./options/options";
import { configurationHash, needingRestart } from "./options/reloadable";
import { type Program } from "./program";
import { type Log } from "./observation/log";

/** What runs by a configuration: one process, or a supervisor's workers together. */
export interface Configured<O extends Options = Options> {
  readonly log: Log;
  /** What is in force. */
  readonly options: O;
  /** Puts another configuration in force. */
  reload(options: O): void | Promise<void>;
}

/**
 * Reads the configuration again, and puts it in force.
 *
 * @returns its hash
 * @throws OptionError where it is not valid, or needs a restart: then all stays as it is, and the log says why
 */
export async function readAgain<O extends Options>(
  program: Program<O>,
  configured: Configured<O>,
): Promise<string> {
  const { log } = configured;
  try {
    const options = program.read();
    const fixed = needingRestart(configured.options, options);
    if (fixed.length > 0) throw new RestartNeeded(`a restart is needed to change ${fixed.join(", ")}`, false);
    await configured.reload(options);
    const hash = configurationHash(options);
    log.event("info", "configuration reloaded", { configuration: hash });
    return hash;
  } catch (error) {
    if (error instanceof OptionError) log.event("error", "configuration refused", { problem: error.message });
    throw error;
  }
}

/** Reads the configuration again at each SIGHUP. */
export function reloadOnHangup<O extends Options>(program: Program<O>, configured: Configured<O>): void {
  process.on("SIGHUP", () => {
    readAgain(program, configured).catch((error: unknown) => {
      if (!(error instanceof OptionError)) throw error;
    });
  });
}
