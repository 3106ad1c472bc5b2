import { DataAwsAmi } from "@cdktf/provider-aws/lib/data-aws-ami";
import type { Construct } from "constructs";

export type Architecture = "x86_64" | "arm64";

/** The account with which the Debian project publishes its images: https://wiki.debian.org/Cloud/AmazonEC2Image */
const DEBIAN_ACCOUNT = "136693071363";

/**
 * The newest Debian 13 image in the provider's region, as an expression of its id. A newer image shows up as a change
 * of the groups that use it; name an image id instead to decide when.
 */
export function debianImage(scope: Construct, id: string, architecture: Architecture): string {
  const debianName = architecture === "x86_64" ? "amd64" : "arm64";
  const image = new DataAwsAmi(scope, id, {
    mostRecent: true,
    owners: [DEBIAN_ACCOUNT],
    filter: [
      { name: "name", values: [`debian-13-${debianName}-*`] },
      { name: "architecture", values: [architecture] },
      { name: "root-device-type", values: ["ebs"] },
      { name: "virtualization-type", values: ["hvm"] },
    ],
  });
  return image.id;
}
