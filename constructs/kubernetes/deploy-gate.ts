import { join } from "node:path";
import { AssetType, Fn, type TerraformResource, TerraformAsset } from "cdktf";
import { Construct } from "constructs";
import { TerraformData } from "../dedicated/terraform-data";

/** Where a cluster's API answers, and to whom. */
export interface ClusterAccess {
  /** URL of the control plane. */
  readonly host: string;
  /** A token for it that lives as long as the deploy, as an expression of a sensitive value. */
  readonly token: string;
}

/** Something that a deploy waits for. Paths are those of the Kubernetes API. */
export type Awaited = { readonly what: string } & (
  | { readonly conditions: string; readonly types: readonly string[] }
  | { readonly parents: string; readonly types: readonly string[] }
  | {
      readonly rollout: string;
      /** Pods that there must be, where an autoscaler has yet to say how many are wanted. @default 0 */
      readonly atLeast?: number;
      /**
       * How often the container of one of a Deployment's new pods may end before the deploy gives up, without waiting
       * for the bound.
       * @default - as often as it will
       */
      readonly maxEnds?: number;
      /** What its pods, once they are those that there shall be, are to serve by: first one, then all. @default - nothing */
      readonly reload?: {
        /** Folder of a pod whose files it reads. */
        readonly folder: string;
        /** `ConfigFiles.digest` of these. */
        readonly digest: string;
        /** Ends with 0 when it serves by them and with 1 when it refuses to, and says either. */
        readonly command: readonly string[];
      };
    }
  | { readonly pods: string }
  | { readonly certificate: string }
);

export interface DeployGateProps {
  /** Where the cluster's API answers. */
  readonly access: ClusterAccess;
  /** What must be ready before the deploy is done. */
  readonly awaited: readonly Awaited[];
  /** When the deploy gives up and says what is missing. */
  readonly boundSeconds: number;
  /** Waited for anew when one of these changes: texts that say what was deployed. */
  readonly forms: readonly string[];
  /** What is made before the waiting begins. */
  readonly dependsOn: TerraformResource[];
}

/**
 * The last step of a deploy: waits until what was made does its work. When that does not come in time the deploy fails
 * with the reasons that the objects themselves give, and the next one waits again.
 */
export class DeployGate extends Construct {
  constructor(scope: Construct, id: string, props: DeployGateProps) {
    super(scope, id);
    const { access, awaited, boundSeconds, forms, dependsOn } = props;
    const program = new TerraformAsset(this, "program", {
      path: join(__dirname, "gate"),
      type: AssetType.DIRECTORY,
    });
    const task = { host: access.host, boundSeconds, pollSeconds: 5, await: awaited };
    new TerraformData(this, "ready", {
      triggersReplace: () => ({ awaited: [...awaited], forms: [...forms] }),
      hostProvisioners: () => [
        {
          type: "local-exec",
          command: `node "${program.path}/await-ready.mjs"`,
          quiet: true,
          environment: {
            TRICLOUD_AWAIT: JSON.stringify(task),
            // Terraform hides all that a command says which is given a sensitive value; this one never prints it.
            TRICLOUD_TOKEN: Fn.nonsensitive(access.token),
          },
        },
      ],
      after: () => dependsOn,
    });
  }
}
