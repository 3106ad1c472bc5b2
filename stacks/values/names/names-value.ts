import { z } from "zod";
import { once } from "../public-hosts";
import { awsRegion, hostName } from "../regions/ec2-region";
import { availability, backend, dnsLabel, type StateBackendValue } from "../regions/region";
import { problemsOf, type ValueProblem } from "../regions/region-errors";

/** Public names that services have in common over regions, as they are written down: the stack `names`. */
export interface NamesInput {
  /** Public zones in Route 53, delegated already, whose names of services are kept here. */
  readonly zones: readonly string[];
  /**
   * By region: the AWS region whose latency counts as its own when clients are led to the nearest region.
   * @default - on EC2 the region's own; each other region that services show must say one
   */
  readonly nearest?: Readonly<Record<string, string>>;
  /** Where the stack keeps its state. @default { type: "local" } */
  readonly backend?: z.input<typeof backend>;
  /** Tags of all that can have them. @default {} */
  readonly tags?: Readonly<Record<string, string>>;
  /** Who is told by mail when a region cannot be reached; each must confirm once. @default - a topic without subscribers */
  readonly pagerEmails?: readonly string[];
  /**
   * What each must be able to promise to a user of the world, by host, or by host and path where a service has one:
   * `www.example.com`, `www.example.com/api`.
   * @default { targets: {} }
   */
  readonly availability?: z.input<typeof availability>;
}

/** The same, validated and with defaults filled in. */
export interface NamesValue {
  readonly zones: readonly string[];
  readonly nearest: Readonly<Record<string, string>>;
  readonly backend: StateBackendValue;
  readonly tags: Readonly<Record<string, string>>;
  readonly pagerEmails: readonly string[];
  readonly availability: z.output<typeof availability>;
}

const schema = z.strictObject({
  zones: z.array(hostName).min(1, { error: "expected one zone at least" }).superRefine(once("each zone")),
  nearest: z.record(dnsLabel, awsRegion).default({}),
  backend: backend.default({ type: "local" }),
  tags: z.record(z.string(), z.string()).default({}),
  pagerEmails: z.array(z.email({ error: "expected an e-mail address" })).default([]),
  availability: availability.default({ targets: {} }),
});

/** Checks a value by itself: what comes of it, or all that is wrong with it. */
export function readNames(value: unknown): NamesValue | readonly ValueProblem[] {
  const result = schema.safeParse(value);
  return result.success ? result.data : problemsOf(value, result.error);
}
