import type { HostFile, HostService } from "../host";
import { text } from "../host";
import { shellEnvironment } from "./consul-shell";

/** How often a server writes what it knows to disk, and how long that is kept. */
export interface SnapshotOptions {
  /** Time from one snapshot to the next. @default 60 */
  readonly intervalMinutes?: number;
  /** Snapshots kept on each server, the newest ones. @default 48 */
  readonly keep?: number;
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
): { files: HostFile[]; services: HostService[] } {
  const { intervalMinutes, keep } = snapshotNumbers(options);
  return {
    files: [
      { path: SNAPSHOT.script, content: text(snapshotScript(keep, tokenFile)), mode: "0755" },
      { path: SNAPSHOT.service, content: text(SNAPSHOT_SERVICE) },
      { path: SNAPSHOT.timer, content: text(snapshotTimer(intervalMinutes)) },
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

const snapshotScript = (keep: number, tokenFile: string | undefined): string => `#!/bin/sh
# Keeps the newest ${keep} snapshots of Consul's state in ${FOLDER}. The leader alone writes them.
set -eu
umask 077
${shellEnvironment({ tokenFile })}consul info | grep -q 'leader = true' || exit 0
mkdir -p ${FOLDER}
${snapshotLines(FOLDER, keep)}`;

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
