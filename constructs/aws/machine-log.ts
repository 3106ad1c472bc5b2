import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Construct } from "constructs";
import type { ITerraformDependable } from "cdktf";
import { type HostFile, type HostProfilePart, textContent } from "../host";
import type { Alarm } from "./pager";
import { domainOf, partitionOf, type PolicyStatement } from "./policy";

export interface MachineLogProps {
  /** Names the log, for example `us`: the log group is `/tricloud/us/machines`. */
  readonly name: string;
  /** For example `us-east-1`. */
  readonly awsRegion: string;
  /** How long it is kept what machines said: one of CloudWatch's terms. @default 30 */
  readonly days?: number;
}

/** Something that a machine tries once a minute. */
export interface MachineCheck {
  /** Name of the metric: 1 while the check succeeds, else 0. */
  readonly metric: string;
  /** Shell command, run by root. */
  readonly command: string;
}

/**
 * Where machines of server groups leave what their journals say, a stream for each, and how they are: it is there when
 * they are gone. They send it themselves: AWS's own agent reads files, and Debian's journal is none.
 */
export class MachineLog extends Construct {
  /** Name of the log group. */
  readonly logGroupName: string;
  /** What must be there before a machine has anything to say. */
  readonly ready: ITerraformDependable;
  private readonly awsRegion: string;

  constructor(scope: Construct, id: string, props: MachineLogProps) {
    super(scope, id);
    const { name, awsRegion, days = 30 } = props;
    this.logGroupName = `/tricloud/${name}/machines`;
    this.awsRegion = awsRegion;
    this.ready = new CloudwatchLogGroup(this, "group", {
      name: this.logGroupName,
      retentionInDays: days,
    });
  }

  /** What a machine of the group must hold to send its journal and its metrics. */
  profileFor(group: string): HostProfilePart {
    const { logGroupName: logGroup, awsRegion: region } = this;
    const config = {
      ...{ region, domain: domainOf(region), logGroup, group },
      ...{ checks: PATHS.checks, state: `${STATE}/journal` },
    };
    const files: HostFile[] = [
      { path: PATHS.program, content: textContent(readFileSync(PROGRAM, "utf8")), mode: "0755" },
      { path: PATHS.config, content: textContent(`${JSON.stringify(config)}\n`) },
      { path: PATHS.unit, content: textContent(UNIT) },
    ];
    return {
      packages: ["python3"],
      files,
      services: [
        {
          name: SERVICE,
          reads: files.map(({ path }) => path),
          health: { command: `systemctl is-active ${SERVICE}` },
        },
      ],
    };
  }

  /** What makes a machine try something once a minute. */
  checkPart({ metric, command }: MachineCheck): HostProfilePart {
    return {
      files: [
        { path: `${PATHS.checks}/${metric}`, content: textContent(`#!/bin/sh\n${command}\n`), mode: "0755" },
      ],
    };
  }

  /** What the machines' role must be allowed. */
  permissions(): PolicyStatement[] {
    const { awsRegion } = this;
    return [
      {
        sid: "KeepJournal",
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [
          `arn:${partitionOf(awsRegion)}:logs:${awsRegion}:*:log-group:${this.logGroupName}:log-stream:i-*`,
        ],
      },
      {
        sid: "TellHowItIs",
        // Metrics are no resources: a namespace is what they can be narrowed to.
        actions: ["cloudwatch:PutMetricData"],
        resources: ["*"],
        condition: { StringEquals: { "cloudwatch:namespace": NAMESPACE } },
      },
    ];
  }

  /**
   * Shell command that a machine which is given up runs, with AWS's command line: its journal, or the end of it, goes to the
   * log before the machine does.
   */
  get lastWords(): string {
    const where = `--log-group-name ${this.logGroupName} --log-stream-name "$id"`;
    return (
      `id=$(cloud-init query instance_id); if systemctl -q is-active ${SERVICE}; then systemctl stop ${SERVICE}; else ` +
      `aws logs create-log-stream ${where} 2>/dev/null; ` +
      `journalctl -b -q -n 2000 -o json | python3 -c '${AS_EVENTS}' >/run/tricloud-last-words && ` +
      `aws logs put-log-events ${where} --log-events file:///run/tricloud-last-words >/dev/null; fi`
    );
  }
}

/** Alarms on a metric that machines of a group send, the worst of them. */
export const machineAlarm = (
  group: string,
  { metric, ...alarm }: Omit<Alarm, "namespace" | "dimensions">,
): Alarm => ({ ...alarm, metric, namespace: NAMESPACE, dimensions: { Group: group } });

/** What people must be told of any machine. */
export const machineAlarms = (group: string): Alarm[] => [
  machineAlarm(group, {
    name: `${group}-disk`,
    what: `The disk of a machine of ${group} is nearly full`,
    metric: "DiskUsed",
    statistic: "Maximum",
    when: { above: 85 },
    minutes: 15,
  }),
  machineAlarm(group, {
    name: `${group}-memory`,
    what: `A machine of ${group} has had next to no memory left for a quarter of an hour`,
    metric: "MemoryUsed",
    statistic: "Maximum",
    when: { above: 92 },
    minutes: 15,
  }),
];

const NAMESPACE = "Tricloud";
const SERVICE = "tricloud-machine-watch.service";
const STATE = "/var/lib/tricloud-machine-watch";
const PROGRAM = join(__dirname, "machine-watch.py");
const PATHS = {
  program: "/usr/local/lib/tricloud/machine-watch",
  config: "/etc/tricloud/machine-watch.json",
  checks: "/etc/tricloud/machine-checks",
  unit: `/etc/systemd/system/${SERVICE}`,
};

const UNIT = `[Unit]
Description=What this machine says and how it is, for CloudWatch
# Stopped before the network and the resolver are, so that the last it says arrives.
After=network-online.target unbound.service
Wants=network-online.target

[Service]
ExecStart=${PATHS.program} ${PATHS.config}
Restart=always
RestartSec=10
TimeoutStopSec=30
StateDirectory=${STATE.replace("/var/lib/", "")}
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;

/** Python without single quotes: entries of the journal to what the command line of CloudWatch Logs takes. */
const AS_EVENTS = [
  "import json, sys",
  'one = lambda entry: {"timestamp": int(entry["__REALTIME_TIMESTAMP"]) // 1000, "message": str(entry.get("MESSAGE") or "-")[:9000]}',
  'events = sorted((one(json.loads(line)) for line in sys.stdin), key=lambda event: event["timestamp"])',
  "size = 0",
  "kept = []",
  "for event in reversed(events):",
  '  size += len(event["message"].encode()) + 26',
  "  if size > 1000000: break",
  "  kept.insert(0, event)",
  "json.dump(kept, sys.stdout)",
].join("\n");
