import { type Server } from "node:net";

/** Turns of the event loop without a connection after which nobody is taken to wait any more. */
const QUIET_TURNS = 2;
/** Milliseconds after which a port closes though connections still come. */
const AT_MOST_MS = 1_000;

/**
 * Closes servers once the kernel holds no connections for them: those it still holds are reset, and a process that was
 * held up finds many, of which Node may take one in a turn.
 *
 * @param done called when they are closed
 */
export function closeAfterLastLook(servers: readonly Server[], done: () => void): void {
  const giveUp = performance.now() + AT_MOST_MS;
  let quiet = 0;
  const came = (): void => void (quiet = 0);
  for (const server of servers) server.on("connection", came);
  const look = (): void => {
    quiet += 1;
    if (quiet <= QUIET_TURNS && performance.now() < giveUp) {
      setImmediate(look);
      return;
    }
    for (const server of servers) server.off("connection", came).close();
    done();
  };
  setImmediate(look);
}
