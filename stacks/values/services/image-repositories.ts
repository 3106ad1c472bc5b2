import { repositoryPrefix } from "../../../constructs/google/artifact-registry";
import type { GkeRegion, Region } from "../regions";
import { hasRegistry } from "./service-value";

/** Artifact Registry's repository for images of the services of a region on GKE. */
export const ownImages = ({
  name,
  project,
  gcpRegion,
}: Pick<GkeRegion, "name" | "project" | "gcpRegion">) => ({
  name: `${name}-apps`,
  project,
  gcpRegion,
});

/**
 * Where a region gets the images of a repository from, registry included: `registry.example.com/shop/web`.
 *
 * @param repository as in a service's image, in front of its digest
 * @returns undefined where neither repository nor region names a registry
 */
export function repositoryIn(region: Region, repository: string): string | undefined {
  if (hasRegistry(repository)) return repository;
  if (region.platform === "gke") return `${repositoryPrefix(ownImages(region))}/${repository}`;
  return region.registry && `${region.registry.address}/${repository}`;
}

/** Where a region gets an image by digest from; of a validated service, some registry is named. */
export function imageIn(region: Region, image: string): string {
  const [repository, digest] = image.split("@");
  return `${repositoryIn(region, repository!)!}@${digest}`;
}
