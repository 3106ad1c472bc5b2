import { join } from "node:path";
import { AssetType, type ITerraformDependable, Lazy, TerraformAsset, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { asTemplate } from "../grammar/terraform-text";

export interface GroupReloadProps {
  /** For example `us-east-1`. */
  readonly awsRegion: string;
  /** Name of the auto-scaling group. */
  readonly groupName: string;
  /** Name of the file that they take, for people. */
  readonly what: string;
  /** The version that they are to take, an expression: another one is told. */
  readonly versionId: string;
  /** Bash program that each machine runs; asked for at synth. */
  readonly program: () => string;
  /** How long all of them may take. */
  readonly boundSeconds: number;
  /** When this has ended well, all machines are what this deploy makes of them. */
  readonly after: ITerraformDependable;
}

/**
 * A step of the deploy that has a group's machines take a file as they run, by Run Command of Systems Manager: one first,
 * and once that one serves by it all others. It ends when all do, with what they say of it; what the first one refuses
 * no other is told, and the deploy fails with its words. The machine that deploys needs the AWS CLI.
 */
export class GroupReload extends Construct {
  /** What is to come after it depends on this. */
  readonly step: TerraformResource;

  constructor(scope: Construct, id: string, props: GroupReloadProps) {
    super(scope, id);
    const { groupName: group, what, boundSeconds } = props;
    const folder = new TerraformAsset(this, "program", { path: FOLDER, type: AssetType.DIRECTORY });
    this.step = new TerraformResource(this, "step", {
      terraformResourceType: "terraform_data",
      dependsOn: [props.after],
      provisioners: [
        {
          type: "local-exec",
          command: `node "${folder.path}/group-reload.mjs"`,
          environment: {
            AWS_REGION: props.awsRegion,
            AWS_DEFAULT_REGION: props.awsRegion,
            TRICLOUD_RELOAD: Lazy.stringValue({
              produce: () =>
                asTemplate(JSON.stringify({ group, what, boundSeconds, program: props.program() })),
            }),
          },
        },
      ],
    });
    this.step.addOverride("triggers_replace", { version: props.versionId });
  }
}

const FOLDER = join(__dirname, "reload");
