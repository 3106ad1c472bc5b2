/** A private registry of AWS: account, region. */
const ECR = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/** A repository of AWS's registries: for what a machine must be allowed. */
export interface EcrRepository {
  /** Host name of the registry. */
  readonly registry: string;
  readonly account: string;
  readonly awsRegion: string;
  readonly name: string;
}

/** Those repositories of images, each once, whose registries let in machines by what AWS knows them as. */
export function ecrRepositories(images: readonly string[]): EcrRepository[] {
  const repositories = [...new Set(images.map((image) => image.split("@")[0]!))].sort();
  return repositories.flatMap((repository) => {
    const [registry = "", ...path] = repository.split("/");
    const [, account, awsRegion] = ECR.exec(registry) ?? [];
    if (account === undefined || awsRegion === undefined) return [];
    return [{ registry, account, awsRegion, name: path.join("/") }];
  });
}
