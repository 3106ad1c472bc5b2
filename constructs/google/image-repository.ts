import { ArtifactRegistryRepository } from "@cdktf/provider-google/lib/artifact-registry-repository";
import { ArtifactRegistryRepositoryIamMember } from "@cdktf/provider-google/lib/artifact-registry-repository-iam-member";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { repositoryPrefix } from "./artifact-registry";

export interface ImageRepositoryProps {
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

/** A repository in Artifact Registry for images of one's own. What a tag has once named it always names. */
export class ImageRepository extends Construct {
  /** What an image's name begins with: `HOST/PROJECT/REPOSITORY`. */
  readonly prefix: string;

  constructor(scope: Construct, id: string, props: ImageRepositoryProps) {
    super(scope, id);
    const { project, gcpRegion, name } = props;
    this.prefix = repositoryPrefix(props);
    const repository = new ArtifactRegistryRepository(this, "repository", {
      project,
      location: gcpRegion,
      repositoryId: name,
      description: "Images of the region's applications",
      format: "DOCKER",
      dockerConfig: { immutableTags: true },
      vulnerabilityScanningConfig: { enablementConfig: "INHERITED" },
      dependsOn: props.dependsOn,
    });
    allowReaders(this, repository, props);
  }
}

/** Lets the readers pull from a repository. */
export function allowReaders(
  scope: Construct,
  repository: ArtifactRegistryRepository,
  { project, gcpRegion, readers }: Pick<ImageRepositoryProps, "project" | "gcpRegion" | "readers">,
): void {
  for (const [reader, member] of Object.entries(readers)) {
    new ArtifactRegistryRepositoryIamMember(scope, `reader-${reader}`, {
      project,
      location: gcpRegion,
      repository: repository.name,
      role: "roles/artifactregistry.reader",
      member,
    });
  }
}
