import { tell } from "./control-socket";

/** Exit code where nothing but a restart brings what the file says: the apply program knows it too. */
const RESTART_NEEDED = 100;

/**
 * Has the program that runs with this state directory read its file again, and ends when it serves by it; the exit code
 * says whether it does. One that cannot be asked needs a restart.
 *
 * @param program whose name lines begin with
 */
export async function tellToReload(program: string, stateDir: string): Promise<void> {
  try {
    const { done, text, restart } = await tell(stateDir, { run: "reload" });
    (done ? process.stdout : process.stderr).write(`${program}: ${text}\n`);
    if (!done) process.exitCode = restart === true ? RESTART_NEEDED : 1;
  } catch (error) {
    process.stderr.write(`${program}: ${(error as Error).message}\n`);
    process.exitCode = RESTART_NEEDED;
  }
}
