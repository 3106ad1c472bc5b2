import {
  Route53HealthCheck,
  type Route53HealthCheckConfig,
} from "@cdktf/provider-aws/lib/route53-health-check";
import type { Construct } from "constructs";
import type { Switching } from "../availability";
import type { Alarm } from "./pager";

/** How a region is found out to be unreachable. */
const HEALTH_CHECKS = { intervalSeconds: 30, failures: 3 };

/** The one region in which CloudWatch has the results of Route 53's checks. */
export const HEALTH_METRICS_REGION = "us-east-1";

/** Has Route 53's checkers around the world ask over HTTPS, by SNI, whether what answers there is well. */
export const healthCheck = (
  scope: Construct,
  id: string,
  at: Pick<Route53HealthCheckConfig, "fqdn" | "ipAddress" | "port" | "resourcePath">,
  name: string,
): Route53HealthCheck =>
  new Route53HealthCheck(scope, id, {
    ...at,
    ...{ type: "HTTPS", enableSni: true, measureLatency: true },
    requestInterval: HEALTH_CHECKS.intervalSeconds,
    failureThreshold: HEALTH_CHECKS.failures,
    tags: { Name: name },
  });

/** Tells that the checkers cannot reach it; for a pager in the one region that has their results. @param what for people */
export const unreachable = ({ id }: Route53HealthCheck, name: string, what: string): Alarm => ({
  name,
  what: `Route 53's checkers around the world cannot reach ${what}`,
  namespace: "AWS/Route53",
  metric: "HealthCheckStatus",
  dimensions: { HealthCheckId: id },
  statistic: "Minimum",
  when: { below: 1 },
  minutes: 3,
});

/** How long clients go on being led to what has failed. @param of what lives so long: `answers` */
export const checkedSwitching = (of: string, ttlSeconds: number): Switching => ({
  seconds: HEALTH_CHECKS.intervalSeconds * HEALTH_CHECKS.failures + ttlSeconds,
  source: `Route 53 checks every ${HEALTH_CHECKS.intervalSeconds} s and ${HEALTH_CHECKS.failures} must fail, ${of} live for ${ttlSeconds} s; coverage assumed`,
});
