import { Construct } from "constructs";
import type { SshAccess } from "../region";
import { REMOVE } from "./host-commands";
import { checkHostKey, sshConnection } from "./ssh-connection";
import { TerraformData } from "./terraform-data";

export interface RetiredServerProps {
  /** IPv4 address in the region's private network. */
  readonly address: string;
  /** Where SSH reaches the server. @default - `address` */
  readonly sshAddress?: string;
  /** The server's SSH public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  /** How Terraform gets in. */
  readonly ssh: SshAccess;
}

/**
 * A machine that was a DedicatedServer and shall be one no longer: all that was put on it is taken back. (Terraform
 * runs no destroy-time step of a resource that its configuration no longer names, so a server cannot just be left out.)
 */
export class RetiredServer extends Construct {
  /** @throws Error when `hostKey` is not a public key: Terraform would then trust any host. */
  constructor(scope: Construct, id: string, props: RetiredServerProps) {
    super(scope, id);
    checkHostKey(`retired server ${props.address}`, props.hostKey);
    const connection = sshConnection({
      address: props.sshAddress ?? props.address,
      hostKey: props.hostKey,
      ssh: props.ssh,
    });
    new TerraformData(this, "retirement", {
      hostProvisioners: () => [{ type: "remote-exec", inline: [REMOVE], connection }],
    });
  }
}
