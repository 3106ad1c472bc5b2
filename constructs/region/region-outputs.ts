import { join } from "node:path";
import {
  DataTerraformRemoteStateGcs,
  DataTerraformRemoteStateLocal,
  DataTerraformRemoteStateS3,
  type TerraformRemoteState,
} from "cdktf";
import { Construct } from "constructs";

/** Where stacks keep their state: `PREFIX/STACK.tfstate` of a bucket, or a local file. */
export type StateBackend =
  | { readonly type: "local" }
  | { readonly type: "s3"; readonly bucket: string; readonly prefix: string; readonly region: string }
  | { readonly type: "gcs"; readonly bucket: string; readonly prefix: string };

/** What must be known of a region to find its state; each region's value tells it. */
export interface RegionState {
  /** Name of the region. */
  readonly name: string;
  /** Where its stacks keep their state. */
  readonly backend: StateBackend;
}

export interface RegionOutputsProps {
  /** The region, which need not be among those deployed here. */
  readonly region: RegionState;
  /** Which of the region's stacks. @default - the one named for the region */
  readonly stack?: string;
}

/** What another region's deploy has put out, read from where that region keeps its state. Deploys nothing there. */
export class RegionOutputs extends Construct {
  private readonly state: TerraformRemoteState;

  constructor(scope: Construct, id: string, { region, stack = region.name }: RegionOutputsProps) {
    super(scope, id);
    this.state = remoteState(this, region.backend, stack);
  }

  /** An output that is a text, as an expression. */
  text(name: string): string {
    return this.state.getString(name);
  }
}

/** The same places as those where a region's stacks keep their state. */
function remoteState(scope: Construct, backend: StateBackend, stack: string): TerraformRemoteState {
  switch (backend.type) {
    case "local":
      return new DataTerraformRemoteStateLocal(scope, "state", {
        path: join(process.cwd(), `terraform.${stack}.tfstate`),
      });
    case "s3":
      return new DataTerraformRemoteStateS3(scope, "state", {
        bucket: backend.bucket,
        key: `${backend.prefix}/${stack}.tfstate`,
        region: backend.region,
      });
    case "gcs":
      return new DataTerraformRemoteStateGcs(scope, "state", {
        bucket: backend.bucket,
        prefix: `${backend.prefix}/${stack}`,
      });
  }
}
