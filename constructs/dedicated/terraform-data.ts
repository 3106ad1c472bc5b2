import { dependable, type FileProvisioner, type RemoteExecProvisioner, TerraformResource } from "cdktf";
import type { Construct } from "constructs";

/** `terraform_data` runs commands on a host when it is created, or when it is destroyed. */
export type HostProvisioner = FileProvisioner | (RemoteExecProvisioner & { readonly when?: "destroy" });

export interface TerraformDataProps {
  /** Kept in the state and readable as `self.input` by destroy-time provisioners. @default - nothing */
  readonly input?: Record<string, unknown>;
  /** Called at synthesis: a change in what it returns replaces the resource. */
  readonly triggersReplace?: () => Record<string, unknown>;
  /** Called at synthesis. @default - none */
  readonly hostProvisioners?: () => HostProvisioner[];
  /** Resources whose replacement replaces this one. @default - none */
  readonly replaceTriggeredBy?: TerraformResource[];
  readonly dependsOn?: TerraformResource[];
}

/**
 * The built-in resource `terraform_data`, with everything about it decided at synthesis. (`DataResource` of cdktf
 * asks the Terraform binary for its version once for each instance: 300 hosts would start it 900 times.)
 */
export class TerraformData extends TerraformResource {
  private triggers?: Record<string, unknown>;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: TerraformDataProps,
  ) {
    super(scope, id, {
      terraformResourceType: "terraform_data",
      dependsOn: props.dependsOn,
      lifecycle: props.replaceTriggeredBy && { replaceTriggeredBy: props.replaceTriggeredBy },
    });
  }

  /** The resource's own identity, new whenever it is replaced. */
  get id(): string {
    return this.getStringAttribute("id");
  }

  /** Adds an ordering: this resource is created after `resource`. */
  after(resource: TerraformResource): void {
    this.dependsOn = [...new Set([...(this.dependsOn ?? []), dependable(resource)])];
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    this.triggers ??= this.props.triggersReplace?.();
    return { input: this.props.input, triggers_replace: this.triggers };
  }

  /** Called twice for each synthesis, when all constructs are there: what it renders is rendered once. */
  override toTerraform(): unknown {
    this.provisioners ??= this.props.hostProvisioners?.();
    return super.toTerraform();
  }
}
