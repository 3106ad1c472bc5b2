import { AssetType, TerraformAsset, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { type Block, dedicatedServer, type HasAvailability } from "../availability";
import { HostProfileBuilder, type HostProfilePart, type IHost } from "../host";
import type { HostRole, SshAccess } from "../region";
import type { HasTopology, TopologyElement } from "../topology";
import { hostApply } from "../host/apply-program";
import { assetName, deliveryDigests, deliveryDocument } from "../host/delivery-document";
import { ACTIVATE, INCOMING, PREPARE, REMOVE, STAGE } from "./host-commands";
import {
  checkHostKey,
  connectionFromInput,
  connectionInput,
  sshConnection,
  type SshTarget,
} from "./ssh-connection";
import { type HostProvisioner, TerraformData } from "./terraform-data";

export interface DedicatedServerProps {
  /** DNS label; what messages and plans call the server. */
  readonly name: string;
  /** IPv4 address in the region's private network. */
  readonly address: string;
  /** Where SSH reaches the server. @default - `address` */
  readonly sshAddress?: string;
  /** The server's SSH public host key, `TYPE BASE64`. A server that shows another is refused. */
  readonly hostKey: string;
  /** How Terraform gets in. */
  readonly ssh: SshAccess;
  /** What the server is for. @default - nothing but a resolver and a Consul agent */
  readonly roles?: readonly HostRole[];
  /** The data centre, a failure domain shared by its servers: for example `sakura/jp`. */
  readonly site: string;
  /** Rack or building shared with other servers. @default - a rack of its own */
  readonly rack?: string;
}

/**
 * An existing Debian machine, brought over SSH to what its profile says.
 *
 * Three resources stand for it, so that each can happen at its own time: `delivery` installs packages and lays out
 * verified files beside the live ones (all servers at once), `activation` puts them in place and restarts what reads
 * them (one server after another where a quorum asks for it), `removal` does nothing until it is destroyed and then
 * takes everything back.
 */
export class DedicatedServer extends Construct implements IHost, HasAvailability, HasTopology {
  readonly hostName: string;
  /** IPv4 address in the private network. */
  readonly address: string;
  /** What the server is for. */
  readonly roles: readonly HostRole[];
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];
  private readonly profile: HostProfileBuilder;
  private readonly target: SshTarget;
  private readonly activation: TerraformData;

  /** @throws Error when `hostKey` is not a public key: Terraform would then trust any host. */
  constructor(scope: Construct, id: string, props: DedicatedServerProps) {
    super(scope, id);
    checkHostKey(`dedicated server ${props.name}`, props.hostKey);
    this.hostName = props.name;
    this.address = props.address;
    this.roles = props.roles ?? [];
    this.profile = new HostProfileBuilder(props.name);
    this.target = { address: props.sshAddress ?? props.address, hostKey: props.hostKey, ssh: props.ssh };
    this.topology = [
      {
        kind: "machines",
        name: props.name,
        count: 1,
        type: "dedicated server",
        places: [props.rack ?? props.site],
        address: props.address,
      },
      ...(this.roles.includes("app")
        ? [{ kind: "workload", role: "application", on: [props.name] } as const]
        : []),
    ];
    this.availability = dedicatedServer({ site: props.site, rack: props.rack, name: props.name });

    const removal = this.createRemoval();
    const delivery = this.createDelivery(removal);
    this.activation = this.createActivation(delivery);
  }

  get machines(): readonly Block[] {
    return [this.availability];
  }

  get joinAddress(): string {
    return this.address;
  }

  get bindAddress(): string {
    return this.address;
  }

  addToProfile(part: HostProfilePart): void {
    this.profile.add(part);
    for (const { content } of part.files ?? []) {
      if (content.kind === "asset") this.asset(assetName(content), content.source);
    }
  }

  /** @throws Error when `other` is not a dedicated server: Terraform cannot order this one after it. */
  activateAfter(other: IHost): void {
    if (!(other instanceof DedicatedServer)) {
      throw new Error(
        `dedicated server ${this.hostName}: can be activated after a dedicated server only, got: ${other.node.path}`,
      );
    }
    this.activation.after(other.activation);
  }

  private createRemoval(): TerraformData {
    return new TerraformData(this, "removal", {
      input: connectionInput(this.target),
      hostProvisioners: () => [
        {
          type: "remote-exec",
          when: "destroy",
          inline: [REMOVE],
          connection: connectionFromInput(this.target),
        },
      ],
    });
  }

  private createDelivery(removal: TerraformData): TerraformData {
    return new TerraformData(this, "delivery", {
      dependsOn: [removal],
      triggersReplace: () => deliveryDigests(this.profile.build()),
      hostProvisioners: () => this.deliverySteps(),
    });
  }

  private createActivation(delivery: TerraformData): TerraformData {
    return new TerraformData(this, "activation", {
      dependsOn: [delivery],
      triggersReplace: () => ({ delivery: delivery.id }),
      hostProvisioners: () => [
        {
          type: "remote-exec",
          inline: [ACTIVATE],
          connection: sshConnection(this.target),
        },
      ],
    });
  }

  private deliverySteps(): HostProvisioner[] {
    const profile = this.profile.build();
    const connection = sshConnection(this.target);
    const assets = new Map(
      profile.files.flatMap(({ content }) =>
        content.kind === "asset" ? [[assetName(content), content.source] as const] : [],
      ),
    );
    return [
      { type: "remote-exec", inline: [PREPARE], connection },
      {
        type: "file",
        source: this.asset("host-apply.sh", hostApply()).path,
        destination: `${INCOMING}/host-apply.sh`,
        connection,
      },
      { type: "file", content: deliveryDocument(profile), destination: `${INCOMING}/document`, connection },
      ...[...assets].map(([name, source]): HostProvisioner => {
        return {
          type: "file",
          source: this.asset(name, source).path,
          destination: `${INCOMING}/${name}`,
          connection,
        };
      }),
      {
        type: "remote-exec",
        inline: STAGE,
        connection,
      },
    ];
  }

  /** One copy for the whole stack, however many servers receive it. */
  private asset(name: string, source: string): TerraformAsset {
    const stack = TerraformStack.of(this);
    const present = stack.node.tryFindChild(name) as TerraformAsset | undefined;
    return present ?? new TerraformAsset(stack, name, { path: source, type: AssetType.FILE });
  }
}
