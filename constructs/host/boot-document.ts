import { applyDocument, type ContentFields, sha256, word } from "./apply-document";
import { packageFields } from "./package-version";
import type { HostFile, HostProfile } from "./host-profile";

export interface BootOptions {
  /** Shell command that writes the asset with this SHA-256 to standard output. */
  readonly fetchAsset: (sha256: string) => string;
  /**
   * Shell command that writes the text with this SHA-256 to standard output; `undefined` for one that lies on the
   * machine already. @default - all do
   */
  readonly fetchText?: (sha256: string) => string | undefined;
  /**
   * Shell command that writes the newest version of the file at this path to standard output; `undefined` for one that
   * is what the profile says until the machine is replaced. @default - all are
   */
  readonly fetchNewest?: (path: string) => string | undefined;
  /** Shell command that writes the secret of this name to standard output. */
  readonly fetchSecret: (name: string) => string;
  /** Debian packages needed besides the profile's, for the commands given here. @default - none */
  readonly packages?: readonly string[];
  /** Environment of all commands. @default - cloud-init's own */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Lines of bash run once packages are installed and before any file is fetched. They may use `step NAME`,
   * `retry COMMAND...` and `apt_get ARGUMENTS...`. @default - none
   */
  readonly prepare?: readonly string[];
  /** Shell command run when every service is healthy. @default - none */
  readonly whenHealthy?: string;
  /** Shell command run when any step has failed. @default - none */
  readonly whenFailed?: string;
}

/** The document that makes a new machine hold `profile`, whose texts are staged there unless they are fetched. */
export function bootDocument(profile: HostProfile, options: BootOptions): string {
  const { packages = [], environment = {}, prepare = [], whenHealthy, whenFailed } = options;
  const named = new Set(profile.packages.map((wanted) => packageFields(wanted).name));
  const all = [...packages.filter((name) => !named.has(name)), ...profile.packages].sort();
  return applyDocument({ ...profile, packages: all }, (file) => contentFields(file, options), [
    ...Object.entries(environment).map(([name, value]) => `environment ${name} ${word(value)}`),
    ...(prepare.length === 0 ? [] : [`prepare ${word(prepare.join("\n"))}`]),
    ...(whenHealthy === undefined ? [] : [`healthy ${word(whenHealthy)}`]),
    ...(whenFailed === undefined ? [] : [`unhealthy ${word(whenFailed)}`]),
  ]);
}

function contentFields({ path, content }: HostFile, options: BootOptions): ContentFields {
  const newest = options.fetchNewest?.(path);
  if (newest !== undefined) return { how: "command", what: word(newest) };
  switch (content.kind) {
    case "text": {
      const fetched = options.fetchText?.(sha256(content.text));
      if (fetched === undefined) return { how: "staged", what: "-" };
      return { sha256: sha256(content.text), how: "command", what: word(fetched) };
    }
    case "asset":
      return { sha256: content.sha256, how: "command", what: word(options.fetchAsset(content.sha256)) };
    case "secret":
      return { how: "command", what: word(options.fetchSecret(content.name)) };
  }
}
