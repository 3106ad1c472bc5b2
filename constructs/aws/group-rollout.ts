import { join } from "node:path";
import { AssetType, dependable, type ITerraformDependable, TerraformAsset, TerraformResource } from "cdktf";
import { Construct } from "constructs";

export interface GroupRolloutProps {
  /** For example `us-east-1`. */
  readonly awsRegion: string;
  /** Name of the auto-scaling group. */
  readonly groupName: string;
  /** Id of the group's launch template. */
  readonly templateId: string;
  /** Newest version of the template, an expression. */
  readonly version: string;
  /** Log group in which machines that cannot come up leave their last words. @default - none */
  readonly logGroupName?: string;
  /** The group itself. */
  readonly group: ITerraformDependable;
}

/**
 * A step of the deploy that brings a group's machines to the newest version of its launch template, and lasts until
 * that has ended. When new machines cannot come up, it names them, waits until the old version is back, and fails.
 *
 * Terraform's provider would save the new version in the group before it starts the refresh, which then has nothing to
 * go back to (hashicorp/terraform-provider-aws#34189), and would not wait. Here AWS saves the version, at the very end.
 * The machine that deploys needs the AWS CLI.
 */
export class GroupRollout extends Construct {
  /** What is to come after the roll-out depends on this. */
  readonly step: TerraformResource;

  constructor(scope: Construct, id: string, props: GroupRolloutProps) {
    super(scope, id);
    const program = new TerraformAsset(this, "program", { path: PROGRAM, type: AssetType.FILE });
    this.step = new TerraformResource(this, "step", {
      terraformResourceType: "terraform_data",
      dependsOn: [props.group],
      provisioners: [
        {
          type: "local-exec",
          interpreter: ["bash"],
          command: program.path,
          environment: {
            // The AWS CLI reads the one or the other, by its release.
            AWS_REGION: props.awsRegion,
            AWS_DEFAULT_REGION: props.awsRegion,
            GROUP: props.groupName,
            TEMPLATE: props.templateId,
            VERSION: props.version,
            ...(props.logGroupName === undefined ? {} : { LOG_GROUP: props.logGroupName }),
          },
        },
      ],
    });
    this.step.addOverride("triggers_replace", { version: props.version });
  }

  /** Has this roll-out begin only when another step of the deploy has ended well. */
  after(step: ITerraformDependable): void {
    this.step.dependsOn = [...new Set([...(this.step.dependsOn ?? []), dependable(step)])];
  }
}

const PROGRAM = join(__dirname, "group-rollout.sh");
