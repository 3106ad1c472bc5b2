import { UNIT_HARDENING } from "../host";

export interface EngineUnitOptions {
  /** What it is, for people. */
  readonly description: string;
  /** Path of the program. */
  readonly bundle: string;
  /** Path of its configuration. */
  readonly config: string;
  /** What it keeps, below /var/lib; and what goes when it stops, below /run. */
  readonly state: string;
  /** How long it may take to stop. */
  readonly stopSeconds: number;
  /** Program that gives its user what nobody else may read, below /run. @default - there is no such thing */
  readonly handOver?: string | undefined;
}

/**
 * The systemd unit that runs a program of the proxy's engine as a user of its own that exists only while it runs, with
 * nothing of the host writable but what it keeps, which nobody else but root can reach.
 */
export function engineUnit({
  description,
  bundle,
  config,
  state,
  stopSeconds,
  handOver,
}: EngineUnitOptions): string {
  const first = (when: string): string => (handOver ? `${when}=+/bin/sh ${handOver}\n` : "");
  return `[Unit]
Description=${description}
Wants=network-online.target
After=network-online.target unbound.service

[Service]
${first("ExecStartPre")}ExecStart=/usr/bin/node ${bundle} --config ${config}
# Ends when it runs with what the file says, or says why it does not.
${first("ExecReload")}ExecReload=/usr/bin/node ${bundle} reload --config ${config}
Restart=always
RestartSec=1
# Requests under way are finished before the process goes.
KillSignal=SIGTERM
TimeoutStopSec=${stopSeconds}
LimitNOFILE=65536
DynamicUser=yes
StateDirectory=${state}
StateDirectoryMode=0700
# There in any case: what was handed over under an earlier unit goes with it.
RuntimeDirectory=${state}
RuntimeDirectoryMode=0700
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
${UNIT_HARDENING}
# Node compiles what it runs.
MemoryDenyWriteExecute=no

[Install]
WantedBy=multi-user.target
`;
}
