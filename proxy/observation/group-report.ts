/** What an operator is told of an origin. */
export type MemberState =
  "serving" | "returning" | "no address" | "check failing" | "circuit open" | "on trial" | "drained";

/** What an operator is told of one origin of a group. */
export interface MemberReport {
  readonly origin: string;
  readonly state: MemberState;
  /** When it came to be in that state, in ISO 8601. */
  readonly since: string;
  /** Why, where it is not serving. */
  readonly why: string;
  /** Requests under way. */
  readonly active: number;
  /** Requests that asked it first, that came to it from another origin, and that moved on from it. */
  readonly asked: number;
  readonly movedHere: number;
  readonly movedOn: number;
}

/** What an operator is told of all groups. */
export interface UpstreamsReport {
  /** Hash of the configuration; those of several workers that differ, one after the other. */
  readonly configuration: string;
  readonly groups: readonly GroupReport[];
}

/** What an operator is told of one group. */
export interface GroupReport {
  readonly group: string;
  /** Attempts that the retry budget did not allow. */
  readonly unaffordable: number;
  /** Requests that asked another origin too, since the first was slow, and those of them whose answer came from that one. */
  readonly hedges: number;
  readonly hedgesWon: number;
  /** Answers given in the origins' place. */
  readonly substitutes: number;
  /** Answers that the origins had given before. */
  readonly stale: number;
  readonly origins: readonly MemberReport[];
}
