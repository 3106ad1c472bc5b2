import {
  ComputeSecurityPolicy,
  type ComputeSecurityPolicyRule,
} from "@cdktf/provider-google/lib/compute-security-policy";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";

export interface EdgePolicyProps {
  /** Name of the policy, by which a load balancer finds it. */
  readonly name: string;
  /** Requests a minute from one address, beyond which it is refused for a while. @default 600 */
  readonly requestsPerMinute?: number;
  /**
   * What is done about a request that looks like an attack: `report` lets it through and logs it, so that what would
   * be refused wrongly is seen before `refuse` does. @default "report"
   */
  readonly attacks?: "report" | "refuse";
  /** What must exist first. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** What a public load balancer refuses before anything of ours sees it (Cloud Armor). */
export class EdgePolicy extends Construct {
  /** @throws Error for less than one request a minute */
  constructor(scope: Construct, id: string, props: EdgePolicyProps) {
    super(scope, id);
    const { name, requestsPerMinute = 600, attacks = "report" } = props;
    if (!Number.isInteger(requestsPerMinute) || requestsPerMinute < 1) {
      throw new Error(`edge policy ${name}: requestsPerMinute must be at least 1, got: ${requestsPerMinute}`);
    }
    new ComputeSecurityPolicy(this, "policy", {
      name,
      description: "Refuses known attacks and addresses that ask too often",
      adaptiveProtectionConfig: { layer7DdosDefenseConfig: { enable: true } },
      advancedOptionsConfig: { jsonParsing: "STANDARD", logLevel: "NORMAL" },
      rule: [
        refuseAttack(EXPLOITS, -1, false),
        ...ATTACKS.map((signatures, index) => refuseAttack(signatures, index, attacks === "report")),
        rateLimit(requestsPerMinute),
        ALLOW_REST,
      ],
      dependsOn: props.dependsOn,
    });
  }
}

/** Exploits of known holes, Log4j's among them: no honest request looks so. */
const EXPLOITS = "cve-canary";

/** Google's own sets of signatures; sensitivity 1 holds those that hit next to nothing else. */
const ATTACKS = [
  "sqli-v33-stable",
  "xss-v33-stable",
  "lfi-v33-stable",
  "rce-v33-stable",
  "protocolattack-v33-stable",
];

const refuseAttack = (signatures: string, index: number, preview: boolean): ComputeSecurityPolicyRule => ({
  description: `Refuse ${signatures}`,
  priority: 1000 + index,
  action: "deny(403)",
  preview,
  match: { expr: { expression: `evaluatePreconfiguredWaf('${signatures}', {'sensitivity': 1})` } },
});

const EVERYBODY = { versionedExpr: "SRC_IPS_V1", config: { srcIpRanges: ["*"] } };

const rateLimit = (requestsPerMinute: number): ComputeSecurityPolicyRule => ({
  description: "Refuse addresses that ask too often",
  priority: 2000,
  action: "rate_based_ban",
  match: EVERYBODY,
  rateLimitOptions: {
    enforceOnKey: "IP",
    conformAction: "allow",
    exceedAction: "deny(429)",
    rateLimitThreshold: { count: requestsPerMinute, intervalSec: 60 },
    banDurationSec: 300,
  },
});

const ALLOW_REST: ComputeSecurityPolicyRule = {
  description: "Let everybody else in",
  priority: 2147483647,
  action: "allow",
  match: EVERYBODY,
};
