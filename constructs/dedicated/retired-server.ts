import { Construct } from "constructs";
import { removeStep } from "./host-commands";
import { sshTarget, type SshTargetProps } from "./ssh-connection";
import { TerraformData } from "./terraform-data";

export interface RetiredServerProps extends SshTargetProps {
  /** What messages call the server. @default - `address` */
  readonly name?: string;
}

/**
 * A machine that was a DedicatedServer and shall be one no longer: all that was put on it is taken back. (Terraform
 * runs no destroy-time step of a resource that its configuration no longer names, so a server cannot just be left out.)
 */
export class RetiredServer extends Construct {
  /** @throws Error when the host key is none, or what leads to the host is malformed. */
  constructor(scope: Construct, id: string, props: RetiredServerProps) {
    super(scope, id);
    const name = props.name ?? props.address;
    const target = sshTarget(`retired server ${name}`, name, props);
    new TerraformData(this, "retirement", { hostProvisioners: () => [removeStep(this, target)] });
  }
}
