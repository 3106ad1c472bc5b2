import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { FlowLog as AwsFlowLog } from "@cdktf/provider-aws/lib/flow-log";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy";
import { Construct } from "constructs";
import type { INetwork } from "./network";
import { policyDocument, trustPolicy } from "./policy";

export interface FlowLogProps {
  /** Network whose traffic is noted. */
  readonly network: INetwork;
  /** Name of the network, for example `us`. */
  readonly name: string;
  /** Which connections are noted. @default "REJECT" */
  readonly traffic?: "ALL" | "REJECT" | "ACCEPT";
  /** One of CloudWatch's terms. @default 30 */
  readonly retentionDays?: number;
}

/** Notes who tried to talk to whom in a network, in CloudWatch. */
export class FlowLog extends Construct {
  /** Name of the log group. */
  readonly logGroupName: string;

  constructor(scope: Construct, id: string, props: FlowLogProps) {
    super(scope, id);
    const { network, name, traffic = "REJECT", retentionDays = 30 } = props;
    const group = new CloudwatchLogGroup(this, "group", {
      name: `/tricloud/${name}/flows`,
      retentionInDays: retentionDays,
    });
    this.logGroupName = group.name;
    const role = new IamRole(this, "role", {
      namePrefix: `${name}-flows-`,
      assumeRolePolicy: trustPolicy("vpc-flow-logs.amazonaws.com"),
    });
    new IamRolePolicy(this, "permissions", {
      name: "write",
      role: role.id,
      policy: policyDocument([
        {
          sid: "WriteFlows",
          actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
          resources: [group.arn, `${group.arn}:log-stream:*`],
        },
      ]),
    });
    new AwsFlowLog(this, "log", {
      vpcId: network.vpcId,
      trafficType: traffic,
      logDestinationType: "cloud-watch-logs",
      logDestination: group.arn,
      iamRoleArn: role.arn,
      maxAggregationInterval: 60,
      tags: { Name: `${name}-flows` },
    });
  }
}
