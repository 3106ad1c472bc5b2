import { Token } from "cdktf";
import type { ConsulCheck, ConsulService } from "./consul-options";

/**
 * A service as Consul's configuration describes it.
 *
 * @throws Error naming the service when its name, port or a check is malformed.
 */
export function serviceDefinition(service: ConsulService): Record<string, unknown> {
  refuseBadService(service);
  return {
    id: service.id ?? service.name,
    name: service.name,
    port: service.port,
    address: service.address,
    tags: service.tags,
    meta: service.meta,
    checks: service.checks?.map((check) => checkDefinition(service.name, check)),
  };
}

function checkDefinition(service: string, check: ConsulCheck): Record<string, unknown> {
  const probes = [check.http, check.tcp, check.command].filter((probe) => probe !== undefined);
  if (probes.length !== 1) {
    throw new Error(
      `check of consul service ${service} must have one of http, tcp and command, got: ${JSON.stringify(check)}`,
    );
  }
  const interval = check.intervalSeconds ?? 2;
  const timeout = check.timeoutSeconds ?? 1;
  if (!(interval > 0) || !(timeout > 0)) {
    throw new Error(
      `check of consul service ${service} must have an interval and a timeout above 0 s, got: ${interval} and ${timeout}`,
    );
  }
  return {
    name: check.name ?? `${service}: ${check.http ?? check.tcp ?? check.command!.join(" ")}`,
    http: check.http,
    tcp: check.tcp,
    args: check.command,
    interval: `${interval}s`,
    timeout: `${timeout}s`,
    success_before_passing: check.successesBeforePassing,
    failures_before_critical: check.failuresBeforeCritical,
    status: check.initialStatus,
  };
}

function refuseBadService({ name, port }: ConsulService): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `consul service must have a DNS label as its name: lower-case letters, digits and hyphens, got: ${JSON.stringify(name)}`,
    );
  }
  if (!Token.isUnresolved(port) && (!Number.isInteger(port) || port < 1 || port > 65535)) {
    throw new Error(`port of consul service ${name} must be from 1 to 65535, got: ${port}`);
  }
}
