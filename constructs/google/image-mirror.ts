import { ArtifactRegistryRepository } from "@cdktf/provider-google/lib/artifact-registry-repository";
import { Construct } from "constructs";
import { allowReaders, type ImageRepositoryProps } from "./image-repository";

export type ImageMirrorProps = ImageRepositoryProps;

/**
 * A repository in Artifact Registry that keeps a copy of each image of Docker Hub that was once pulled through
 * it, so that a node which starts needs neither Docker Hub nor its rate limits.
 */
export class ImageMirror extends Construct {
  private readonly prefix: string;

  constructor(scope: Construct, id: string, props: ImageMirrorProps) {
    super(scope, id);
    const { project, gcpRegion, name } = props;
    this.prefix = `${gcpRegion}-docker.pkg.dev/${project}/${name}`;
    const repository = new ArtifactRegistryRepository(this, "repository", {
      project,
      location: gcpRegion,
      repositoryId: name,
      description: "Copies of images on Docker Hub",
      format: "DOCKER",
      mode: "REMOTE_REPOSITORY",
      remoteRepositoryConfig: { dockerRepository: { publicRepository: "DOCKER_HUB" } },
      cleanupPolicies: [
        { id: "delete-old", action: "DELETE", condition: { olderThan: "7776000s" } },
        { id: "keep-recent", action: "KEEP", mostRecentVersions: { keepCount: 5 } },
      ],
      dependsOn: props.dependsOn,
    });
    allowReaders(this, repository, props);
  }

  /** The image as pulled through here, when it is one of Docker Hub's; else as it was. */
  via(image: string): string {
    return image.startsWith(DOCKER_HUB) ? `${this.prefix}/${image.slice(DOCKER_HUB.length)}` : image;
  }
}

const DOCKER_HUB = "docker.io/";
