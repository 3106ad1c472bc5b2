import { dependable, type LocalExecProvisioner, TerraformResource } from "cdktf";
import type { Construct } from "constructs";

/** What `terraform_data` runs for a host when it is created, or when it is destroyed. */
export interface HostProvisioner extends Omit<LocalExecProvisioner, "environment"> {
  /** Literals, or an expression that gives them. */
  readonly environment: Readonly<Record<string, string>> | string;
  /** Let Terraform print what the command says and not the command. */
  readonly quiet: true;
}

export interface TerraformDataProps {
  /** Kept in the state: what others are replaced or planned by. @default - nothing */
  readonly input?: Record<string, unknown>;
  /** Called at synthesis: a change in what it returns replaces the resource. */
  readonly triggersReplace?: () => Record<string, unknown>;
  /** Called at synthesis. @default - none */
  readonly hostProvisioners?: () => HostProvisioner[];
  /** Called at synthesis: resources that are created before this one. @default - none */
  readonly after?: () => readonly TerraformResource[];
  /** Called at synthesis: what ends the resource's name. @default - nothing */
  readonly suffix?: () => string;
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
    super(scope, id, { terraformResourceType: "terraform_data" });
  }

  override get friendlyUniqueId(): string {
    return super.friendlyUniqueId + (this.props.suffix?.() ?? "");
  }

  /** The resource's own identity, new whenever it is replaced. */
  get id(): string {
    return this.getStringAttribute("id");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    this.triggers ??= this.props.triggersReplace?.();
    return { input: this.props.input, triggers_replace: this.triggers };
  }

  /** Called twice for each synthesis, when all constructs are there: what it renders is rendered once. */
  override toTerraform(): unknown {
    this.dependsOn ??= this.props.after?.().map(dependable);
    this.provisioners ??= this.props.hostProvisioners?.() as LocalExecProvisioner[] | undefined;
    return super.toTerraform();
  }
}
