import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput } from "cdktf";
import type { Construct } from "constructs";
import { ImageRepository } from "../constructs/aws";
import { ecrRepositories } from "../constructs/service/ecr-registry";
import type { Ec2Region } from "./values/regions";
import { imageIn } from "./values/services/image-repositories";
import type { ServiceValue } from "./values/services";
import { RegionStack } from "./region-stack";
import { servicesIn } from "./service-needs";

/** What a region on EC2 gets its services' images from: deployed, and pushed to, before the region is. */
export class UsImagesStack extends RegionStack<Ec2Region> {
  constructor(scope: Construct, region: Ec2Region, services: readonly ServiceValue[]) {
    super(scope, region, `${region.name}-images`);
    const repositories = repositoriesToMake(region, services);
    new AwsProvider(this, "aws", {
      region: region.awsRegion,
      // The registry's name says whose it is: somebody signed in to another account makes nothing there.
      allowedAccountIds: [...new Set(repositories.map(({ account }) => account))],
      defaultTags: [{ tags: { ...region.tags, "tricloud-region": region.name } }],
    });
    for (const { name } of repositories) {
      const repository = new ImageRepository(this, name.replaceAll("/", "-"), { name });
      new TerraformOutput(this, `repository-${name.replaceAll("/", "-")}`, {
        description: `Where images of ${name} go`,
        value: repository.address,
        staticId: true,
      });
    }
  }
}

/** Repositories of the region's services in its own account's registry, next to its machines. */
export function repositoriesToMake(region: Ec2Region, services: readonly ServiceValue[]) {
  const own = region.registry?.address.split("/")[0];
  return ecrRepositories(servicesIn(services, region).map(({ image }) => imageIn(region, image))).filter(
    ({ registry, awsRegion }) => registry === own && awsRegion === region.awsRegion,
  );
}
