import cluster from "node:cluster";
import { type Command, readCommand } from "./options/command-line";
import { OptionError } from "./options/option-error";
import { requireDirectory } from "./observation/access-log";
import { type Options } from "./options/options";
import { keepPidFile } from "./pid-file";
import { serve, serveAdmin } from "./serve";
import { reportFor, Supervisor } from "./supervisor";
import { usage } from "./options/usage";
import { VERSION } from "./version";

async function run(options: Options): Promise<void> {
  if (cluster.isWorker) {
    reportFor(await serve(options, process.ppid));
    return;
  }
  requireDirectory(options);
  if (options.pidFile !== "") keepPidFile(options.pidFile);
  if (options.workers === 1) {
    const serving = serve(options, process.pid);
    const admin = serveAdmin(options, {
      ready: async () => (await serving).ready,
      snapshot: async () => (await serving).snapshot(),
      upstreams: async () => (await serving).upstreams(),
    });
    await Promise.all([serving, admin]);
    return;
  }
  const supervisor = new Supervisor(options);
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

const asked = command();
switch (asked.run) {
  case "help":
    process.stdout.write(usage());
    break;
  case "version":
    process.stdout.write(`tricloud-proxy ${VERSION}\nNode ${process.version}\n`);
    break;
  case "check":
    process.stdout.write("configuration is valid\n");
    break;
  case "serve":
    run(asked.options).catch((error: unknown) => {
      process.stderr.write(`tricloud-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    });
}
