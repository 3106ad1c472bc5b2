import { ProjectIamMember } from "@cdktf/provider-google/lib/project-iam-member";
import { ServiceAccount } from "@cdktf/provider-google/lib/service-account";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";

/** What a node itself may do: report logs and metrics. Workloads get their own rights by Workload Identity. */
const NODE_ROLES = ["roles/container.defaultNodeServiceAccount"];

export interface NodeServiceAccountProps {
  /** Project id. */
  readonly project: string;
  /** Account id: 6 to 30 lower-case letters, digits and hyphens. */
  readonly accountId: string;
  /** What must exist first: the APIs `iam` and `cloudresourcemanager`. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** The identity of a cluster's nodes, in place of the all-powerful default account of Compute Engine. */
export class NodeServiceAccount extends Construct {
  /** Address of the account. */
  readonly email: string;
  /** As IAM policies name it: `serviceAccount:EMAIL`. */
  readonly member: string;
  /** Its grants, for what must wait for them. */
  readonly roles: readonly ProjectIamMember[];

  /** @throws Error for a malformed account id */
  constructor(scope: Construct, id: string, props: NodeServiceAccountProps) {
    super(scope, id);
    const { accountId, project, dependsOn } = props;
    if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(accountId)) {
      throw new Error(
        `service account id must be 6 to 30 lower-case letters, digits and hyphens, got: ${JSON.stringify(accountId)}`,
      );
    }
    const account = new ServiceAccount(this, "account", {
      project,
      accountId,
      displayName: `Nodes of ${accountId.replace(/-nodes$/, "")}`,
      dependsOn,
    });
    this.email = account.email;
    this.member = account.member;
    this.roles = NODE_ROLES.map(
      (role) =>
        new ProjectIamMember(this, role.replace(/^roles\//, "").replace(/\W/g, "-"), {
          project,
          role,
          member: account.member,
          dependsOn,
        }),
    );
  }
}
