import { ArtifactRegistryRepository } from "@cdktf/provider-google/lib/artifact-registry-repository";
import { DataGoogleProject } from "@cdktf/provider-google/lib/data-google-project";
import { SecretManagerSecretIamMember } from "@cdktf/provider-google/lib/secret-manager-secret-iam-member";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { repositoryPrefix } from "./artifact-registry";
import { allowReaders, type ImageRepositoryProps } from "./image-repository";

export interface ImageMirrorProps extends ImageRepositoryProps {
  /** Whose limits on pulls at Docker Hub hold. @default - those for everybody who gives no name, by Google's address */
  readonly dockerHub?: DockerHubAccount;
}

/** An account at Docker Hub. */
export interface DockerHubAccount {
  /** Name of the account. */
  readonly username: string;
  /** Where Secret Manager holds an access token of it: `projects/PROJECT/secrets/NAME/versions/VERSION`. */
  readonly tokenSecret: string;
}

/**
 * A repository in Artifact Registry that keeps a copy of each image of Docker Hub that was once pulled through
 * it, so that a node which starts needs neither Docker Hub nor its rate limits.
 */
export class ImageMirror extends Construct {
  /** What names of the copies begin with, in the place of `docker.io`. */
  readonly prefix: string;

  /** @throws Error when the token's secret is not named with its version */
  constructor(scope: Construct, id: string, props: ImageMirrorProps) {
    super(scope, id);
    const { project, gcpRegion, name, dockerHub } = props;
    this.prefix = repositoryPrefix(props);
    const repository = new ArtifactRegistryRepository(this, "repository", {
      project,
      location: gcpRegion,
      repositoryId: name,
      description: "Copies of images on Docker Hub",
      format: "DOCKER",
      mode: "REMOTE_REPOSITORY",
      remoteRepositoryConfig: {
        dockerRepository: { publicRepository: "DOCKER_HUB" },
        ...(dockerHub && credentials(dockerHub)),
      },
      cleanupPolicies: [
        { id: "delete-old", action: "DELETE", condition: { olderThan: "7776000s" } },
        { id: "keep-recent", action: "KEEP", mostRecentVersions: { keepCount: 5 } },
      ],
      dependsOn: [...(props.dependsOn ?? []), ...(dockerHub ? [this.allowToken(dockerHub, props)] : [])],
    });
    allowReaders(this, repository, props);
  }

  /** The registry reads the token itself, as the account that it runs under in the project. */
  private allowToken(
    { tokenSecret }: DockerHubAccount,
    { project, dependsOn }: ImageMirrorProps,
  ): ITerraformDependable {
    const { number } = new DataGoogleProject(this, "project", { projectId: project, dependsOn });
    return new SecretManagerSecretIamMember(this, "token-reader", {
      secretId: tokenSecret.replace(/\/versions\/[^/]+$/, ""),
      role: "roles/secretmanager.secretAccessor",
      member: `serviceAccount:service-${number}@gcp-sa-artifactregistry.iam.gserviceaccount.com`,
      dependsOn,
    });
  }

  /** The image as pulled through here, when it is one of Docker Hub's; else as it was. */
  via(image: string): string {
    return image.startsWith(DOCKER_HUB) ? `${this.prefix}/${image.slice(DOCKER_HUB.length)}` : image;
  }
}

function credentials({ username, tokenSecret }: DockerHubAccount) {
  if (!/^projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+$/.test(tokenSecret)) {
    throw new Error(
      `image mirror: tokenSecret must be projects/PROJECT/secrets/NAME/versions/VERSION, got: ${JSON.stringify(tokenSecret)}`,
    );
  }
  return {
    upstreamCredentials: {
      usernamePasswordCredentials: { username, passwordSecretVersion: tokenSecret },
    },
  };
}

const DOCKER_HUB = "docker.io/";
