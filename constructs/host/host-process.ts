import { type Block, component, series } from "../availability";
import type { IHost } from "./host";

/** A program fails about once in three months of running. An assumption, and reported as one. */
const PROCESS_MTBF_HOURS = 2190;

/** systemd starts it again, and its health check passes, within this time. An assumption. */
const PROCESS_MTTR_HOURS = 10 / 3600;

/** One program on each machine of a host: it works while the machine does and it runs itself. */
export function processesOn(host: IHost, program: string): Block[] {
  return host.machines.map((machine, index) => {
    const place = host.machines.length === 1 ? host.hostName : `${host.hostName}-${index + 1}`;
    return series(machine, processOn(host, place, program));
  });
}

/** A program on one machine, the machine itself left out: how an application beside it sees it. */
export function processOn(host: IHost, place: string, program: string): Block {
  const [stack] = host.node.path.split("/");
  return component(
    `${stack}/${place}/${program}`,
    { mtbfHours: PROCESS_MTBF_HOURS, mttrHours: PROCESS_MTTR_HOURS },
    {
      label: `${program} on ${place}`,
      kind: "assumed",
      source: `one failure in ${PROCESS_MTBF_HOURS} h, running again after ${PROCESS_MTTR_HOURS * 3600} s (assumed)`,
    },
  );
}
