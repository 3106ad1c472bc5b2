import { type Attributes } from "../google/synthesised-stack";

const VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];
const SYSCTLS = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
];

/**
 * Why the profile `restricted` of the Pod Security Standards would refuse a pod.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedViolations(pod: Attributes): string[] {
  const security = (pod["securityContext"] ?? {}) as Attributes;
  const containers = [...list(pod["containers"]), ...list(pod["initContainers"])];
  return [
    ...["hostNetwork", "hostPID", "hostIPC"].filter((key) => pod[key] === true),
    ...list(pod["volumes"]).flatMap((volume) =>
      Object.keys(volume).filter((key) => key !== "name" && !VOLUMES.includes(key)),
    ),
    ...list(security["sysctls"])
      .map((sysctl) => String(sysctl["name"]))
      .filter((name) => !SYSCTLS.includes(name)),
    ...containers.flatMap((container) => containerViolations(container, security)),
  ];
}

function containerViolations(container: Attributes, pod: Attributes): string[] {
  const own = (container["securityContext"] ?? {}) as Attributes;
  const effective = { ...pod, ...own };
  const capabilities = (own["capabilities"] ?? {}) as { drop?: string[]; add?: string[] };
  const found: [name: string, wrong: boolean][] = [
    ["privileged", own["privileged"] === true],
    ["allowPrivilegeEscalation", own["allowPrivilegeEscalation"] !== false],
    ["runAsNonRoot", effective["runAsNonRoot"] !== true],
    ["runAsUser", effective["runAsUser"] === 0],
    [
      "seccompProfile",
      !["RuntimeDefault", "Localhost"].includes(
        String((effective["seccompProfile"] as Attributes)?.["type"]),
      ),
    ],
    ["capabilities.drop", !(capabilities.drop ?? []).includes("ALL")],
    ["capabilities.add", (capabilities.add ?? []).some((name) => name !== "NET_BIND_SERVICE")],
    ["hostPort", list(container["ports"]).some((port) => Number(port["hostPort"] ?? 0) !== 0)],
  ];
  return found.filter(([, wrong]) => wrong).map(([name]) => `${String(container["name"])}: ${name}`);
}

const list = (value: unknown): Attributes[] => (value ?? []) as Attributes[];
