/** What a script has come to. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Machines as Systems Manager knows them. */
export interface ManagedMachines {
  /** Undefined for one whose agent was never heard of. */
  state(id: string): "online" | "offline" | undefined;
  /** Runs a script as the agent does: as root, by `sh -c` of its file. */
  run(id: string, script: string): Promise<Ended>;
}

export interface Answer {
  readonly body?: unknown;
  readonly problem?: { readonly code: string; readonly status: number; readonly message: string };
}

export class SystemsManager {
  constructor(
    machines: ManagedMachines,
    unkindness?: {
      /** What counts as a second. @default 1000 */
      readonly secondMs?: number;
      /** Every so manieth call is sent away. @default 7 */
      readonly throttleEvery?: number;
    },
  );
  /** Values of parameters, by name. */
  readonly parameters: ReadonlyMap<string, string>;
  /** @param action without the service's name */
  answer(action: string, detail: Readonly<Record<string, unknown>>): Answer;
}
