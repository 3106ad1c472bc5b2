import { join } from "node:path";
import { type TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { stackAsset } from "./host-commands";
import { fingerprints } from "./ssh-connection";
import { TerraformData } from "./terraform-data";

/** A machine that a region names. */
export interface RosterEntry {
  /** What it is called. */
  readonly name: string;
  /** Its address in the region's private network. */
  readonly address: string;
  /** One or several of its SSH public host keys. */
  readonly hostKey: string | readonly string[];
  /** Said good-bye to: it may be gone from the next deploy on. @default false */
  readonly retired?: boolean | "lost";
}

export interface ServerRosterProps {
  /** All machines that the region names, retired ones included. */
  readonly servers: readonly RosterEntry[];
}

const ROSTER = join(__dirname, "server-roster.sh");

/**
 * Remembers in Terraform's state which machines a stack's servers are, by address and host key. A deploy from whose
 * region one has disappeared that was not retired is refused before anything reaches a host: Terraform would forget it,
 * and it would go on serving. A plan shows another name for the same machine as a change of that name.
 */
export class ServerRoster extends Construct {
  /** Stands for the time from which the servers are known to be those that are meant. */
  readonly check: TerraformResource;

  constructor(scope: Construct, id: string, props: ServerRosterProps) {
    super(scope, id);
    const entries = props.servers.map(({ name, address, hostKey, retired = false }) => ({
      name,
      retired,
      machine: `${address} ${fingerprints([hostKey].flat())}`,
    }));
    const staying = entries.filter(({ retired }) => retired === false);
    this.check = new TerraformData(this, "check", {
      triggersReplace: () => Object.fromEntries(staying.map(({ name, machine }) => [machine, name])),
      hostProvisioners: () => [
        {
          type: "local-exec",
          when: "destroy",
          command: `exec bash ${stackAsset(this, "server-roster.sh", ROSTER)}`,
          environment: {
            TRICLOUD_SERVERS_BEFORE:
              '${join("\\n", [for machine, name in self.triggers_replace : "${name} ${machine}"])}',
            TRICLOUD_SERVERS_NOW: entries.map(({ name, machine }) => `${name} ${machine}`).join("\n"),
          },
          quiet: true,
        },
      ],
    });
  }
}
