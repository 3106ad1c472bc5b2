import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { held, type HeldOptions } from "../calculus/held";
import { percent } from "../calculus/percent";
import type { AvailabilityRun, ServiceAvailability } from "../collect/availability-run";

/** A file of OpenSLO v1 documents. */
export interface OpenSloFile {
  readonly name: string;
  readonly content: string;
}

const LONGEST_DESCRIPTION = 1050;
const LARGEST_TARGET = 1 - Number.EPSILON;

/**
 * One file for each service: an OpenSLO Service and its SLO over 30 days, as https://openslo.com/schemas/v1 wants
 * them. The objective is the service's target, or what it can promise where it has none. The indicator counts the
 * aggregation proxy's answers that are not its own or an origin's failure (5xx), told apart by `stack` and
 * `service` labels that the Prometheus that scrapes it gives.
 */
export function openSlo(run: AvailabilityRun, options: HeldOptions = {}): OpenSloFile[] {
  const all = run.stacks.flatMap(({ stack, services }) => services.map((service) => ({ stack, service })));
  const names = sloNames(all.map(({ stack, service }) => ({ stack, service: service.service })));
  return all.map(({ stack, service }, index) => file(names[index] as string, stack, service, options));
}

function file(name: string, stack: string, service: ServiceAvailability, options: HeldOptions): OpenSloFile {
  const labels = { stack: identifier(stack, LONGEST_NAME) };
  const objects = [
    {
      apiVersion: "openslo/v1",
      kind: "Service",
      metadata: { name, displayName: `${stack}/${service.service}`, labels },
      spec: { description: short(`Composition: ${service.composition}`) },
    },
    {
      apiVersion: "openslo/v1",
      kind: "SLO",
      metadata: {
        name: `${name}-availability`,
        displayName: `Availability of ${stack}/${service.service}`,
        labels,
      },
      spec: {
        description: short(basis(service)),
        service: name,
        indicator: {
          metadata: { name: `${name}-good-answers` },
          spec: {
            ratioMetric: {
              counter: true,
              good: answers(stack, service.service, ',status!~"5.."'),
              total: answers(stack, service.service, ""),
            },
          },
        },
        timeWindow: [{ duration: "30d", isRolling: true }],
        budgetingMethod: "Occurrences",
        objectives: [
          { displayName: "Good answers", target: Math.min(objective(service, options), LARGEST_TARGET) },
        ],
      },
    },
  ];
  return {
    name: `${name}.yaml`,
    content: objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join(""),
  };
}

/** The lower end where there is no exact result. */
const objective = ({ target, results }: ServiceAvailability, options: HeldOptions): number =>
  target?.atLeast ?? held(results, options).availability.lower;

function basis(service: ServiceAvailability): string {
  const computed =
    service.independent === null
      ? "could not be computed exactly"
      : `is ${percent(service.independent.availability, service.independent.unavailability)} if parts fail independently`;
  const from =
    service.target === null
      ? "The objective is what the composition can promise"
      : "The objective is the target";
  return `${from}; the composition's availability ${computed}.`;
}

const answers = (stack: string, service: string, condition: string) => ({
  metricSource: {
    type: "Prometheus",
    spec: {
      query: `sum(tricloud_proxy_requests_total{stack=${quoted(stack)},service=${quoted(service)}${condition}})`,
    },
  },
});

const quoted = (text: string): string => JSON.stringify(text);

const short = (text: string): string =>
  text.length <= LONGEST_DESCRIPTION ? text : `${text.slice(0, LONGEST_DESCRIPTION - 1)}…`;

/** The longest name of a thing in Kubernetes, and in OpenSLO what labels may hold. */
const LONGEST_NAME = 63;
const LONGEST_SUFFIX = "-good-answers".length;
const DIGITS_OF_HASH = 8;

/**
 * A name of its own for each service: lower-case letters, digits and hyphens, short enough for what is added to it.
 * Where letters get lost or two services come to one name, a hash of what it stands for tells it apart; names without
 * one stay as they are whatever other services there are.
 */
export function sloNames(
  services: readonly { readonly stack: string; readonly service: string }[],
): string[] {
  const longest = LONGEST_NAME - LONGEST_SUFFIX;
  const plain = services.map(({ stack, service }) => identifier(`${stack}-${service}`, Infinity));
  return services.map(({ stack, service }, index) => {
    const name = plain[index] as string;
    const kept = name === `${stack}-${service}`.toLowerCase() && name.length <= longest;
    if (kept && plain.filter((other) => other === name).length === 1) return name;
    const hash = createHash("sha256")
      .update(JSON.stringify([stack, service]))
      .digest("hex");
    const room = longest - DIGITS_OF_HASH - 1;
    return `${name.slice(0, room).replace(/-+$/, "")}-${hash.slice(0, DIGITS_OF_HASH)}`;
  });
}

/** Lower-case letters, digits, hyphens: what OpenSLO takes as a name and a file system as a file's. */
function identifier(text: string, longest: number): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  if (plain === "") throw new RangeError(`no OpenSLO name can be made of ${JSON.stringify(text)}`);
  return plain.slice(0, longest).replace(/-+$/, "");
}
