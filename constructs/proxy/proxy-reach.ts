import type { ProxyGroups } from "./proxy-groups";

/** Whether a proxy sends the requests of one of its groups to that host. */
export const groupsReach = (groups: ProxyGroups, host: string): boolean =>
  Object.values(groups)
    .flatMap((group) => ("origins" in group ? group.origins : group))
    .some((origin) => new URL(typeof origin === "string" ? origin : origin.url).hostname === host);
