import { join } from "node:path";
import { type Ledger } from "../ledger";
import { startProcess } from "../network";
import { programFile } from "./program-file";
import { type KubernetesObject } from "./system-objects";

/** Nodes that run nothing, by their zone: `node-a-1`, `node-a-2` and so on. */
export function idleNodes(byZone: Readonly<Record<string, number>>): KubernetesObject[] {
  return Object.entries(byZone).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) => {
      const name = `node-${zone.slice(-1)}-${index + 1}`;
      const labels = {
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": zone.slice(0, -2),
        [ALIVE]: "yes",
      };
      return { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
    }),
  );
}

/** Label of the nodes for which `idle-nodes.cjs` speaks: they are lost without. */
export const ALIVE = "testbed/idle";

/** Speaks for nodes that run nothing, from then on. @param kubeconfig of one who may do everything */
export async function speakForIdleNodes(ledger: Ledger, kubeconfig: string): Promise<void> {
  const log = join(ledger.directory, "idle-nodes.log");
  await startProcess(ledger, log, process.execPath, [programFile("idle-nodes.cjs"), kubeconfig]);
}
