import { Lazy, TerraformLocal } from "cdktf";
import { Construct } from "constructs";
import { type Block, dedicatedServer, type HasAvailability } from "../availability";
import { hostApply } from "../host/apply-program";
import { HostProfileBuilder, type HostProfilePart, type IHost } from "../host";
import type { HostRole } from "../region";
import type { HasTopology, TopologyElement } from "../topology";
import { assetName, deliveryDigests, deliveryDocument } from "../host/delivery-document";
import { activateStep, removeStep, stackAsset, stageStep } from "./host-commands";
import { fingerprints, sshTarget, type SshTarget, type SshTargetProps } from "./ssh-connection";
import { TerraformData } from "./terraform-data";

export interface DedicatedServerProps extends SshTargetProps {
  /** DNS label; what messages and plans call the server. */
  readonly name: string;
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
  private readonly activatedAfter = new Set<DedicatedServer>();
  private knownTurn?: number;

  /** @throws Error when the host key is none, or what leads to the host is malformed. */
  constructor(scope: Construct, id: string, props: DedicatedServerProps) {
    super(scope, id);
    this.hostName = props.name;
    this.address = props.address;
    this.roles = props.roles ?? [];
    this.profile = new HostProfileBuilder(props.name);
    this.target = sshTarget(`dedicated server ${props.name}`, props.name, props);
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
      if (content.kind === "asset") stackAsset(this, assetName(content), content.source);
    }
  }

  /** @throws Error when `other` is not a dedicated server: Terraform cannot order this one after it. */
  activateAfter(other: IHost): void {
    if (!(other instanceof DedicatedServer)) {
      throw new Error(
        `dedicated server ${this.hostName}: can be activated after a dedicated server only, got: ${other.node.path}`,
      );
    }
    this.activatedAfter.add(other);
  }

  /**
   * When this server is activated: in the first turn what waits for nobody, in each later one what waits for a server
   * of an earlier. The number is part of the resource's name, so that all that Terraform keeps in order, in the state of
   * any earlier deploy too, leads from higher numbers to lower: two servers that change places never wait for each other.
   */
  private get turn(): number {
    if (this.knownTurn === 0) {
      throw new Error(`dedicated server ${this.hostName}: is to be activated after itself`);
    }
    if (this.knownTurn === undefined) {
      this.knownTurn = 0;
      this.knownTurn = 1 + Math.max(0, ...[...this.activatedAfter].map(({ turn }) => turn));
    }
    return this.knownTurn;
  }

  private createRemoval(): TerraformData {
    return new TerraformData(this, "removal", {
      hostProvisioners: () => [{ ...removeStep(this, this.target), when: "destroy" }],
    });
  }

  private createDelivery(removal: TerraformData): TerraformData {
    const document = new TerraformLocal(
      this,
      "document",
      Lazy.stringValue({ produce: () => deliveryDocument(this.profile.build()) }),
    );
    return new TerraformData(this, "delivery", {
      after: () => [removal],
      triggersReplace: () => ({
        // Another machine, or the same with a new system on it, has nothing of what was delivered.
        "host key": fingerprints(this.target.hostKeys),
        ...deliveryDigests(this.profile.build()),
      }),
      hostProvisioners: () => [stageStep(this, this.target, document, this.deliveredFiles())],
    });
  }

  private createActivation(delivery: TerraformData): TerraformData {
    return new TerraformData(this, "activation", {
      suffix: () => `_turn_${this.turn}`,
      after: () => [delivery, ...[...this.activatedAfter].map(({ activation }) => activation)],
      triggersReplace: () => ({ delivery: delivery.id }),
      hostProvisioners: () => [activateStep(this, this.target)],
    });
  }

  /** Paths by the names under which they lie beside the document. */
  private deliveredFiles(): Map<string, string> {
    const assets = this.profile
      .build()
      .files.flatMap(({ content }) =>
        content.kind === "asset" ? [[assetName(content), content.source] as const] : [],
      );
    return new Map([["host-apply.sh", hostApply()], ...assets]);
  }
}
