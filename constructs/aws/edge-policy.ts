import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { Wafv2WebAcl } from "@cdktf/provider-aws/lib/wafv2-web-acl";
import { Wafv2WebAclAssociation } from "@cdktf/provider-aws/lib/wafv2-web-acl-association";
import { Wafv2WebAclLoggingConfiguration } from "@cdktf/provider-aws/lib/wafv2-web-acl-logging-configuration";
import { Construct } from "constructs";

export interface EdgePolicyProps {
  /** Name of the policy, for example `us-app`: letters, digits and hyphens. */
  readonly name: string;
  /** The load balancer that it is put in front of. */
  readonly loadBalancerArn: string;
  /** Requests a minute from one address, beyond which it is refused until it asks less. At least 10. @default 600 */
  readonly requestsPerMinute?: number;
  /**
   * What is done about a request that looks like an attack: `report` lets it through and logs it, so that what would
   * be refused wrongly is seen before `refuse` does. Exploits of known holes, such as Log4j's, are refused in any case.
   * @default "report"
   */
  readonly attacks?: "report" | "refuse";
  /** How long it is kept what was refused or reported: one of CloudWatch's terms. @default 30 */
  readonly logDays?: number;
}

/** What a public load balancer refuses before anything of ours sees it (AWS WAF). */
export class EdgePolicy extends Construct {
  /** Name of the web ACL. */
  readonly policyName: string;
  /** Name of the log group that holds what was refused or reported. */
  readonly logGroupName: string;

  /** @throws Error for a malformed name, or fewer requests a minute than WAF can count */
  constructor(scope: Construct, id: string, props: EdgePolicyProps) {
    super(scope, id);
    const { name, loadBalancerArn, requestsPerMinute = 600, attacks = "report", logDays = 30 } = props;
    if (!/^[a-zA-Z0-9-]{1,100}$/.test(name)) {
      throw new Error(
        `name of an edge policy must be at most 100 letters, digits and hyphens, got: ${JSON.stringify(name)}`,
      );
    }
    if (!Number.isInteger(requestsPerMinute) || requestsPerMinute < 10) {
      throw new Error(
        `edge policy ${name}: requestsPerMinute must be at least 10, got: ${requestsPerMinute}`,
      );
    }
    const policy = new Wafv2WebAcl(this, "policy", {
      name,
      description: "Refuses known attacks and addresses that ask too often",
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      // In WAF's own words: Terraform's for a rule's statement nest too deep for its bindings.
      ruleJson: JSON.stringify([
        rateLimit(requestsPerMinute),
        signatures(EXPLOITS, 1, true),
        ...ATTACKS.map((set, at) => signatures(set, 10 + at, attacks === "refuse")),
      ]),
      visibilityConfig: seenAs(name),
    });
    new Wafv2WebAclAssociation(this, "in-front", { resourceArn: loadBalancerArn, webAclArn: policy.arn });
    // WAF writes to groups of such a name alone.
    const log = new CloudwatchLogGroup(this, "log", {
      name: `aws-waf-logs-${name}`,
      retentionInDays: logDays,
    });
    this.policyName = policy.name;
    this.logGroupName = log.name;
    new Wafv2WebAclLoggingConfiguration(this, "logging", {
      resourceArn: policy.arn,
      logDestinationConfigs: [log.arn],
      loggingFilter: {
        defaultBehavior: "DROP",
        filter: [
          {
            behavior: "KEEP",
            requirement: "MEETS_ANY",
            condition: ["BLOCK", "COUNT", "EXCLUDED_AS_COUNT"].map((action) => ({
              actionCondition: { action },
            })),
          },
        ],
      },
      // Who holds them is who they name.
      redactedFields: ["authorization", "cookie"].map((header) => ({ singleHeader: { name: header } })),
    });
  }
}

/** Exploits of known holes, Log4j's among them: no honest request looks so. */
const EXPLOITS = "AWSManagedRulesKnownBadInputsRuleSet";

/** AWS's own sets of signatures; with the exploits 1,300 of the 1,500 units that a policy may use at its basic price. */
const ATTACKS = ["AWSManagedRulesSQLiRuleSet", "AWSManagedRulesLinuxRuleSet", "AWSManagedRulesCommonRuleSet"];

const signatures = (set: string, priority: number, refuses: boolean): object => ({
  Name: set,
  Priority: priority,
  OverrideAction: refuses ? { None: {} } : { Count: {} },
  Statement: { ManagedRuleGroupStatement: { Name: set, VendorName: "AWS" } },
  VisibilityConfig: ruleSeenAs(set),
});

const rateLimit = (requestsPerMinute: number): object => ({
  Name: "asks-too-often",
  Priority: 0,
  Action: { Block: { CustomResponse: { ResponseCode: 429 } } },
  Statement: {
    RateBasedStatement: { Limit: requestsPerMinute, EvaluationWindowSec: 60, AggregateKeyType: "IP" },
  },
  VisibilityConfig: ruleSeenAs("asks-too-often"),
});

const ruleSeenAs = (MetricName: string) => ({
  CloudWatchMetricsEnabled: true,
  MetricName,
  SampledRequestsEnabled: true,
});

const seenAs = (metricName: string) => ({
  cloudwatchMetricsEnabled: true,
  metricName,
  sampledRequestsEnabled: true,
});
