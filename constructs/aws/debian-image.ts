import { DataAwsAmi } from "@cdktf/provider-aws/lib/data-aws-ami";
import type { Construct } from "constructs";
import { DEBIAN_ACCOUNT, DEBIAN_IMAGE_NAME } from "./debian-image-name";

export type Architecture = "x86_64" | "arm64";

/**
 * The image of that name in the provider's region, as an expression of its id. Debian gives each image a name of its
 * own, such as `debian-13-amd64-20251117-2299`, the same in all regions.
 *
 * @throws Error when the name is not one of Debian 13
 */
export function debianImage(scope: Construct, id: string, name: string): string {
  if (!DEBIAN_IMAGE_NAME.test(name)) {
    throw new Error(
      `name of a Debian image must be such as debian-13-amd64-20251117-2299, got: ${JSON.stringify(name)}`,
    );
  }
  return new DataAwsAmi(scope, id, {
    owners: [DEBIAN_ACCOUNT],
    filter: [{ name: "name", values: [name] }],
    // A newer one makes Debian call it deprecated; that is no reason to refuse it.
    includeDeprecated: true,
  }).id;
}
