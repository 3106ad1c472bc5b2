import type { Region } from "../regions";
import type { ServiceEntrance, ServiceValue } from "./service-value";

/** The name that leads to a region on EC2 alone, by that of its entrance, which other regions may answer too. */
export const ownEntranceName = (region: string, domain: string): string => `${region}.${domain}`;

/** Where regions show a service to the internet, in the order in which it names them. */
export const entrancesOf = (
  { name, in: places }: Pick<ServiceValue, "name" | "in">,
  regions: readonly Region[],
): readonly ServiceEntrance[] =>
  Object.keys(places).flatMap((place) => {
    const region = regions.find((each) => each.name === place);
    const host = region && entranceHost(name, region);
    return host === undefined ? [] : [{ region: region!.name, platform: region!.platform, host }];
  });

function entranceHost(service: string, region: Region): string | undefined {
  switch (region.platform) {
    case "dedicated":
      return undefined;
    case "ec2":
      return region.entrance?.service === service
        ? ownEntranceName(region.name, region.entrance.domain)
        : undefined;
    case "gke":
      return region.entrance?.backend.service === service ? region.entrance.hosts[0] : undefined;
  }
}
