import { type TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { type DedicatedServer } from "./dedicated-server";
import { removeStep } from "./host-commands";
import { sshTarget, type SshTargetProps } from "./ssh-connection";
import { type ServerRoster } from "./server-roster";
import { TerraformData } from "./terraform-data";

export interface RetiredServerProps extends SshTargetProps {
  /** What messages call the server. @default - `address` */
  readonly name?: string;
  /**
   * A program of the host and its words, run before anything is taken back where the host has it; nothing is when it
   * fails. @default - none
   */
  readonly before?: string;
  /** Checked before anything is taken back. @default - none */
  readonly roster?: ServerRoster;
}

/**
 * A machine that was a DedicatedServer and shall be one no longer: all that was put on it is taken back. (Terraform
 * runs no destroy-time step of a resource that its configuration no longer names, so a server cannot just be left out.)
 */
export class RetiredServer extends Construct {
  private readonly retirement: TerraformData;
  private readonly earlier: TerraformResource[] = [];

  /** @throws Error when the host key is none, or what leads to the host is malformed. */
  constructor(scope: Construct, id: string, props: RetiredServerProps) {
    super(scope, id);
    const name = props.name ?? props.address;
    const target = sshTarget(`retired server ${name}`, name, props);
    this.retirement = new TerraformData(this, "retirement", {
      after: () => [...(props.roster === undefined ? [] : [props.roster.check]), ...this.earlier],
      hostProvisioners: () => [removeStep(this, target, props.before)],
    });
  }

  /** Takes everything back only after another server is retired, or what changes on one that stays is active. */
  retireAfter(other: RetiredServer | DedicatedServer): void {
    this.earlier.push(other instanceof RetiredServer ? other.retirement : other.activation);
  }
}
