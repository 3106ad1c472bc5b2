import { Lazy, TerraformLocal, type TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { type Block, dedicatedServer, type HasAvailability } from "../availability";
import { hostApply } from "../host/apply-program";
import { HostProfileBuilder, type HostProfilePart, type IHost, type RunBeforeActivation } from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { assetName, deliveryDigests, deliveryDocument } from "../host/delivery-document";
import {
  activateStep,
  activateUnlessStep,
  prepareStep,
  removeStep,
  stackAsset,
  stageStep,
} from "./host-commands";
import { fingerprints, sshTarget, type SshTarget, type SshTargetProps } from "./ssh-connection";
import { type ServerRoster } from "./server-roster";
import { TerraformData } from "./terraform-data";

export interface DedicatedServerProps extends SshTargetProps {
  /** DNS label; what messages and plans call the server. */
  readonly name: string;
  /** What the server is for. @default - nothing but a resolver and a Consul agent */
  readonly roles?: readonly string[];
  /** The data centre, a failure domain shared by its servers: for example `sakura/jp`. */
  readonly site: string;
  /** Rack or building shared with other servers. @default - a rack of its own */
  readonly rack?: string;
  /**
   * Another number has everything delivered again: to a server with a new system that has the old host keys.
   * @default - none
   */
  readonly generation?: number;
  /** Checked before anything reaches the server. @default - a server that disappears from the stack is not noticed */
  readonly roster?: ServerRoster;
}

/** A server's part in the round that comes before all activations. */
interface Joining {
  readonly resource: TerraformData;
  /** Who comes last in the round, and so after all others. */
  readonly last: DedicatedServer;
  /** Servers that take part. */
  readonly turns: number;
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
  readonly roles: readonly string[];
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];
  private readonly profile: HostProfileBuilder;
  private readonly target: SshTarget;
  private readonly delivery: TerraformData;
  /** Stands for the time from which the server is what its profile says. */
  readonly activation: TerraformResource;
  private readonly activatedAfter = new Set<DedicatedServer>();
  /** What is run before, of this server and others. */
  private readonly runsBefore: TerraformData[] = [];
  private knownTurn?: number;
  private joining?: Joining;

  /** @throws Error when the host key is none, or what leads to the host is malformed. */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DedicatedServerProps,
  ) {
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
    this.delivery = this.createDelivery(removal);
    this.activation = this.createActivation();
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

  /** @throws Error when a fellow is not a dedicated server */
  activateFirst(unless: string, fellows: readonly IHost[]): void {
    const servers = this.servers(fellows);
    const turn = 1 + servers.indexOf(this);
    const before = servers[turn - 2];
    const resource = new TerraformData(this, "joining", {
      suffix: () => `_turn_${turn}`,
      after: () => [
        this.delivery,
        ...this.runsBefore,
        ...(before?.joining === undefined ? [] : [before.joining.resource]),
      ],
      triggersReplace: () => ({ delivery: this.delivery.id }),
      hostProvisioners: () => [activateUnlessStep(this, this.target, unless)],
    });
    this.joining = { resource, last: servers[servers.length - 1]!, turns: servers.length };
  }

  /** @throws Error when a fellow is not a dedicated server */
  runBeforeActivation({ scope, id, command, key, fellows }: RunBeforeActivation): void {
    const servers = [...new Set([this, ...this.servers(fellows)])];
    const run = new TerraformData(scope as Construct, id, {
      after: () => servers.map(({ delivery }) => delivery),
      triggersReplace: () => ({ run: key }),
      hostProvisioners: () => [prepareStep(this, this.target, command)],
    });
    for (const server of servers) server.runsBefore.push(run);
  }

  private servers(fellows: readonly IHost[]): DedicatedServer[] {
    return fellows.map((fellow) => {
      if (fellow instanceof DedicatedServer) return fellow;
      throw new Error(
        `dedicated server ${this.hostName}: has ${fellow.node.path} as fellow, expected a dedicated server`,
      );
    });
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
      const before = [...this.activatedAfter].map(({ turn }) => turn);
      this.knownTurn = 1 + Math.max(this.joining?.turns ?? 0, ...before);
    }
    return this.knownTurn;
  }

  private createRemoval(): TerraformData {
    return new TerraformData(this, "removal", {
      after: () => (this.props.roster === undefined ? [] : [this.props.roster.check]),
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
        address: this.address,
        "host key": fingerprints(this.target.hostKeys),
        ...(this.props.generation === undefined ? {} : { generation: String(this.props.generation) }),
        ...deliveryDigests(this.profile.build()),
      }),
      hostProvisioners: () => [stageStep(this, this.target, document, this.deliveredFiles())],
    });
  }

  private createActivation(): TerraformData {
    return new TerraformData(this, "activation", {
      suffix: () => `_turn_${this.turn}`,
      after: () => [
        this.delivery,
        ...this.runsBefore,
        ...(this.joining?.last.joining === undefined ? [] : [this.joining.last.joining.resource]),
        ...[...this.activatedAfter].map(({ activation }) => activation),
      ],
      triggersReplace: () => ({ delivery: this.delivery.id }),
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
