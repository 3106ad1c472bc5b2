import { UNIT_HARDENING } from "../host";
import { FINISH_SECONDS } from "./front-config";
import { FRONT_PATHS, FRONT_RUNTIME } from "./front-paths";

export interface FrontUnitOptions {
  /** How long a front on its way out goes on serving while its health says no, in seconds. */
  readonly drainSeconds: number;
}

/** The systemd unit of HAProxy in place of Debian's, which runs as root with a configuration of its own. */
export function frontUnit({ drainSeconds }: FrontUnitOptions): string {
  return `[Unit]
Description=Tricloud front (HAProxy)
Wants=network-online.target
After=network-online.target consul.service
StartLimitIntervalSec=0

[Service]
Type=notify
User=haproxy
Group=haproxy
ExecStart=/usr/sbin/haproxy -Ws -f ${FRONT_PATHS.config}
# For the warning alone: a front serves without.
ExecStartPost=-${FRONT_PATHS.guard} note
ExecReload=${FRONT_PATHS.guard} reload
ExecStop=${FRONT_PATHS.guard} leave ${drainSeconds}
# Requests under way are finished before the process goes.
KillSignal=SIGUSR1
KillMode=mixed
SuccessExitStatus=143
TimeoutStopSec=${drainSeconds + FINISH_SECONDS + KILL_SECONDS}
Restart=always
RestartSec=1
LimitNOFILE=65536
# What is known of instances outlasts a restart.
RuntimeDirectory=${FRONT_RUNTIME}
RuntimeDirectoryMode=0750
RuntimeDirectoryPreserve=restart
# Each request is a line of the journal.
LogRateLimitIntervalSec=0
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
${UNIT_HARDENING}
# It sets its own limit of open files, below the unit's.
SystemCallFilter=setrlimit prlimit64

[Install]
WantedBy=multi-user.target
`;
}

/** What systemd waits for longer than requests may take. */
const KILL_SECONDS = 10;
