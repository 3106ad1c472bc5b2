import { CronJobV1 } from "@cdktf/provider-kubernetes/lib/cron-job-v1";
import { PersistentVolumeClaimV1 } from "@cdktf/provider-kubernetes/lib/persistent-volume-claim-v1";
import { StorageClassV1 } from "@cdktf/provider-kubernetes/lib/storage-class-v1";
import { Construct } from "constructs";
import { shellEnvironment } from "../dns/consul-shell";
import { snapshotLines, snapshotNumbers, type SnapshotOptions } from "../dns/consul-snapshot";
import { textContent } from "../host";
import { ConfigFiles } from "./config-files";
import type { ConsulSecrets } from "./consul-secrets";
import { consulTaskPod, taskAgent } from "./consul-task-pod";
import { labelsOf } from "./own-labels";

export interface ConsulSnapshotsProps extends SnapshotOptions {
  /** Namespace of the servers. */
  readonly namespace: string;
  /** Image that has `consul`, `curl` and a shell. */
  readonly image: string;
  readonly secrets: ConsulSecrets;
}

/** Copies of the datacenter's state on a disk that is in two zones and outlives the cluster's objects. */
export class ConsulSnapshots extends Construct {
  /** @throws Error when a number is not a whole one above 0, or a schedule cannot say the interval */
  constructor(scope: Construct, id: string, props: ConsulSnapshotsProps) {
    super(scope, id);
    const { namespace, image } = props;
    const { intervalMinutes, keep } = snapshotNumbers(props);
    const { agent, secrets } = taskAgent(props.secrets);
    const { configMapName } = new ConfigFiles(this, "files", {
      name: NAME,
      namespace,
      files: { [SCRIPT]: textContent(snapshotScript(shellEnvironment(agent), keep)) },
    });
    const { pod, container, volumes, mounts } = consulTaskPod({
      name: "snapshot",
      image,
      configMap: configMapName,
      script: SCRIPT,
      secrets,
    });
    const claim = this.addDisk(namespace);
    new CronJobV1(this, "cron-job", {
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        schedule: scheduleOf(intervalMinutes),
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: 300,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          metadata: { labels: LABELS },
          spec: {
            backoffLimit: 2,
            activeDeadlineSeconds: 600,
            template: {
              metadata: { labels: LABELS },
              spec: {
                ...pod,
                restartPolicy: "Never",
                container: [
                  { ...container, volumeMount: [...mounts, { name: "snapshots", mountPath: FOLDER }] },
                ],
                volume: [...volumes, { name: "snapshots", persistentVolumeClaim: { claimName: claim } }],
              },
            },
          },
        },
      },
    });
  }

  private addDisk(namespace: string): string {
    const storage = new StorageClassV1(this, "storage-class", {
      metadata: { name: NAME, labels: LABELS },
      storageProvisioner: "pd.csi.storage.gke.io",
      parameters: { type: "pd-balanced", "replication-type": "regional-pd" },
      volumeBindingMode: "WaitForFirstConsumer",
      // Whoever deletes the claim by mistake still has the disk.
      reclaimPolicy: "Retain",
    });
    const claim = new PersistentVolumeClaimV1(this, "claim", {
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: storage.metadata.name,
        // The least that such a disk can have.
        resources: { requests: { storage: "10Gi" } },
      },
      // It is bound when the first snapshot is made.
      waitUntilBound: false,
    });
    return claim.metadata.name;
  }
}

/** @throws Error for an interval after which no hour, or no day, begins anew */
function scheduleOf(minutes: number): string {
  if (60 % minutes === 0) return minutes === 60 ? "0 * * * *" : `*/${minutes} * * * *`;
  const hours = minutes / 60;
  if (Number.isInteger(hours) && 24 % hours === 0) return hours === 24 ? "0 0 * * *" : `0 */${hours} * * *`;
  throw new Error(
    `consul snapshots: intervalMinutes must divide an hour, or be hours that divide a day, got: ${minutes}`,
  );
}

const snapshotScript = (
  environment: string,
  keep: number,
): string => `# Keeps the newest ${keep} snapshots of Consul's state in ${FOLDER}.
set -eu
umask 077
${environment}${snapshotLines(FOLDER, keep)}`;

const NAME = "consul-snapshots";
const LABELS = labelsOf(NAME);
const SCRIPT = "snapshot.sh";
const FOLDER = "/var/lib/consul-snapshots";
