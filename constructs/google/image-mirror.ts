import { ArtifactRegistryRepository } from "@cdktf/provider-google/lib/artifact-registry-repository";
import { ArtifactRegistryRepositoryIamMember } from "@cdktf/provider-google/lib/artifact-registry-repository-iam-member";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";

export interface ImageMirrorProps {
  /** Project id. */
  readonly project: string;
  /** Google Cloud region, for example `europe-west2`. */
  readonly gcpRegion: string;
  /** Id of the repository: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Who pulls from it, as IAM names them: `serviceAccount:EMAIL`. By a name that does not change. */
  readonly readers: Readonly<Record<string, string>>;
  /** What must exist first, for example the Artifact Registry API. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

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
    for (const [reader, member] of Object.entries(props.readers)) {
      new ArtifactRegistryRepositoryIamMember(this, `reader-${reader}`, {
        project,
        location: gcpRegion,
        repository: repository.name,
        role: "roles/artifactregistry.reader",
        member,
      });
    }
  }

  /** The image as pulled through here, when it is one of Docker Hub's; else as it was. */
  via(image: string): string {
    return image.startsWith(DOCKER_HUB) ? `${this.prefix}/${image.slice(DOCKER_HUB.length)}` : image;
  }
}

const DOCKER_HUB = "docker.io/";
