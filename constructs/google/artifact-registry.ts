/** A repository of Artifact Registry. */
export interface RepositoryPlace {
  /** Project id. */
  readonly project: string;
  /** Google Cloud region, for example `europe-west2`. */
  readonly gcpRegion: string;
  /** Id of the repository. */
  readonly name: string;
}

/** What names of its images begin with: `HOST/PROJECT/REPOSITORY`. */
export const repositoryPrefix = ({ project, gcpRegion, name }: RepositoryPlace): string =>
  `${gcpRegion}-docker.pkg.dev/${project}/${name}`;
