/** How many hosts of a service may change at once: a whole number of them, or a share such as "25%". */
export type MaxUnavailable = number | `${number}%`;

/** What holds for a service that asks for nothing: below eight hosts it is one at a time. */
export const DEFAULT_MAX_UNAVAILABLE: MaxUnavailable = "25%";

/**
 * That many hosts of `count`. A share is rounded down, but is one host at least: with none nothing could ever change.
 *
 * @throws Error naming the service and the value when it is malformed or would leave none of several hosts at work.
 */
export function unavailableHosts(service: string, value: MaxUnavailable, count: number): number {
  const refuse = (expected: string): never => {
    throw new Error(
      `maxUnavailable of consul service ${service} must ${expected}, got: ${JSON.stringify(value)}`,
    );
  };
  const percent = /^([1-9]\d?)%$/.exec(String(value))?.[1];
  const hosts =
    percent === undefined ? Number(value) : Math.max(1, Math.floor((Number(percent) * count) / 100));
  if (!Number.isInteger(hosts) || hosts < 1) {
    refuse('be a whole number of hosts from 1, or a share from "1%" to "99%"');
  }
  if (hosts >= Math.max(2, count)) refuse(`leave one of its hosts (${count}) at work`);
  return hosts;
}
