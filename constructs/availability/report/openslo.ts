import { stringify } from "yaml";
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
export function openSlo(run: AvailabilityRun): OpenSloFile[] {
  return run.stacks.flatMap(({ stack, services }) => services.map((service) => file(stack, service)));
}

function file(stack: string, service: ServiceAvailability): OpenSloFile {
  const name = identifier(`${stack}-${service.service}`);
  const labels = { stack: identifier(stack) };
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
        objectives: [{ displayName: "Good answers", target: Math.min(objective(service), LARGEST_TARGET) }],
      },
    },
  ];
  return {
    name: `${name}.yaml`,
    content: objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join(""),
  };
}

/** The lower end where there is no exact result. */
const objective = ({ target, independent, tooLarge, bounds }: ServiceAvailability): number =>
  target?.atLeast ?? independent?.availability ?? tooLarge?.independent.lower ?? bounds.lower;

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

/** Lower-case letters, digits, hyphens: what OpenSLO takes as a name and a file system as a file's. */
function identifier(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  if (plain === "") throw new RangeError(`no OpenSLO name can be made of ${JSON.stringify(text)}`);
  return plain.slice(0, 200);
}
