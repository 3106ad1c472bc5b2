import { type Log } from "../observation/log";
import { type Options } from "../options/options";
import { originKey } from "../route";
import { type ControlAnswer, type ControlCommand, serveControl } from "./control-socket";
import { DrainedOrigins } from "./drained-origins";

/** Whom an operator's commands are for: one process, or a supervisor's workers together. */
export interface Commanded {
  readonly log: Log;
  readonly options: Options;
  /** From now on these origins are asked nothing. */
  takeOut(origins: readonly string[]): void;
}

/** Takes out what was drained before, and does what operators ask for. Without `stateDir` there is nothing to do. */
export async function takeCommands(commanded: Commanded): Promise<void> {
  const { log, options } = commanded;
  const { stateDir } = options;
  if (stateDir === "") return;
  const drained = new DrainedOrigins(stateDir, log);
  commanded.takeOut(drained.all);
  await serveControl(stateDir, (command) => obey(command, commanded, drained));
}

function obey({ run, origin }: ControlCommand, commanded: Commanded, drained: DrainedOrigins): ControlAnswer {
  const known = new Set(commanded.options.groups.flatMap(({ origins }) => origins.map(originKey)));
  if (!known.has(origin) && !(run === "undrain" && drained.all.includes(origin)))
    return { done: false, text: `no group has ${origin}; there are: ${[...known].join(", ") || "none"}` };
  drained.set(origin, run === "drain");
  commanded.takeOut(drained.all);
  commanded.log.event("info", `${run} by an operator`, { origin });
  return { done: true, text: `${origin} is ${run === "drain" ? "drained" : "back in its groups"}` };
}
