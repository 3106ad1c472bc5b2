import { CloudwatchMetricAlarm } from "@cdktf/provider-aws/lib/cloudwatch-metric-alarm";
import { DataAwsCallerIdentity } from "@cdktf/provider-aws/lib/data-aws-caller-identity";
import { SnsTopic } from "@cdktf/provider-aws/lib/sns-topic";
import { SnsTopicPolicy } from "@cdktf/provider-aws/lib/sns-topic-policy";
import { SnsTopicSubscription } from "@cdktf/provider-aws/lib/sns-topic-subscription";
import { type ITerraformDependable, Lazy } from "cdktf";
import { Construct } from "constructs";

/** Something that a person must look at now. */
export interface Alarm {
  /** Unique in the region: letters, digits and hyphens. */
  readonly name: string;
  /** What is wrong when it goes off, for whoever is woken. */
  readonly what: string;
  /** Where CloudWatch keeps the metric, for example `AWS/RDS`. */
  readonly namespace: string;
  /** Name of the metric there. */
  readonly metric: string;
  /** Which of the metric's series. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Of the values within a minute. */
  readonly statistic: "Average" | "Maximum" | "Minimum" | "Sum";
  /** Threshold that the statistic must not cross. */
  readonly when: { readonly above: number } | { readonly below: number };
  /** How many minutes in a row it must be so. */
  readonly minutes: number;
  /** How often the service reports, in minutes. @default 1 */
  readonly periodMinutes?: number;
  /** Whether silence is a bad sign. @default false */
  readonly silenceIsBad?: boolean;
}

/** What knows when people must be told about it. */
export interface HasAlarms {
  /** What a `Pager` watches. */
  readonly alarms: readonly Alarm[];
}

export interface PagerProps {
  /** Start of the alarms' names, for example `us`. */
  readonly name: string;
  /** Addresses told by mail; each must confirm once. @default - none: something else subscribes to the topic */
  readonly emails?: readonly string[];
}

/** Tells people when an alarm goes off, and when it is over. */
export class Pager extends Construct {
  /** Topic that every alarm is sent to. */
  readonly topicArn: string;
  private readonly services = new Set<string>();
  private policy?: SnsTopicPolicy;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: PagerProps,
  ) {
    super(scope, id);
    const topic = new SnsTopic(this, "topic", { name: `tricloud-${props.name}-alarms` });
    this.topicArn = topic.arn;
    for (const [index, endpoint] of (props.emails ?? []).entries()) {
      new SnsTopicSubscription(this, `mail-${index + 1}`, {
        topicArn: topic.arn,
        protocol: "email",
        endpoint,
      });
    }
  }

  /**
   * Lets a service of AWS, besides CloudWatch, tell the topic's subscribers something.
   *
   * @returns what must be there before it can
   */
  openTo(service: string): ITerraformDependable {
    this.services.add(service);
    this.policy ??= this.makePolicy();
    return this.policy;
  }

  private makePolicy(): SnsTopicPolicy {
    const { accountId } = new DataAwsCallerIdentity(this, "account", {});
    return new SnsTopicPolicy(this, "policy", {
      arn: this.topicArn,
      policy: Lazy.stringValue({ produce: () => this.policyText(accountId) }),
    });
  }

  private policyText(accountId: string): string {
    return JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Publish",
          Effect: "Allow",
          Principal: { Service: ["cloudwatch.amazonaws.com", ...this.services] },
          Action: "sns:Publish",
          Resource: this.topicArn,
          Condition: { StringEquals: { "aws:SourceAccount": accountId } },
        },
      ],
    });
  }

  /** Has the alarms of all these watched. */
  watch(...sources: readonly HasAlarms[]): void {
    for (const alarm of sources.flatMap(({ alarms }) => alarms)) this.add(alarm);
  }

  private add(alarm: Alarm): void {
    const { periodMinutes = 1, when, silenceIsBad = false } = alarm;
    new CloudwatchMetricAlarm(this, alarm.name, {
      alarmName: `${this.props.name}: ${alarm.name}`,
      alarmDescription: alarm.what,
      namespace: alarm.namespace,
      metricName: alarm.metric,
      dimensions: { ...alarm.dimensions },
      statistic: alarm.statistic,
      period: periodMinutes * 60,
      evaluationPeriods: Math.ceil(alarm.minutes / periodMinutes),
      ...("above" in when
        ? { comparisonOperator: "GreaterThanThreshold", threshold: when.above }
        : { comparisonOperator: "LessThanThreshold", threshold: when.below }),
      treatMissingData: silenceIsBad ? "breaching" : "notBreaching",
      alarmActions: [this.topicArn],
      okActions: [this.topicArn],
    });
  }
}
