import { readCommand } from "./options/command-line";
import { OptionError } from "./options/option-error";
import { type Options } from "./options/options";
import { configurationHash, needingRestart } from "./options/reloadable";
import { type Log } from "./observation/log";

/**
 * Reads the configuration again at each SIGHUP. One that is not valid, or needs a restart, is refused: the log says
 * why, and all stays as it is.
 *
 * @param current what is in force
 * @param apply puts another one in force
 */
export function reloadOnHangup(log: Log, current: () => Options, apply: (options: Options) => void): void {
  process.on("SIGHUP", () => {
    try {
      const command = readCommand(process.argv.slice(2));
      if (command.run !== "serve") return;
      const { options } = command;
      const fixed = needingRestart(current(), options);
      if (fixed.length > 0) throw new OptionError(`a restart is needed to change ${fixed.join(", ")}`, false);
      apply(options);
      log.event("info", "configuration reloaded", { configuration: configurationHash(options) });
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      log.event("error", "configuration refused", { problem: error.message });
    }
  });
}
