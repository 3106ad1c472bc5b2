import { AllowList } from "../../proxy/allow-list";
import type { ProxyGroups } from "./proxy-groups";

/** What a proxy lets through, and what stands behind the names of groups. */
export interface ProxyReach {
  readonly allow: readonly string[];
  /** @default {} */
  readonly groups?: ProxyGroups;
}

/** Whether a proxy lets callers name that host. */
export const letsThrough = ({ allow }: ProxyReach, host: string): boolean =>
  new AllowList(allow, false).allows(host);

/** Whether a proxy sends the requests of one of its groups to that host. */
export const groupsReach = ({ groups = {} }: ProxyReach, host: string): boolean =>
  Object.values(groups)
    .flatMap((group) => ("origins" in group ? group.origins : group))
    .some((origin) => new URL(typeof origin === "string" ? origin : origin.url).hostname === host);
