export interface ConsulTask {
  readonly description: string;
  readonly script: string;
  /** Start Consul along with it. @default false: the task comes before the agent itself */
  readonly wantsConsul?: boolean;
}

/** A unit that a server runs until its script has done what needs a leader, and that then counts as active. */
export const consulTaskUnit = ({ description, script, wantsConsul = false }: ConsulTask): string => `[Unit]
Description=${description}
After=consul.service
${wantsConsul ? "Wants=consul.service\n" : ""}
[Service]
# Not "oneshot": the first server of a new region must not wait for the leader that needs the others.
Type=exec
RemainAfterExit=yes
User=consul
Group=consul
ExecStart=${script}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;
