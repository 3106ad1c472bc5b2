import { aptFiles, aptKeyPath } from "./apt-files";
import type { AptSource, HostFile, HostProfile, HostService } from "./host-profile";

export interface BootOptions {
  /** Shell command that writes the asset with this SHA-256 to standard output. */
  readonly fetchAsset: (sha256: string) => string;
  /** Shell command that writes the secret of this name to standard output. */
  readonly fetchSecret: (name: string) => string;
  /** Debian packages needed besides the profile's, for the commands given here. @default - none */
  readonly packages?: readonly string[];
  /** Environment of all commands. @default - cloud-init's own */
  readonly environment?: Readonly<Record<string, string>>;
  /** Shell commands run once packages are installed and before any file is fetched. @default - none */
  readonly prepare?: readonly string[];
  /** Shell command run when every service is healthy. @default - none */
  readonly whenHealthy?: string;
  /** Shell command run when any step has failed. @default - none */
  readonly whenFailed?: string;
}

const STAGED = "/var/lib/tricloud/staged";

/** Where a file of the profile waits until the services have verified it. */
export const stagedPath = (path: string): string => STAGED + path;

/** All files that boot needs on the machine: the profile's own and those that tell apt its sources. */
export const bootFiles = (profile: HostProfile): HostFile[] => [
  ...profile.aptSources.flatMap(aptFiles),
  ...profile.files,
];

/** The program that cloud-init runs on a machine's first boot; texts of the profile are staged before it starts. */
export function bootScript(profile: HostProfile, options: BootOptions): string {
  const sources = profile.aptSources;
  const withKeys = sources.filter((source) => source.keyUrl !== undefined);
  const packages = [...new Set([...(options.packages ?? []), ...profile.packages])].sort();
  return [
    PREAMBLE,
    ...Object.entries(options.environment ?? {}).map(([name, value]) => `export ${name}=${quote(value)}`),
    `when_failed() { bash -o pipefail -c ${quote(options.whenFailed ?? ":")}; }`,
    "",
    "step 'apt sources'",
    ...(withKeys.length > 0
      ? ["retry apt_get update", "retry apt_get install ca-certificates curl gpg"]
      : []),
    ...withKeys.map(aptKey),
    ...sources.flatMap(aptFiles).map(placed),
    "step packages",
    "hold_services",
    ...(packages.length === 0
      ? []
      : ["retry apt_get update", `retry apt_get install ${packages.map(quote).join(" ")}`]),
    "release_services",
    ...(options.prepare ?? []),
    "step 'assets and secrets'",
    ...profile.files.flatMap((file) => fetched(file, options)),
    "step verification",
    ...profile.services.flatMap(({ name, verify }) =>
      verify === undefined ? [] : [`verify ${quote(name)} ${quote(verify)}`],
    ),
    "step files",
    ...profile.files.map(placed),
    `rm -rf "$STAGED"`,
    "systemctl daemon-reload",
    // On a machine that serves nobody yet all may start at once, and they need one another: Consul, say, finds its
    // servers by names that the resolver looks up, which in turn asks Consul.
    "step services",
    ...profile.services.map(({ name }) => `start ${quote(name)}`),
    "step health",
    ...profile.services.flatMap(awaited),
    "step report",
    ...(options.whenHealthy === undefined ? [] : [`retry bash -o pipefail -c ${quote(options.whenHealthy)}`]),
    "step done",
    "",
  ].join("\n");
}

