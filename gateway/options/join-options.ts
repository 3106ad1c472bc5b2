import { type PathPattern } from "../routes/path-pattern";

/** One member of a joined answer: what a service answers. */
export interface JoinPart {
  /** Of the member. */
  readonly name: string;
  readonly service: string;
  /** What the service is asked for, with variables of the route's path; undefined for what the client asks for. */
  readonly path: PathPattern | undefined;
  /** The answer can do without it. */
  readonly soft: boolean;
  /** Seconds, of the route's; 0 for all of these. */
  readonly timeout: number;
  /** Of its answer's body at most. */
  readonly maxBytes: number;
}
