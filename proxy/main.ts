import cluster from "node:cluster";
import { tell } from "./control/control-socket";
import { takeCommands } from "./control/operator-commands";
import { type Command, readCommand } from "./options/command-line";
import { OptionError } from "./options/option-error";
import { requireDirectory } from "./observation/access-log";
import { type Options } from "./options/options";
import { keepPidFile } from "./pid-file";
import { reloadOnHangup } from "./reload";
import { serve, serveAdmin } from "./serve";
import { Supervisor } from "./supervisor";
import { work } from "./worker";
import { usage } from "./options/usage";
import { VERSION } from "./version";

async function run(options: Options): Promise<void> {
  requireDirectory(options);
  if (options.pidFile !== "") keepPidFile(options.pidFile);
  if (options.workers === 1) {
    const serving = serve(options, process.pid, (service) => {
      reloadOnHangup(service);
      return takeCommands(service);
    });
    const admin = serveAdmin(options, {
      ready: async () => (await serving).ready,
      snapshot: async () => (await serving).snapshot(),
      upstreams: async () => (await serving).upstreams(),
    });
    await Promise.all([serving, admin]);
    return;
  }
  const supervisor = new Supervisor(options);
  await takeCommands(supervisor);
  await serveAdmin(options, supervisor);
  supervisor.start();
}

function command(): Command {
  try {
    return readCommand(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stderr.write(`tricloud-proxy: ${error.message}\n${error.usage ? `\n${usage()}` : ""}`);
    process.exit(1);
  }
}

/** Exit code of `reload` where nothing but a restart brings what the file says: the apply program knows it too. */
const RESTART_NEEDED = 100;

function fail(error: unknown): void {
  process.stderr.write(`tricloud-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

// What a worker runs with is its supervisor's business: the file may have changed since.
const asked: Command | { run: "work" } = cluster.isWorker ? { run: "work" } : command();
switch (asked.run) {
  case "work":
    work().catch(fail);
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
    tell(asked.options.stateDir, { run: "reload" }).then(
      ({ done, text, restart }) => {
        (done ? process.stdout : process.stderr).write(`tricloud-proxy: ${text}\n`);
        if (!done) process.exitCode = restart === true ? RESTART_NEEDED : 1;
      },
      (error: Error) => {
        process.stderr.write(`tricloud-proxy: ${error.message}\n`);
        process.exitCode = RESTART_NEEDED;
      },
    );
    break;
  case "serve":
    run(asked.options).catch(fail);
}
