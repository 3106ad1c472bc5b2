import { partitionOf, type PolicyStatement } from "./policy";

/** A repository of images in ECR. */
export interface ImageRepositoryName {
  readonly account: string;
  readonly awsRegion: string;
  readonly name: string;
}

/** What machines must be allowed to fetch images of these repositories, and no others; nothing where there are none. */
export function imagePermissions(repositories: readonly ImageRepositoryName[]): PolicyStatement[] {
  if (repositories.length === 0) return [];
  return [
    // Cannot be narrowed: it tells a registry who asks.
    { sid: "EnterRegistries", actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
    {
      sid: "FetchImages",
      actions: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      resources: repositories.map(
        ({ account, awsRegion, name }) =>
          `arn:${partitionOf(awsRegion)}:ecr:${awsRegion}:${account}:repository/${name}`,
      ),
    },
  ];
}
