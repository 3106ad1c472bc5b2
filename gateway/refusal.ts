import { type Failure } from "../proxy/engine";

/** Why a request is not let through. A class, since what else a check may answer with was written by others. */
export class Refusal implements Failure {
  /**
   * @param reason one word, for metrics
   * @param problem for the log
   * @param lines field lines that tell the client what to do
   */
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly problem: string,
    readonly lines = "",
  ) {}

  /** Below 500 it is the client whom something is asked of. */
  get refused(): boolean {
    return this.status < 500;
  }
}
