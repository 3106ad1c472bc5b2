import { z } from "zod";
import type { GatewayRoute } from "../../constructs/gateway";
import { routeProblem, type ValueProblem } from "../../constructs/gateway/gateway-grammar";

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Tells zod what the gateway's own reader finds wrong with a value. */
export const foundBy =
  <T>(problem: (value: T) => ValueProblem | undefined) =>
  (value: T, context: z.RefinementCtx): void => {
    const found = isObject(value) ? problem(value) : undefined;
    if (found === undefined) return;
    context.addIssue({
      code: "custom",
      path: [...found.path],
      params: { value: JSON.stringify(found.value) ?? "nothing" },
      message: found.expectation,
    });
  };

/** Routes of a service, or of the monolith: what reads them in the gateway reads them here, but for where they lead. */
export const routesOfService = z
  .custom<Readonly<Record<string, GatewayRoute>>>(isObject, { error: "expected an object of routes by name" })
  .superRefine((routes, context) => {
    if (!isObject(routes)) return;
    for (const [name, route] of Object.entries(routes)) {
      if (isObject(route) && route["service"] !== undefined) {
        context.addIssue({
          code: "custom",
          path: [name, "service"],
          message: "expected no such field, for who says the routes is who has their requests",
        });
      } else foundBy(() => routeProblem(name, route))(routes, context);
    }
  });
