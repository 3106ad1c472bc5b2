import { z } from "zod";

/** Refuses what is there already. @param each for messages: `each secret` */
export const once =
  (each: string) =>
  (values: readonly string[], context: z.RefinementCtx): void => {
    for (const [index, value] of values.entries()) {
      if (values.indexOf(value) === index) continue;
      context.addIssue({ code: "custom", path: [index], message: `expected ${each} once` });
    }
  };

/** Names that clients ask for: they stand in the front's configuration, where nothing of them must need quoting. */
export const publicHosts = z
  .array(
    z.string().regex(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/, {
      error: "expected a host name in lower case such as www.example.com",
    }),
  )
  .min(1, { error: "expected one host at least" })
  .superRefine(once("each"));

/** It stands in a unit file and in a URL, where nothing of it must need quoting. */
export const healthPath = z.string().regex(/^\/[A-Za-z0-9._~/?=&+-]*$/, {
  error: "expected a path such as /healthz, of letters, digits and ._~/?=&+-",
});

/** Public zones whose names of services lead to all regions that run them. */
export interface NamedZones {
  readonly zones: readonly string[];
}

/** The zone that a host name lies in, the longest that fits; undefined for one whose records are somebody else's. */
export const zoneOf = (host: string, { zones }: NamedZones): string | undefined =>
  [...zones]
    .sort((one, other) => other.length - one.length)
    .find((zone) => host === zone || host.endsWith(`.${zone}`));
