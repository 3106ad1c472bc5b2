import { stringify } from "yaml";
import { held, type HeldOptions } from "../calculus/held";
import { percent } from "../calculus/percent";
import type { AvailabilityRun, ServiceAvailability } from "../collect/availability-run";
import { sloNames } from "./openslo";

/** A file of Prometheus rules. */
export interface RuleFile {
  readonly name: string;
  readonly content: string;
}

/**
 * How fast the error budget of 30 days goes, over which two windows, and how much of it that costs: those of Google's
 * Site Reliability Workbook, chapter 5. The short window ends the alert soon after the errors end.
 */
const BURN_RATES = [
  { rate: 14.4, long: "1h", short: "5m", severity: "page", spent: "2 % of the error budget in an hour" },
  { rate: 6, long: "6h", short: "30m", severity: "page", spent: "5 % of the error budget in six hours" },
  { rate: 1, long: "3d", short: "6h", severity: "ticket", spent: "10 % of the error budget in three days" },
] as const;

const WINDOWS = [...new Set(BURN_RATES.flatMap(({ long, short }) => [short, long]))];
const RATIO = "tricloud:request_errors:ratio_rate";

/**
 * One file of rules for each service: the share of failed requests over each window, and alerts when the error budget
 * that its target leaves (or what it can promise, without one) is spent too fast in a long and a short window at once.
 * Rates at which more than all requests would have to fail are left out.
 */
export function burnRateAlerts(run: AvailabilityRun, options: HeldOptions = {}): RuleFile[] {
  const all = run.stacks.flatMap(({ stack, services }) => services.map((service) => ({ stack, service })));
  const names = sloNames(all.map(({ stack, service }) => ({ stack, service: service.service })));
  return all.map(({ stack, service }, at) => ({
    name: `${names[at]}.rules.yaml`,
    content: stringify({ groups: [group(names[at] as string, stack, service, options)] }, { lineWidth: 0 }),
  }));
}

function group(name: string, stack: string, service: ServiceAvailability, options: HeldOptions) {
  const atLeast = service.target?.atLeast ?? held(service.results, options).availability.lower;
  const budget = Number((1 - atLeast).toPrecision(12));
  const labels = { stack, service: service.service };
  const selector = `stack=${JSON.stringify(stack)},service=${JSON.stringify(service.service)}`;
  const ratio = (window: string): string => `${RATIO}${window}{${selector}}`;
  const requests = (condition: string, window: string): string =>
    `sum(rate(tricloud_proxy_requests_total{${selector}${condition}}[${window}]))`;
  return {
    name: `tricloud-${name}`,
    rules: [
      ...WINDOWS.map((window) => ({
        record: `${RATIO}${window}`,
        // Without a failure there is no series of failures, and nothing over something is nothing.
        expr: `(${requests(',status=~"5.."', window)} or vector(0)) / (${requests("", window)} > 0)`,
        labels,
      })),
      ...BURN_RATES.filter(({ rate }) => rate * budget < 1).map(({ rate, long, short, severity, spent }) => {
        const limit = Number((rate * budget).toPrecision(12));
        return {
          alert: "TricloudErrorBudgetBurn",
          expr: `${ratio(long)} > ${limit} and ${ratio(short)} > ${limit}`,
          labels: { ...labels, severity, burn_rate: String(rate) },
          annotations: {
            summary: `${stack}/${service.service} fails its callers ${rate} times as fast as its budget lasts`,
            description:
              `{{ $value | humanizePercentage }} of the requests failed over ${long}, and more than ${percent(limit)} ` +
              `over ${short} too: at least ${spent}. The budget is that of ${percent(atLeast)} in 30 days.`,
          },
        };
      }),
    ],
  };
}