const PREAMBLE = `#!/bin/bash
# Makes this machine what its profile says. Run once, by cloud-init; to be read in /var/log/cloud-init-output.log.
set -Eeuo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root STAGED=${STAGED}
install -d -m 0700 /var/lib/tricloud "$STAGED"

step() { current=$1; echo "tricloud: $1"; }
failed() {
  trap - ERR
  echo "tricloud: failed at $current" >&2
  when_failed || echo "tricloud: the failure could not be reported" >&2
  exit 1
}
trap failed ERR

retry() { # COMMAND...: ten tries, three seconds apart
  local try
  for try in {1..10}; do
    "$@" && return 0
    sleep 3
  done
  return 1
}
apt_get() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold \\
    --no-install-recommends "$@"
}
apt_key() { # PATH URL FINGERPRINT: keeps that one key of all that the URL serves
  local keys
  current="fetching the apt key $2"
  keys=$(mktemp -d)
  retry curl -fsSL --proto =https -o "$keys/fetched" "$2"
  gpg --homedir "$keys" --batch -q --import "$keys/fetched"
  gpg --homedir "$keys" --batch --armor --export "$3" >"$keys/wanted"
  if [[ ! -s $keys/wanted ]]; then
    echo "tricloud: expected a key with fingerprint $3 from $2" >&2
    return 1
  fi
  install -D -m 0644 "$keys/wanted" "$1"
  rm -rf "$keys"
}
# Packages start their services when installed; ours start only once their files are in place.
hold_services() {
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 0755 /usr/sbin/policy-rc.d
}
release_services() { rm /usr/sbin/policy-rc.d; }
fetch_once() { # TO COMMAND [SHA256]
  bash -o pipefail -c "$2" >"$1" || return 1
  [[ -z \${3-} ]] || sha256sum --quiet -c <<<"$3  $1"
}
fetch() { # PATH COMMAND [SHA256]
  current="fetching $1"
  mkdir -p "$(dirname "$STAGED$1")"
  retry fetch_once "$STAGED$1" "\${@:2}"
}
verify() { # SERVICE COMMAND
  current="verification of the files for $1"
  bash -c "$2"
}
place() { # PATH MODE OWNER GROUP: in one rename, so that no reader sees half a file
  current="placing $1"
  mkdir -p "$(dirname "$1")"
  install -m "$2" -o "$3" -g "$4" "$STAGED$1" "$1.tricloud-new"
  mv -fT "$1.tricloud-new" "$1"
}
start() { # SERVICE
  current="starting $1"
  systemctl enable "$1"
  systemctl restart "$1"
}
await() { # SERVICE TIMEOUT_SECONDS HEALTH_COMMAND
  current="waiting for $1 to be healthy"
  local deadline=$((SECONDS + $2)) left
  until left=$((deadline - SECONDS)) && timeout "$((left > 0 ? left : 1))" bash -c "$3"; do
    if ((left <= 0)); then
      systemctl status --no-pager "$1" >&2 || true
      return 1
    fi
    sleep 1
  done
}
`;

const aptKey = (source: AptSource): string =>
  `apt_key ${[aptKeyPath(source), source.keyUrl ?? "", source.keyFingerprint ?? ""].map(quote).join(" ")}`;

function fetched({ path, content }: HostFile, options: BootOptions): string[] {
  switch (content.kind) {
    case "text":
      return [];
    case "asset":
      return [`fetch ${quote(path)} ${quote(options.fetchAsset(content.sha256))} ${content.sha256}`];
    case "secret":
      return [`fetch ${quote(path)} ${quote(options.fetchSecret(content.name))}`];
  }
}

const placed = ({ path, mode = "0644", owner = "root", group = "root" }: HostFile): string =>
  `place ${quote(path)} ${mode} ${quote(owner)} ${quote(group)}`;

const DEFAULT_HEALTH_TIMEOUT_SECONDS = 30;

// A quorum's `gate` is for restarting what runs already, which nothing does on a machine's first boot.
const awaited = ({ name, health }: HostService): string[] =>
  health === undefined
    ? []
    : [
        `await ${quote(name)} ${health.timeoutSeconds ?? DEFAULT_HEALTH_TIMEOUT_SECONDS} ${quote(health.command)}`,
      ];

/** `value` as one word of the shell, whatever it holds. */
export const quote = (value: string): string =>
  /^[A-Za-z0-9_./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
