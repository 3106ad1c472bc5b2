export interface ProxyUnitPaths {
  readonly bundle: string;
  readonly config: string;
}

/**
 * The systemd unit that runs the proxy as a user of its own that exists only while it runs, with nothing of the
 * host writable.
 */
export function proxyUnit({ bundle, config }: ProxyUnitPaths): string {
  return `[Unit]
Description=Tricloud aggregation proxy
Wants=network-online.target
After=network-online.target unbound.service

[Service]
ExecStart=/usr/bin/node ${bundle} --config ${config}
Restart=always
RestartSec=1
# Requests under way are finished before the process goes.
KillSignal=SIGTERM
TimeoutStopSec=40
LimitNOFILE=65536
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Node tries a few of those while it starts and does without; to be killed for trying would be the end of it.
SystemCallErrorNumber=EPERM
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}
