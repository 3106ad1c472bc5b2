import { type Options } from "../options/options";
import { type Program } from "../program";
import { OptionError, RestartNeeded } from "../options/option-error";
import { type UpstreamsReport } from "../observation/group-report";
import { type Configured, readAgain } from "../reload";
import { originKey } from "../route";
import { type DrainCommand } from "../options/command-line";
import { type ControlAnswer, serveControl } from "./control-socket";
import { DrainedOrigins } from "./drained-origins";

/** Whom an operator's commands are for: one process, or a supervisor's workers together. */
export interface Commanded<O extends Options = Options> extends Configured<O> {
  /** From now on these origins are asked nothing. */
  takeOut(origins: readonly string[]): void;
  upstreams(): UpstreamsReport | Promise<UpstreamsReport>;
}

/** Takes out what was drained before, and does what operators ask for. Without `stateDir` there is nothing to do. */
export async function takeCommands<O extends Options>(
  program: Program<O>,
  commanded: Commanded<O>,
): Promise<void> {
  const { log, options } = commanded;
  const { stateDir, drainedDir } = options;
  if (stateDir === "") return;
  const drained = new DrainedOrigins(stateDir, log, drainedDir);
  commanded.takeOut(drained.all);
  await serveControl(stateDir, (command) =>
    command.run === "reload" ? obeyReload(program, commanded) : obey(command, commanded, drained),
  );
}

/** Ends when all workers run with what the file says. */
async function obeyReload<O extends Options>(
  program: Program<O>,
  commanded: Commanded<O>,
): Promise<ControlAnswer> {
  try {
    const hash = await readAgain(program, commanded);
    const { configuration } = await commanded.upstreams();
    return configuration === hash
      ? { done: true, text: `runs with configuration ${hash}` }
      : {
          done: false,
          text: `expected all workers to run with configuration ${hash}, got: ${configuration}`,
        };
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    return { done: false, text: error.message, restart: error instanceof RestartNeeded };
  }
}

function obey<O extends Options>(
  { run, origin }: DrainCommand,
  commanded: Commanded<O>,
  drained: DrainedOrigins,
): ControlAnswer {
  const known = new Set(commanded.options.groups.flatMap(({ origins }) => origins.map(originKey)));
  if (!known.has(origin) && !(run === "undrain" && drained.all.includes(origin)))
    return { done: false, text: `no group has ${origin}; there are: ${[...known].join(", ") || "none"}` };
  drained.set(origin, run === "drain");
  commanded.takeOut(drained.all);
  commanded.log.event("info", `${run} by an operator`, { origin });
  return { done: true, text: `${origin} is ${run === "drain" ? "drained" : "back in its groups"}` };
}
