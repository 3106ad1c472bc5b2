import { type Block, component } from "../calculus/block";
import { FailureDomain } from "./failure-domain";
import { slaComponent, type SlaOptions } from "./sla";

/** One hardware failure in three years of running. An assumption: the provider promises no such figure. */
export const ASSUMED_MTBF_HOURS = 3 * 8760;

/** The provider swaps failed hardware within this time. https://server.sakura.ad.jp/specification/sla/ */
export const HARDWARE_SWAP_HOURS = 4;

/** A rack is without power or network for this long at a time. An assumption. */
const RACK_OUTAGE_HOURS = 2;

export interface DedicatedServerModel extends SlaOptions {
  /** Name of the machine, unique in its site. */
  readonly name: string;
  /** The site: its machines share one network, promised at 99.95 %. */
  readonly site: string;
  /** Machines of one rack fail together when the rack does. @default - racks are not told apart */
  readonly rack?: string;
  /** Unavailability of a rack, when racks are told apart. @default 0.0001, assumed */
  readonly rackUnavailability?: number;
  /** Mean operating hours between failures of the machine. @default ASSUMED_MTBF_HOURS */
  readonly mtbfHours?: number;
  /** Where `mtbfHours` comes from. @default - assumed */
  readonly mtbfSource?: string;
  /** Mean hours to repair. @default HARDWARE_SWAP_HOURS */
  readonly mttrHours?: number;
}

/**
 * A dedicated server: its site's network (shared), its rack if told, and the machine itself from MTBF and MTTR,
 * since no provider promises a server's uptime.
 */
export function dedicatedServer(props: DedicatedServerModel): Block {
  const { name, site, mtbfHours = ASSUMED_MTBF_HOURS, mttrHours = HARDWARE_SWAP_HOURS } = props;
  const machine = component(
    `dedicated/${site}/${name}`,
    { mtbfHours, mttrHours },
    {
      label: `server ${name}`,
      kind: "assumed",
      source:
        `MTBF ${mtbfHours} h (${props.mtbfSource ?? "assumed"}), ` +
        `MTTR ${mttrHours} h (hardware swap: https://server.sakura.ad.jp/specification/sla/)`,
    },
  );
  const network = slaComponent(`dedicated/${site}/network`, "sakura.dedicated-network", {}, props);
  const rack =
    props.rack === undefined
      ? []
      : FailureDomain.of("dedicated")
          .within(site)
          .within(
            `rack-${props.rack}`,
            { unavailability: props.rackUnavailability ?? 0.0001, meanOutageHours: RACK_OUTAGE_HOURS },
            {
              label: `rack ${props.rack}`,
              kind: "assumed",
              source: `assumed, ${RACK_OUTAGE_HOURS} h an outage`,
            },
          ).components;
  return FailureDomain.of("dedicated").holding(network, ...rack, machine);
}
