import { ClusterApi } from "./cluster-api";
import { readClusterStack, type StackObject } from "./stack-objects";
import { TerraformState } from "./terraform-state";

/**
 * The API of the cluster that a stack's objects are on, as whoever deploys it.
 *
 * @param out the app's output directory
 * @throws Error where Terraform cannot say where the cluster is
 */
export async function reachCluster(
  out: string,
  stack: string,
): Promise<{ readonly api: ClusterApi; readonly objects: readonly StackObject[] }> {
  const read = readClusterStack(out, stack);
  const terraform = new TerraformState(read);
  await terraform.refreshAccess();
  const { host, token } = await terraform.read();
  return { api: new ClusterApi(host, token), objects: read.objects };
}
