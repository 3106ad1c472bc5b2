import cluster from "node:cluster";
import { tell } from "./control/control-socket";
import { tellToReload } from "./control/reload-command";
import { type Command, readCommand } from "./options/command-line";
import { OptionError } from "./options/option-error";
import { AGGREGATION_PROXY } from "./aggregation-proxy";
import { run } from "./run";
import { work } from "./worker";
import { usage } from "./options/usage";
import { VERSION } from "./version";

function command(): Command {
  try {
    return readCommand(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stderr.write(`tricloud-proxy: ${error.message}\n${error.usage ? `\n${usage()}` : ""}`);
    process.exit(1);
  }
}

function fail(error: unknown): void {
  process.stderr.write(`tricloud-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

// What a worker runs with is its supervisor's business: the file may have changed since.
const asked: Command | { run: "work" } = cluster.isWorker ? { run: "work" } : command();
switch (asked.run) {
  case "work":
    work(AGGREGATION_PROXY).catch(fail);
    break;
  case "help":
    process.stdout.write(usage());
    break;
  case "version":
    process.stdout.write(`tricloud-proxy ${VERSION}\nNode ${process.version}\n`);
    break;
  case "check":
    process.stdout.write("configuration is valid\n");
    break;
  case "drain":
  case "undrain":
    tell(asked.options.stateDir, { run: asked.run, origin: asked.origin })
      .then(({ done, text }) => {
        if (!done) throw new Error(text);
        process.stdout.write(`${text}\n`);
      })
      .catch(fail);
    break;
  case "reload":
    void tellToReload("tricloud-proxy", asked.options.stateDir);
    break;
  case "serve":
    run(AGGREGATION_PROXY, asked.options).catch(fail);
}
