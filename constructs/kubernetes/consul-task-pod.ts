import type { ShellAgent } from "../dns/consul-shell";
import type { ConsulSecrets, SecretEntry } from "./consul-secrets";
import { LEAVES_LOST_NODE } from "./node-loss";
import { HARDENED_CONTAINER, HARDENED_POD } from "./pod-hardening";

/** Where a task finds what it needs. */
const FILES = "/etc/tricloud";
const SECRETS = "/run/tricloud-consul";
const WORK = "/tmp";

export interface ConsulTaskPodProps {
  readonly name: string;
  /** Image that has `consul`, `curl` and a shell. */
  readonly image: string;
  /** Name of a ConfigMap with the script and what else it reads. */
  readonly configMap: string;
  /** File of the ConfigMap to run. */
  readonly script: string;
  /** Entries of Secrets, by file name. */
  readonly secrets: Readonly<Record<string, SecretEntry>>;
}

/** Path of a file of a task's ConfigMap. */
export const taskFile = (name: string): string => `${FILES}/${name}`;

/** Path of one of a task's secrets. */
export const taskSecret = (name: string): string => `${SECRETS}/${name}/${name}`;

/** The servers as a task in their namespace reaches them, and what it must mount to be let in. */
export function taskAgent({ tls, acl }: ConsulSecrets): {
  agent: ShellAgent;
  secrets: Record<string, SecretEntry>;
} {
  return {
    agent: {
      url: tls === undefined ? "http://consul-server:8500" : "https://consul-server:8501",
      caFile: tls && taskSecret("authority"),
      tokenFile: acl && taskSecret("management-token"),
    },
    secrets: {
      ...(tls ? { authority: tls.authority } : {}),
      ...(acl ? { "management-token": acl.management } : {}),
    },
  };
}

/** The parts of a pod that runs a script against Consul's servers: nobody's, without rights in the cluster. */
export function consulTaskPod({ name, image, configMap, script, secrets }: ConsulTaskPodProps) {
  const mounted = Object.entries(secrets);
  return {
    pod: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: HARDENED_POD,
      toleration: LEAVES_LOST_NODE,
    },
    container: {
      name,
      image,
      imagePullPolicy: "IfNotPresent",
      command: ["sh", taskFile(script)],
      resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } },
      securityContext: HARDENED_CONTAINER,
    },
    volumes: [
      { name: "files", configMap: { name: configMap } },
      ...mounted.map(([file, { secretName, secretKey }]) => ({
        name: file,
        secret: { secretName, defaultMode: "0440", items: [{ key: secretKey, path: file }] },
      })),
      { name: "work", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
    ],
    mounts: [
      { name: "files", mountPath: FILES, readOnly: true },
      ...mounted.map(([file]) => ({ name: file, mountPath: `${SECRETS}/${file}`, readOnly: true })),
      { name: "work", mountPath: WORK },
    ],
  };
}
