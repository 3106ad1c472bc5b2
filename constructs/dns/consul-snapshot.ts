import type { HostFile, HostService } from "../host";
import { textContent } from "../host";
import { shellApi, shellEnvironment } from "./consul-shell";
import {
  type BucketAccess,
  bucketFunctions,
  type BucketKey,
  refuseBadBucket,
  type SnapshotBucket,
} from "./snapshot-bucket";

/** How often a server writes what it knows to disk, and how long that is kept. */
export interface SnapshotOptions {
  /** Time from one snapshot to the next. @default 60 */
  readonly intervalMinutes?: number;
  /** Snapshots kept on each server, the newest ones. @default 48 */
  readonly keep?: number;
}

/** Snapshots that also go to a place off the servers. */
export interface HostSnapshotOptions extends SnapshotOptions {
  /** Where each snapshot is put besides. What is there is never deleted from here. @default - nowhere */
  readonly bucket?: SnapshotBucket;
  /**
   * How the servers sign what they ask of the bucket: with the role of the EC2 instance, or a key that may put, get and
   * list its objects. @default - a key in sensitive Terraform variables
   */
  readonly credentials?: "instance-role" | BucketKey;
}

/** Where snapshots go off the servers, and as whom. */
export interface SnapshotsAway {
  readonly bucket: SnapshotBucket & { readonly prefix: string };
  readonly access: BucketAccess;
}

/** @throws Error when a number is not a whole one above 0 */
export function snapshotNumbers({
  intervalMinutes = 60,
  keep = 48,
}: SnapshotOptions): Required<SnapshotOptions> {
  for (const [name, value] of Object.entries({ intervalMinutes, keep })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`consul snapshots: ${name} must be a whole number above 0, got: ${value}`);
    }
  }
  return { intervalMinutes, keep };
}

const FOLDER = "/var/lib/consul/tricloud/snapshots";
const SNAPSHOT = {
  script: "/usr/local/lib/tricloud/consul-snapshot",
  service: "/etc/systemd/system/tricloud-consul-snapshot.service",
  timer: "/etc/systemd/system/tricloud-consul-snapshot.timer",
};

/**
 * Files and timer that make a server keep snapshots of the datacenter's state on its own disk. Only the leader
 * writes one, so a region of three servers makes one each time, wherever the leader is.
 *
 * @throws Error when a number is not a whole one above 0
 */
export function snapshotUpkeep(
  options: SnapshotOptions,
  tokenFile?: string,
  away?: SnapshotsAway,
): { files: HostFile[]; services: HostService[] } {
  const { intervalMinutes, keep } = snapshotNumbers(options);
  if (away !== undefined) refuseBadBucket(away.bucket);
  return {
    files: [
      { path: SNAPSHOT.script, content: textContent(snapshotScript(keep, tokenFile, away)), mode: "0755" },
      { path: SNAPSHOT.service, content: textContent(SNAPSHOT_SERVICE) },
      { path: SNAPSHOT.timer, content: textContent(snapshotTimer(intervalMinutes)) },
    ],
    services: [
      {
        name: "tricloud-consul-snapshot.timer",
        reads: [SNAPSHOT.script, SNAPSHOT.service, SNAPSHOT.timer],
        health: { command: "systemctl is-active tricloud-consul-snapshot.timer" },
      },
    ],
  };
}

/** Shell lines that write one snapshot into a folder, which must be there, and keep the newest ones. */
export const snapshotLines = (folder: string, keep: number): string => `cd ${folder}
new=$(date -u +%Y%m%dT%H%M%SZ).snap
consul snapshot save "$new.unfinished"
# Saving checks what was received; this reads what reached the disk.
consul snapshot inspect "$new.unfinished" >/dev/null
chmod 0600 "$new.unfinished"
mv "$new.unfinished" "$new"
printf '%s\\n' *.snap | sort -r | tail -n +${keep + 1} | while read -r old; do rm -f "$old"; done
`;

const snapshotScript = (
  keep: number,
  tokenFile: string | undefined,
  away: SnapshotsAway | undefined,
): string => `#!/bin/sh
# Keeps the newest ${keep} snapshots of Consul's state in ${FOLDER}. The leader alone writes them.
set -eu
umask 077
${shellEnvironment({ tokenFile })}${away === undefined ? "" : `${awayFunctions(away, tokenFile)}\n`}${
  away === undefined ? "" : AWAY_COMMANDS
}consul info | grep -q 'leader = true' || ${away === undefined ? "exit 0" : "{ trap - EXIT; told passing 'another server is the leader'; exit 0; }"}
mkdir -p ${FOLDER}
${snapshotLines(FOLDER, keep)}${away === undefined ? "" : AWAY}`;

const awayFunctions = ({ bucket, access }: SnapshotsAway, tokenFile: string | undefined): string =>
  `${shellApi({ tokenFile })}
${bucketFunctions(bucket, access)}
# What Consul says of the snapshots: passing or critical, and why.
told() { api agent/check/update/service:${SNAPSHOT_SERVICE_NAME} -f -X PUT -d "{\\"Status\\": \\"$1\\", \\"Output\\": \\"$2\\"}"; }
newest() {
  for days in $(seq 0 365); do
    found=$(names "$(date -u -d "-$days day" +%Y%m%d)")
    [ -z "$found" ] || { echo "$found" | sort | tail -n 1; return; }
  done
  echo "the bucket has no snapshot of the last year" >&2
  return 1
}`;

const AWAY_COMMANDS = `case \${1-} in
  "") ;;
  list)
    names "\${2-}"
    exit
    ;;
  restore)
    name=\${2-newest}
    [ "$name" != newest ] || name=$(newest)
    fetched=$(mktemp)
    trap 'rm -f "$fetched"' EXIT
    download "$name" >"$fetched"
    consul snapshot inspect "$fetched"
    consul snapshot restore "$fetched"
    exit
    ;;
  *)
    echo "usage: consul-snapshot [list [YYYYMMDD] | restore [newest | NAME]]" >&2
    exit 2
    ;;
esac
trap 'told critical "the last snapshot failed: journalctl -u tricloud-consul-snapshot"' EXIT
`;

const AWAY = `upload "$new"
trap - EXIT
told passing "$new is in the bucket"
`;

/** Name of the service by which Consul tells how the snapshots are. */
export const SNAPSHOT_SERVICE_NAME = "consul-snapshots";

/** A service whose health says whether the last snapshot has reached the bucket, or is overdue. */
export const snapshotService = (options: SnapshotOptions): Record<string, unknown> => ({
  id: SNAPSHOT_SERVICE_NAME,
  name: SNAPSHOT_SERVICE_NAME,
  check: {
    name: "Snapshots reach the bucket",
    ttl: `${2 * snapshotNumbers(options).intervalMinutes + 10}m`,
    status: "passing",
  },
});

const SNAPSHOT_SERVICE = `[Unit]
Description=Snapshot of Consul's state
After=consul.service

[Service]
Type=oneshot
User=consul
Group=consul
ExecStart=${SNAPSHOT.script}
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
StateDirectory=consul/tricloud
StateDirectoryMode=0700
`;

const snapshotTimer = (minutes: number): string => `[Unit]
Description=Snapshots of Consul's state

[Timer]
OnActiveSec=${minutes}min
OnUnitActiveSec=${minutes}min
RandomizedDelaySec=10

[Install]
WantedBy=timers.target
`;
