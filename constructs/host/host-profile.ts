/**
 * What a Linux host (Debian 13) must hold, as a value. The same profile is delivered over SSH to dedicated
 * servers and rendered to cloud-init for EC2; nothing in it knows which.
 */
export interface HostProfile {
  /** Archives besides the host's own. */
  readonly aptSources: readonly AptSource[];
  /**
   * Debian packages, installed without recommended packages: `NAME` for whatever is there or the archives hold, or
   * `NAME=VERSION` for that version alone, upwards or downwards (upstream's `1.22.3`, or the package's `1.22.3-1`).
   */
  readonly packages: readonly string[];
  /** Files that are put in place, and taken away when no longer named. */
  readonly files: readonly HostFile[];
  /** Started in this order, each healthy before the next is touched. */
  readonly services: readonly HostService[];
}

/** Any subset of a profile: what one construct contributes. */
export type HostProfilePart = Partial<HostProfile>;

/** One deb822 source, written to `/etc/apt/sources.list.d/NAME.sources`. */
export interface AptSource {
  /** Names its files on the host: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** URL of the archive. */
  readonly uri: string;
  /** Suite in it, for example `trixie`. */
  readonly suite: string;
  /** Components of the suite, for example `main`. */
  readonly components: readonly string[];
  /** ASCII-armoured OpenPGP public key that signs the archive. @default - the host's own keyrings */
  readonly key?: string;
  /** Where the host fetches that key (https), when `key` is not given. @default - not fetched */
  readonly keyUrl?: string;
  /**
   * OpenPGP fingerprints, 40 hex digits each, of the keys to be taken from what is fetched; one of them must be there.
   * Required with `keyUrl`. @default - none
   */
  readonly keyFingerprint?: string | readonly string[];
  /** Accept an unsigned archive. For archives on the host's own private network only. @default false */
  readonly trusted?: boolean;
  /** Take only these packages from the archive, whatever versions it holds of others. @default - any package */
  readonly onlyPackages?: readonly string[];
}

export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  /** What it holds. */
  readonly content: FileContent;
  /** Octal, four digits. @default "0644" */
  readonly mode?: string;
  /** User that owns it. @default "root" */
  readonly owner?: string;
  /** Group that owns it. @default "root" */
  readonly group?: string;
}

export type FileContent = TextContent | AssetContent | SecretContent;

export interface TextContent {
  readonly kind: "text";
  /** The file's text, UTF-8. */
  readonly text: string;
  /**
   * What of it only a start of the services that read it takes notice of: where nothing else is different, machines that
   * would be replaced for another text take it by these services' `reload`.
   * @default - all of it
   */
  readonly readAtStart?: string;
}

/** A file of the machine that synthesises, delivered byte for byte. */
export interface AssetContent {
  readonly kind: "asset";
  /** Path on the machine that synthesises. */
  readonly source: string;
  /** Lower-case hex SHA-256 of the file: decides whether anything is delivered again. */
  readonly sha256: string;
}

/** Text that holds a secret: `value` is a Terraform expression of a sensitive variable or a generated resource. */
export interface SecretContent {
  readonly kind: "secret";
  /** Name of the secret, for stores that need one: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** An unresolved token; never a literal. */
  readonly value: string;
}

/** A systemd unit of the host. Its unit file, if not from a package, is one of the profile's files. */
export interface HostService {
  /** Unit name with suffix, for example `unbound.service`. */
  readonly name: string;
  /** Paths of the profile's files the service reads: the service is restarted when one of them changes. */
  readonly reads: readonly string[];
  /**
   * Names of the packages whose programs it runs. Where such a package is there in another version than the profile
   * wants, it is changed when the host is activated, and the service restarted or reloaded for it.
   * @default - none
   */
  readonly runs?: readonly string[];
  /**
   * Shell command run before any file is replaced, with `$STAGED` holding a directory in which the profile's
   * files lie under their absolute paths. When it fails, the host is left as it was.
   * @default - nothing is verified
   */
  readonly verify?: string;
  /**
   * Shell command that makes the running service take its new files without a restart; exit 100 says that it takes one
   * all the same. @default - restart
   */
  readonly reload?: string;
  /** Those of `reads` that a reload is enough for: when another one changes, the service is restarted. @default - all */
  readonly reloadsFor?: readonly string[];
  /**
   * Shell command that must succeed before a running instance may be restarted (a quorum that can lose one).
   * @default - it may always
   */
  readonly gate?: string;
  /**
   * Succeeds when the service does its job; tried once a second until `timeoutSeconds`.
   * @default - healthy once systemd has started it
   */
  readonly health?: HealthCheck;
}

export interface HealthCheck {
  /** Shell command; exit 0 means healthy. */
  readonly command: string;
  /** How long it is tried before the change counts as failed. @default 30 */
  readonly timeoutSeconds?: number;
}

export const textContent = (value: string): TextContent => ({ kind: "text", text: value });
export const secretContent = (name: string, value: string): SecretContent => ({
  kind: "secret",
  name,
  value,
});

export const EMPTY_PROFILE: HostProfile = { aptSources: [], packages: [], files: [], services: [] };
