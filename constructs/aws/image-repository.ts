import { EcrRepository } from "@cdktf/provider-aws/lib/ecr-repository";
import { Construct } from "constructs";

export interface ImageRepositoryProps {
  /** Name in the account's registry: `shop/web`. */
  readonly name: string;
}

/**
 * A repository in ECR for images of one's own. What a tag has once named it always names, and nothing expires: which
 * image a machine is going to ask for once more, the registry cannot know. It is deleted only when it is empty.
 */
export class ImageRepository extends Construct {
  /** What an image's name begins with: `HOST/NAME`. */
  readonly address: string;

  /** @throws Error for a name that no repository can have */
  constructor(scope: Construct, id: string, { name }: ImageRepositoryProps) {
    super(scope, id);
    if (!NAME.test(name) || name.length < 2 || name.length > 256) {
      throw new Error(
        `name of an image repository must be 2 to 256 lower-case letters, digits and ._-/, got: ${JSON.stringify(name)}`,
      );
    }
    this.address = new EcrRepository(this, "repository", {
      name,
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
      // With the account's key for it, which costs nothing and needs no policy of its own for whoever pulls.
      encryptionConfiguration: [{ encryptionType: "KMS" }],
    }).repositoryUrl;
  }
}

const NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
