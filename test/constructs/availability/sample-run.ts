import { Construct } from "constructs";
import {
  atLeast,
  type AvailabilityRun,
  AvailabilityTarget,
  type Block,
  collectAvailability,
  component,
  type DeclaresServices,
  parallel,
  remote,
  series,
  service,
  type Service,
  softened,
} from "../../../constructs/availability";

class Stack extends Construct implements DeclaresServices {
  readonly services: Service[] = [];
}

export interface SampleOptions {
  /** @default 0.999 */
  readonly zoneAvailability?: number;
  /** @default ["a", "b"] */
  readonly zones?: readonly string[];
  /** @default 0.9995 */
  readonly target?: number;
}

/** Two stacks: `us/web` over zones behind a load balancer, and `jp/shop`, which needs it. Names need escaping. */
export function sampleRun({
  zoneAvailability = 0.999,
  zones = ["a", "b"],
  target = 0.9995,
}: SampleOptions = {}): AvailabilityRun {
  const root = new Construct(undefined as unknown as Construct, "");
  const us = new Stack(root, "us");
  const jp = new Stack(root, "jp");
  const zone = (name: string): Block =>
    component(
      `us/${name}`,
      { availability: zoneAvailability },
      {
        label: `zone <${name}>`,
        kind: "assumed",
        source: "assumed | stated",
        commonCause: { group: "zones", beta: 0.1 },
      },
    );
  const web = (name: string): Block =>
    series(
      zone(name),
      component(`us/web-${name}`, { availability: 0.995 }, { kind: "measured", source: "2025" }),
    );
  const balancer = component(
    "us/lb",
    { availability: 0.9999 },
    {
      label: "load balancer & friends",
      kind: "contractual",
      source: "https://example.com/sla (two zones)",
      effectiveDate: "2025-03",
      warnings: ["lb: read this <carefully>"],
    },
  );
  us.services.push(
    service("web", {
      requires: [balancer, parallel(...zones.map(web))],
      degradesWithout: [
        softened(component("us/origin", { availability: 0.99 }, { kind: "assumed" }), "answers are cached"),
        atLeast(zones.length, ...zones.map(zone)),
      ],
      maintenance: { components: zones.map((name) => `us/web-${name}`), hoursPer30Days: 1 },
    }),
  );
  new AvailabilityTarget(us, "target", { atLeast: target });
  const rack = component("jp/rack", { availability: 0.9995 }, { kind: "assumed", source: "assumed" });
  jp.services.push(service("shop", { requires: [rack, remote("us", "web")] }));
  return collectAvailability(root);
}
