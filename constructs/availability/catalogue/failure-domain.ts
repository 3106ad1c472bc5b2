import {
  type About,
  type Block,
  type BlockSource,
  component,
  type Component,
  type Figure,
  series,
} from "../calculus/block";
import { percent } from "../calculus/percent";
import { sla, type SlaOptions } from "./sla";

/**
 * A place whose failure takes down all that is in it: a provider, a region, a zone, a rack. Domains nest, and a
 * domain is one component however many things lie in it.
 */
export class FailureDomain {
  private constructor(
    /** Path from the outermost domain, for example `aws/us-east-1/us-east-1a`. */
    readonly id: string,
    /** This domain and those around it that have a figure, outermost first. */
    readonly components: readonly Component[],
  ) {}

  /**
   * An outermost domain.
   *
   * @param figure @default - none: the domain gives a name and a place, but does not fail by itself
   */
  static of(name: string, figure?: Figure, about?: About): FailureDomain {
    return new FailureDomain(name, figure === undefined ? [] : [component(name, figure, about)]);
  }

  /** A domain inside this one. */
  within(name: string, figure?: Figure, about?: About): FailureDomain {
    const id = `${this.id}/${name}`;
    const own = figure === undefined ? [] : [component(id, figure, about)];
    return new FailureDomain(id, [...this.components, ...own]);
  }

  /** What lies in this domain: it works when the domain, all domains around it and the thing itself work. */
  holding(...sources: BlockSource[]): Block {
    return series(...this.components, ...sources);
  }
}

export interface CloudRegionProps extends SlaOptions {
  readonly provider: "aws" | "google";
  /** For example `us-east-1`. */
  readonly region: string;
  /** Names of the zones used. */
  readonly zones: readonly string[];
  /** Google only. @default "premium" */
  readonly networkTier?: "premium" | "standard";
  /** A zone's own figure; no provider publishes one. @default ZONE_FIGURE */
  readonly zoneFigure?: Figure & { readonly source: string };
  /** Share of zone failures that take down every zone of the region. @default ZONE_BETA */
  readonly beta?: number;
}

/** No provider promises a figure for one zone; this is an assumption, and reports call it one. */
export const ZONE_FIGURE = {
  availability: 0.999,
  meanOutageHours: 2,
  source: "assumed, 2 h an outage: no provider promises a figure for one zone",
} as const;

/** Share of zone failures with a cause that all zones of a region have in common. An assumption. */
export const ZONE_BETA = 0.1;

/**
 * A cloud region and its zones. The region carries what the provider promises for instances spread over these
 * zones; the zones carry an assumed figure and may fail together (see ZONE_BETA).
 *
 * With one zone there is no promise for the region as a whole, so only the zone counts.
 */
export function cloudRegion(props: CloudRegionProps): {
  readonly region: FailureDomain;
  readonly zones: readonly FailureDomain[];
} {
  const { provider, region: name, networkTier = "premium", beta = ZONE_BETA } = props;
  const { source, ...figure } = props.zoneFigure ?? ZONE_FIGURE;
  const zones = new Set(props.zones).size;
  if (zones === 0) throw new RangeError(`${provider} region "${name}": expected at least one zone, got none`);
  const promised =
    provider === "aws"
      ? sla("aws.ec2", { zones }, props)
      : sla("google.compute", { zones, networkTier, region: name }, props);
  const place = FailureDomain.of(provider);
  const region =
    zones < 2 || promised.availability === undefined
      ? place.within(name)
      : place.within(
          name,
          { availability: promised.availability, meanOutageHours: promised.meanOutageHours },
          {
            label: `${promised.label} in ${name} (${percent(promised.availability)} promised)`,
            kind: promised.kind,
            source: promised.source,
            effectiveDate: promised.effectiveDate,
            warnings: promised.warnings,
          },
        );
  const commonCause = { group: `zones of ${region.id}`, beta };
  return {
    region,
    zones: props.zones.map((zone) =>
      region.within(zone, figure, {
        label: `zone ${zone}`,
        kind: "assumed",
        source,
        ...(zones > 1 ? { commonCause } : {}),
      }),
    ),
  };
}
