import { ProjectIamMember } from "@cdktf/provider-google/lib/project-iam-member";
import { ServiceAccount } from "@cdktf/provider-google/lib/service-account";
import { ServiceAccountIamMember } from "@cdktf/provider-google/lib/service-account-iam-member";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { type IGkeCluster } from "./gke-cluster";

export interface WorkloadAccountProps {
  /** Cluster that the workload runs on. */
  readonly cluster: IGkeCluster;
  /** Account id: 6 to 30 lower-case letters, digits and hyphens. */
  readonly accountId: string;
  /** Namespace of the workload. */
  readonly namespace: string;
  /** Kubernetes service account that the workload's pods run under. */
  readonly kubernetesAccount: string;
  /** What must exist first: the APIs `iam` and `cloudresourcemanager`. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** Who a workload is to Google Cloud: its pods act as this account, by Workload Identity and without any key. */
export class WorkloadAccount extends Construct {
  /** Address of the account. */
  readonly email: string;
  /** Annotations of the Kubernetes service account. */
  readonly annotations: Readonly<Record<string, string>>;
  private readonly project: string;
  private readonly dependsOn?: ITerraformDependable[];
  private readonly member: string;

  /** @throws Error for a malformed account id */
  constructor(scope: Construct, id: string, props: WorkloadAccountProps) {
    super(scope, id);
    const { cluster, accountId, namespace, kubernetesAccount } = props;
    if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(accountId)) {
      throw new Error(
        `service account id must be 6 to 30 lower-case letters, digits and hyphens, got: ${JSON.stringify(accountId)}`,
      );
    }
    this.project = cluster.project;
    this.dependsOn = props.dependsOn;
    const account = new ServiceAccount(this, "account", {
      project: cluster.project,
      accountId,
      displayName: `${namespace}/${kubernetesAccount} of ${cluster.clusterName}`,
      dependsOn: props.dependsOn,
    });
    this.email = account.email;
    this.member = account.member;
    // Spelt out instead of read from the account, so that the cluster's other stacks need not ask this one's state.
    this.annotations = {
      "iam.gke.io/gcp-service-account": `${accountId}@${cluster.project}.iam.gserviceaccount.com`,
    };
    new ServiceAccountIamMember(this, "pods", {
      serviceAccountId: account.name,
      role: "roles/iam.workloadIdentityUser",
      member: `serviceAccount:${cluster.workloadPool}[${namespace}/${kubernetesAccount}]`,
    });
  }

  /** Grants a role on the project. @param role for example `roles/cloudsql.client` */
  grant(role: string): void {
    new ProjectIamMember(this, role.replace(/^roles\//, "").replace(/\W/g, "-"), {
      project: this.project,
      role,
      member: this.member,
      dependsOn: this.dependsOn,
    });
  }
}
