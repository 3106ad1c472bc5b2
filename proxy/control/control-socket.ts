import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { type DrainCommand } from "../options/command-line";

/** What an operator may ask of a proxy on the same machine. */
export type ControlCommand = DrainCommand | { readonly run: "reload" };

export interface ControlAnswer {
  readonly done: boolean;
  readonly text: string;
  /** What was asked for takes a restart. */
  readonly restart?: boolean;
}

const SOCKET = "control.sock";
const MAX_COMMAND_BYTES = 4_096;

/** Listens on a socket that only this user may connect to: whoever can is allowed to. One command a connection. */
export function serveControl(
  directory: string,
  answer: (command: ControlCommand) => ControlAnswer | Promise<ControlAnswer>,
): Promise<Server> {
  const path = join(directory, SOCKET);
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => undefined).setTimeout(5_000, () => socket.destroy());
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.length > MAX_COMMAND_BYTES) socket.destroy();
      else if (text.endsWith("\n"))
        void answered(text, answer).then((said) => socket.end(`${JSON.stringify(said)}\n`));
    });
  });
  // One that was left by a process that is no more; the next start of this one takes it over.
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server.off("error", reject));
    });
  });
}

async function answered(
  text: string,
  answer: (command: ControlCommand) => ControlAnswer | Promise<ControlAnswer>,
): Promise<ControlAnswer> {
  try {
    return await answer(JSON.parse(text) as ControlCommand);
  } catch (error) {
    return { done: false, text: error instanceof Error ? error.message : String(error) };
  }
}

/** Sends a command to the proxy that runs with this state directory. @throws Error when none answers */
export function tell(directory: string, command: ControlCommand): Promise<ControlAnswer> {
  const path = join(directory, SOCKET);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    socket.setTimeout(5_000, () => socket.destroy(new Error(`${path}: no answer within 5 s`)));
    socket.on("error", reject).on("data", (bytes) => (text += bytes.toString()));
    socket.on("end", () => {
      if (text === "") reject(new Error(`${path}: no answer`));
      else resolve(JSON.parse(text) as ControlAnswer);
    });
    socket.write(`${JSON.stringify(command)}\n`);
  });
}
