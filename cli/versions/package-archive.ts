import { gunzipSync } from "node:zlib";
import { type AptSource } from "../../constructs/host";
import { fetchBytes, HttpError } from "./fetch-bytes";

/** Lists of packages, in the forms that archives have them in; the first that is there is read. */
const LISTS = ["Packages.gz", "Packages"];

/**
 * Versions of a package that a Debian archive has, as its lists name them. Nothing is installed from what they say: a host
 * checks the archive's signature for itself.
 *
 * @param architecture Debian's word for it, such as amd64
 * @throws Error where the archive cannot be asked, or has no such package
 */
export async function packageVersions(
  name: string,
  source: AptSource,
  architecture: string,
): Promise<string[]> {
  const lists = await Promise.all(listFolders(source, architecture).map(packageList));
  const versions = lists.flatMap((list) =>
    list.split(/\n\n+/).flatMap((stanza) => {
      const field = (wanted: string) => new RegExp(`^${wanted}: (.*)$`, "m").exec(stanza)?.[1];
      const version = field("Version");
      return field("Package") === name && version !== undefined ? [version.replace(/^\d+:/, "")] : [];
    }),
  );
  if (versions.length === 0) throw new Error(`has no package ${name} for ${architecture}`);
  return [...new Set(versions)];
}

/** Where the lists lie: an archive's suite ends with a slash where it has no components. */
function listFolders({ uri, suite, components }: AptSource, architecture: string): string[] {
  const base = uri.replace(/\/*$/, "/");
  return suite.endsWith("/")
    ? [`${base}${suite.replace(/^\.?\//, "")}`]
    : components.map((component) => `${base}dists/${suite}/${component}/binary-${architecture}/`);
}

async function packageList(folder: string): Promise<string> {
  for (const [index, name] of LISTS.entries()) {
    try {
      const bytes = await fetchBytes(`${folder}${name}`);
      return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
    } catch (error) {
      const isAway = error instanceof HttpError && [403, 404].includes(error.status);
      if (!isAway || index === LISTS.length - 1) throw error;
    }
  }
  throw new Error(`has no list in ${folder}`);
}
