import { takeCommands } from "./control/operator-commands";
import { requireDirectory } from "./observation/access-log";
import { type Options } from "./options/options";
import { keepPidFile } from "./pid-file";
import { type Program } from "./program";
import { reloadOnHangup } from "./reload";
import { serve, serveAdmin } from "./serve";
import { Supervisor } from "./supervisor";
import { workerCount } from "./worker-count";

/** Serves with as many processes as the options say. */
export async function run<O extends Options>(program: Program<O>, options: O): Promise<void> {
  requireDirectory(options);
  if (options.pidFile !== "") keepPidFile(options.pidFile);
  const workers = workerCount(options.workers);
  if (workers === 1) {
    const serving = serve(program, options, process.pid, (service) => {
      reloadOnHangup(program, service);
      return takeCommands(program, service);
    });
    const admin = serveAdmin(program.metrics, options, {
      ready: async () => (await serving).ready,
      snapshot: async () => (await serving).snapshot(),
      upstreams: async () => (await serving).upstreams(),
    });
    await Promise.all([serving, admin]);
    return;
  }
  const supervisor = new Supervisor(program, options, workers);
  await takeCommands(program, supervisor);
  await serveAdmin(program.metrics, options, supervisor);
  supervisor.start();
}
