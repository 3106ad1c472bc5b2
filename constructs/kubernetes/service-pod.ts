import { Fn, Token } from "cdktf";
import { SECRETS_IN_CONTAINER } from "../service/service-secrets";
import type { SecretEntry } from "./consul-secrets";
import { LEAVES_LOST_NODE } from "./node-loss";
import { HARDENED_CONTAINER, HARDENED_POD, UNPRIVILEGED_PORTS } from "./pod-hardening";
import { asTemplate } from "../grammar/terraform-text";
import { zoneSpread } from "./zone-spread";

export interface ServicePodProps {
  readonly name: string;
  readonly image: string;
  readonly port: number;
  readonly healthPath: string;
  readonly region: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where secrets are kept, by the name of the file that holds one. */
  readonly secrets: Readonly<Record<string, SecretEntry>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of the service account. */
  readonly account: string;
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly drainSeconds: number;
  readonly finishSeconds: number;
  readonly startSeconds: number;
}

/** A service's pod in the form of Kubernetes' API. */
export function servicePod(props: ServicePodProps): Record<string, unknown> {
  const { labels, port, drainSeconds, finishSeconds } = props;
  const hasSecrets = Object.keys(props.secrets).length > 0;
  return {
    ...identity(props),
    terminationGracePeriodSeconds: drainSeconds + finishSeconds,
    securityContext: {
      ...podSecurity(),
      ...(!Token.isUnresolved(port) && port < 1024 ? { sysctls: UNPRIVILEGED_PORTS } : {}),
    },
    topologySpreadConstraints: zoneSpread(labels).map((constraint) => ({
      ...constraint,
      labelSelector: { matchLabels: { ...labels } },
    })),
    tolerations: LEAVES_LOST_NODE.map((each) => ({ ...each, ...numbers(each, ["tolerationSeconds"]) })),
    containers: [container(props, hasSecrets)],
    volumes: volumes(props.secrets, hasSecrets),
  };
}

/** What of a service its tasks have too. */
export type TaskPodProps = Omit<
  ServicePodProps,
  "healthPath" | "labels" | "drainSeconds" | "finishSeconds" | "startSeconds"
>;

/** Pod of a service's task, with all that the service's own has but for what answers requests. */
export function taskPod(
  props: TaskPodProps,
  { name, command }: { readonly name: string; readonly command: readonly string[] },
): Record<string, unknown> {
  const hasSecrets = Object.keys(props.secrets).length > 0;
  return {
    ...identity(props),
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 20,
    securityContext: podSecurity(),
    containers: [{ ...program(props, hasSecrets), name, command: command.map(verbatim) }],
    volumes: volumes(props.secrets, hasSecrets),
  };
}

const identity = ({ account }: Pick<ServicePodProps, "account">) => ({
  serviceAccountName: account,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  // Names with two dots or more are asked for as they are, before the search list.
  dnsConfig: { options: [{ name: "ndots", value: "2" }] },
});

const podSecurity = () => ({
  ...HARDENED_POD,
  ...numbers(HARDENED_POD, ["runAsUser", "runAsGroup", "fsGroup"]),
});

const volumes = (secrets: ServicePodProps["secrets"], hasSecrets: boolean) => [
  { name: "work", emptyDir: { medium: "Memory", sizeLimit: WORK_SIZE } },
  ...(hasSecrets ? [secretsVolume(secrets)] : []),
];

/** What any container of the service's image has. */
function program(props: TaskPodProps, hasSecrets: boolean) {
  const memory = quantity(props.memoryMib, 1024, "Mi", "Gi");
  return {
    image: props.image,
    imagePullPolicy: "IfNotPresent",
    env: variables(props),
    resources: {
      // No limit of CPU time: throttling would show as latency.
      requests: { cpu: quantity(props.cpuMillicores, 1000, "m", ""), memory },
      limits: { memory },
    },
    securityContext: HARDENED_CONTAINER,
    // What the kernel's log of an end does not hold, the service's last words may.
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "work", mountPath: "/tmp" },
      ...(hasSecrets ? [{ name: "secrets", mountPath: SECRETS_IN_CONTAINER, readOnly: true }] : []),
    ],
  };
}

function container(props: ServicePodProps, hasSecrets: boolean) {
  const { port, healthPath: path, drainSeconds } = props;
  const probe = { httpGet: { path, port: "http", scheme: "HTTP" }, timeoutSeconds: 2 };
  return {
    name: props.name,
    ...program(props, hasSecrets),
    ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
    // Until everybody has let go of its address it goes on taking requests; only then it is told to end.
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
    startupProbe: { ...probe, periodSeconds: 1, failureThreshold: props.startSeconds },
    readinessProbe: { ...probe, periodSeconds: 2, failureThreshold: 2 },
    // Patient: what is wrong for all of them, such as a database, is not mended by starting all of them anew.
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
  };
}

const variables = ({ port, region, env }: TaskPodProps) => [
  { name: "PORT", value: textOf(port) },
  ...Object.entries({ TRICLOUD_REGION: region, ...env }).map(([name, value]) => ({
    name,
    value: verbatim(value),
  })),
];

const textOf = (value: number): string => (Token.isUnresolved(value) ? Fn.tostring(value) : String(value));

/** Kubernetes would put another variable's value in place of `$(NAME)`. */
const verbatim = (value: string): string =>
  Token.isUnresolved(value) ? Fn.replace(value, "$(", "$$(") : asTemplate(value.replaceAll("$(", "$$$$("));

const secretsVolume = (secrets: Readonly<Record<string, SecretEntry>>) => ({
  name: "secrets",
  projected: {
    defaultMode: 0o440,
    sources: Object.entries(secrets).map(([file, { secretName, secretKey }]) => ({
      secret: { name: secretName, items: [{ key: secretKey, path: file }] },
    })),
  },
});

/** As the API gives it back: `1024Mi` would come back as `1Gi`, and Terraform would call that an inconsistent result. */
function quantity(value: number, unit: number, small: string, large: string): string {
  if (Token.isUnresolved(value)) return `${textOf(value)}${small}`;
  return value % unit === 0 ? `${value / unit}${large}` : `${value}${small}`;
}

/** The provider takes as text in its own resources what the API takes as numbers. */
const numbers = <T extends object>(from: T, keys: readonly (keyof T)[]) =>
  Object.fromEntries(keys.map((key) => [key, Number(from[key])]));

const WORK_SIZE = "64Mi";
