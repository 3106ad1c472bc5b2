import { DeploymentV1 } from "@cdktf/provider-kubernetes/lib/deployment-v1";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { AGENT_TOKEN_RULES, tokenFunctions } from "../dns/consul-acl";
import { DNS_TOKEN_RULES } from "../dns/consul-config";
import { queryFunctions } from "../dns/consul-failover";
import { HAS_LEADER, shellApi, shellEnvironment } from "../dns/consul-shell";
import { textContent } from "../host";
import { ConfigFiles } from "./config-files";
import type { ConsulSecrets } from "./consul-secrets";
import { consulTaskPod, taskAgent, taskFile, taskSecret } from "./consul-task-pod";
import { labelsOf } from "./own-labels";

export interface ConsulUpkeepProps {
  /** Namespace of the servers. */
  readonly namespace: string;
  /** Image that has `consul`, `curl` and a shell. */
  readonly image: string;
  readonly secrets: ConsulSecrets;
  /** Make the tokens; for the datacenter whose tokens hold for all. */
  readonly tokens: boolean;
  /** The prepared query that the datacenter is to have. @default - none */
  readonly query?: Record<string, unknown>;
}

/**
 * A pod that sees to it, again and again, that Consul has its tokens and its prepared query. It is ready once the
 * tokens are known, or while nobody could know them: what uses new tokens is to wait for it.
 */
export class ConsulUpkeep extends Construct {
  /** For what must wait until it is ready. */
  readonly deployment: ITerraformDependable;

  constructor(scope: Construct, id: string, props: ConsulUpkeepProps) {
    super(scope, id);
    const { namespace, image, tokens } = props;
    const { agent, secrets } = taskAgent(props.secrets);
    const acl = tokens ? props.secrets.acl : undefined;
    const files = this.files(props, [shellEnvironment(agent), shellApi(agent)].join(""));
    const { configMapName } = new ConfigFiles(this, "files", { name: NAME, namespace, files });
    const { pod, container, volumes, mounts } = consulTaskPod({
      name: "upkeep",
      image,
      configMap: configMapName,
      script: SCRIPT,
      secrets: { ...secrets, ...(acl ? { "agent-token": acl.agent, "dns-token": acl.dns } : {}) },
    });
    const { digest } = props.secrets;
    this.deployment = new DeploymentV1(this, "deployment", {
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        replicas: "1",
        selector: { matchLabels: LABELS },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "1", maxUnavailable: "0" } },
        template: {
          metadata: { labels: LABELS, ...(digest ? { annotations: { [DIGEST_ANNOTATION]: digest } } : {}) },
          spec: {
            ...pod,
            container: [
              {
                ...container,
                volumeMount: mounts,
                ...(tokens
                  ? {
                      readinessProbe: {
                        exec: { command: ["sh", taskFile(SCRIPT), "ready"] },
                        timeoutSeconds: 10,
                        periodSeconds: 3,
                        failureThreshold: 1,
                      },
                    }
                  : {}),
              },
            ],
            volume: volumes,
          },
        },
      },
    });
  }

  private files({ tokens, query }: ConsulUpkeepProps, access: string) {
    const keeps = { tokens, query: query !== undefined };
    return {
      [SCRIPT]: textContent(upkeepScript(access, keeps)),
      ...(tokens
        ? { [AGENT_RULES]: textContent(AGENT_TOKEN_RULES), [DNS_RULES]: textContent(DNS_TOKEN_RULES) }
        : {}),
      ...(query === undefined ? {} : { [QUERY]: textContent(`${JSON.stringify(query)}\n`) }),
    };
  }
}

interface Keeps {
  readonly tokens: boolean;
  readonly query: boolean;
}

const upkeepScript = (
  access: string,
  { tokens, query }: Keeps,
): string => `# Sees to it, again and again, that Consul has what is its own here.
# "once" does it one time, "kept" tells whether nothing is missing, "ready" whether tokens may be used.
set -eu
umask 077
${access}
${HAS_LEADER}
${tokens ? TOKENS : ""}${query ? queryFunctions(taskFile(QUERY)) : ""}
case \${1-} in
  once)
    has_leader
${tokens ? "    make_tokens\n" : ""}${query ? "    keep_query\n" : ""}    ;;
  kept)
    ${[...(tokens ? ["tokens_made"] : []), ...(query ? ["query_known"] : [])].join(" && ")}
    ;;
${tokens ? READY : ""}  *)
    trap 'exit 0' TERM
    pause() { sleep "$1" & wait $!; }
    until sh "$0" once; do pause 2; done
    # From here on only what got lost: every write would wake whoever watches.
    while true; do
      pause 15
      sh "$0" kept || sh "$0" once || true
    done
    ;;
esac
`;

const NAME = "consul-upkeep";
const LABELS = labelsOf(NAME);
const SCRIPT = "upkeep.sh";
const QUERY = "failover-query.json";
const AGENT_RULES = "agent.rules";
const DNS_RULES = "dns.rules";
const TOKENS = tokenFunctions({
  agentToken: taskSecret("agent-token"),
  dnsToken: taskSecret("dns-token"),
  agentRules: taskFile(AGENT_RULES),
  dnsRules: taskFile(DNS_RULES),
});
const READY = `  ready)
    # Where there is no leader yet, or no access control, servers start first and the tokens follow.
    has_leader || exit 0
    if acls_off; then exit 0; fi
    tokens_made
    ;;
`;

/** Pods are replaced when the secrets they were started with change. */
export const DIGEST_ANNOTATION = "tricloud/secrets";
