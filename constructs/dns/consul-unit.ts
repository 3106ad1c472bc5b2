import { CONSUL_PATHS } from "./consul-files";
import { UNIT_HARDENING } from "../host";

/**
 * The systemd unit of a Consul agent, in place of the one any package has: Debian's and HashiCorp's differ in user
 * rights, data folder and when they count as started.
 */
export function consulUnit(): string {
  return `[Unit]
Description=Consul agent of Tricloud
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
# Not "notify": the first server of a new datacenter is up long before it can join anybody.
Type=exec
User=consul
Group=consul
ExecStartPre=${CONSUL_PATHS.guard} remember
ExecStart=/usr/bin/consul agent -config-dir=${CONSUL_PATHS.folder}
ExecReload=/bin/kill -HUP $MAINPID
# A client agent leaves on this signal, so that its services go from DNS at once; a server stays a member.
KillSignal=SIGTERM
TimeoutStopSec=20
Restart=always
RestartSec=1
LimitNOFILE=65536
StateDirectory=consul/tricloud
StateDirectoryMode=0700
RuntimeDirectory=tricloud-consul
CapabilityBoundingSet=
${UNIT_HARDENING}

[Install]
WantedBy=multi-user.target
`;
}
