import { parse } from "yaml";
import { fetchBytes } from "./fetch-bytes";

/** Released versions of a chart in a repository of Helm's. @throws Error where it cannot be asked or has no such chart */
export async function chartVersions(name: string, repository: string): Promise<string[]> {
  const url = `${repository.replace(/\/*$/, "/")}index.yaml`;
  const index = parse((await fetchBytes(url)).toString(), { maxAliasCount: -1 }) as {
    readonly entries?: Readonly<Record<string, ReadonlyArray<{ readonly version: string }>>>;
  } | null;
  const versions = (index?.entries?.[name] ?? [])
    .map(({ version }) => version.replace(/^v/, ""))
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  if (versions.length === 0) throw new Error(`has no release of chart ${name}`);
  return versions;
}
