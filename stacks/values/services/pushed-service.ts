import { z } from "zod";
import { dnsLabel } from "../regions/region";
import { problemsOf } from "../regions/region-errors";
import { nameOf, type Region, type ValueSource } from "../regions/validate-regions";
import { repositoryIn } from "./image-repositories";
import { InvalidServicesError } from "./validate-services";

/** A service as far as its images go: its value may still lack the digest that pushing one tells. */
export interface PushedService {
  readonly name: string;
  /** As its value says it, without tag and digest. */
  readonly repository: string;
  /** Where its regions get it from, each place once. */
  readonly places: readonly ImagePlace[];
}

/** A repository with its registry, and the regions that get a service's images from it. */
export interface ImagePlace {
  /** `registry.example.com/shop/web`. */
  readonly repository: string;
  readonly regions: readonly string[];
  /** PEM certificate of an authority that is trusted for the registry besides the public ones. */
  readonly caCertificate?: string | undefined;
}

const value = z.object({
  name: dnsLabel,
  image: z.string().transform((image) => image.replace(/@.*$/, "").replace(/:[^:/]*$/, "")),
  in: z.record(z.string(), z.unknown()),
});

/**
 * Reads where the images of one service belong.
 *
 * @param sources of all services
 * @throws Error where there is no such service, or a region that gets it names no registry; InvalidServicesError where
 *   its value does not say
 */
export function pushedService(
  name: string,
  sources: readonly ValueSource[],
  regions: readonly Region[],
): PushedService {
  const source = sources.find((each) => nameOf(each) === name);
  if (source === undefined) {
    throw new Error(
      `expected a service (${sources.map(nameOf).sort().join(", ") || "there is none"}), got: ${JSON.stringify(name)}`,
    );
  }
  const read = value.safeParse(source.value);
  if (!read.success) {
    throw new InvalidServicesError(
      problemsOf(source.value, read.error).map((problem) => ({ service: name, ...problem })),
    );
  }
  const { image: repository, in: wanted } = read.data;
  const places = new Map<string, ImagePlace>();
  for (const regionName of Object.keys(wanted)) {
    const region = regions.find((each) => each.name === regionName);
    if (region === undefined) {
      throw new Error(
        `service ${name}: in: expected regions (${regions.map((each) => each.name).join(", ")}), got: ${JSON.stringify(regionName)}`,
      );
    }
    const place = repositoryIn(region, repository);
    if (place === undefined) {
      throw new Error(
        `service ${name}: image: expected a registry in front of ${JSON.stringify(repository)}, for region ${regionName} names none (registry.address)`,
      );
    }
    places.set(place, {
      repository: place,
      regions: [...(places.get(place)?.regions ?? []), regionName],
      caCertificate: places.get(place)?.caCertificate ?? authorityOf(region, place),
    });
  }
  return { name, repository, places: [...places.values()] };
}

/** The authority that a region trusts for its own registry, where the image is of that one. */
function authorityOf(region: Region, place: string): string | undefined {
  if (region.platform === "gke" || region.registry === undefined) return undefined;
  const { address, caCertificate } = region.registry;
  return registryOf(place) === registryOf(address) ? caCertificate : undefined;
}

/** Host name, and port, of a repository's registry. */
export const registryOf = (repository: string): string => repository.split("/")[0]!;
