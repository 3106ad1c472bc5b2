import { claimedTwice } from "../../../constructs/front/claims";
import type { Region } from "../regions";
import { refusal, type ServiceProblem } from "./service-problem";
import type { ServiceValue } from "./service-value";

/** What is wrong with the ways by which the internet reaches services. */
export const publicProblems = (
  services: readonly ServiceValue[],
  regions: readonly Region[],
): ServiceProblem[] => [
  ...takenPlaces(services),
  ...services.flatMap((service) =>
    regions
      .filter(({ name }) => service.public !== undefined && service.in[name] !== undefined)
      .flatMap((region) => withoutEntrance(service, region)),
  ),
];

/** Host names and paths that lead to two services. */
const takenPlaces = (services: readonly ServiceValue[]): ServiceProblem[] =>
  claimedTwice(
    services.flatMap(({ name, public: claims }) => (claims === undefined ? [] : [{ name, ...claims }])),
  ).flatMap(({ service, host, path, by }) =>
    by === service.name
      ? []
      : refusal(
          service,
          `public.hosts[${service.hosts.indexOf(host)}]`,
          host,
          `expected a host that leads nowhere else at ${path}: service ${by} has it`,
        ),
  );

/** Where a region's own entrance does not lead to the service under these names, nothing does. */
function withoutEntrance(service: ServiceValue, region: Region): ServiceProblem[] {
  const { hosts, paths } = service.public!;
  const { name } = region;
  switch (region.platform) {
    case "dedicated":
      if (region.servers.some(({ roles, retired }) => roles.includes("front") && retired === false))
        return [];
      return [
        refusal(
          service,
          "public.hosts",
          hosts,
          `expected a server with role front in ${name}, for it runs there`,
        ),
      ];
    case "ec2":
    case "gke": {
      const { to, names, field } = entranceOf(region);
      if (to !== service.name) {
        return [
          refusal(
            service,
            "public.hosts",
            hosts,
            `expected ${field} of region ${name} to name the service, for it runs there`,
          ),
        ];
      }
      const missing = hosts.filter((host) => !names.includes(host) && !isNamedIn(region, service, host));
      return [
        ...missing.map((host) =>
          refusal(
            service,
            `public.hosts[${hosts.indexOf(host)}]`,
            host,
            region.platform === "ec2" && service.named.includes(host)
              ? `expected a name in the zone of the entrance of ${name} (${region.entrance!.zone}), where its certificate is shown to be right`
              : `expected a name that the entrance of ${name} has (${names.join(", ")}), or one in a zone of names/`,
          ),
        ),
        ...(paths.join() === "/"
          ? []
          : [
              refusal(
                service,
                "public.paths",
                paths,
                `expected all of them (/), for the entrance of ${name} leads to one service alone`,
              ),
            ]),
      ];
    }
  }
}

/** Whether the region answers for a name that leads to several: AWS's certificates are vouched for in its own zone alone. */
const isNamedIn = (
  region: Exclude<Region, { readonly platform: "dedicated" }>,
  { named }: ServiceValue,
  host: string,
): boolean =>
  named.includes(host) && (region.platform === "gke" || `.${host}`.endsWith(`.${region.entrance!.zone}`));

function entranceOf(region: Exclude<Region, { readonly platform: "dedicated" }>) {
  if (region.platform === "ec2") {
    const { entrance } = region;
    const names = entrance === undefined ? [] : [entrance.domain];
    return { to: entrance?.service, names, field: "entrance.service" };
  }
  const { entrance } = region;
  return { to: entrance?.backend.service, names: entrance?.hosts ?? [], field: "entrance.backend.service" };
}
