import { AutoscalingGroup } from "@cdktf/provider-aws/lib/autoscaling-group";
import { AutoscalingPolicy } from "@cdktf/provider-aws/lib/autoscaling-policy";
import { IamInstanceProfile } from "@cdktf/provider-aws/lib/iam-instance-profile";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy";
import { IamRolePolicyAttachment } from "@cdktf/provider-aws/lib/iam-role-policy-attachment";
import { LaunchTemplate } from "@cdktf/provider-aws/lib/launch-template";
import { DataAwsSecretsmanagerSecret } from "@cdktf/provider-aws/lib/data-aws-secretsmanager-secret";
import { dependable, type ITerraformDependable, Lazy, Token } from "cdktf";
import { Construct } from "constructs";
import { basename } from "node:path";
import { type Block, type HasInstances, parallel, slaComponent } from "../availability";
import { type HostProfilePart, HostProfileBuilder, type IHost, type SecretContent } from "../host";
import { type HasTopology, type TopologyElement } from "../topology";
import { sha256 } from "../host/apply-document";
import { cloudInit } from "../host/cloud-init";
import type { AssetBucket, NewestAsset, StoredAsset } from "./asset-bucket";
import type { Architecture } from "./debian-image";
import { Firewall } from "./firewall";
import { GroupReload } from "./group-reload";
import { GroupRollout } from "./group-rollout";
import { awsBootOptions, bootPermissions } from "./instance-boot";
import { type KeptForMachines, keptDirectory } from "./kept-for-machines";
import { machineAlarm, machineAlarms, type MachineCheck, type MachineLog } from "./machine-log";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms } from "./pager";
import { domainOf, partitionOf, policyDocument, type PolicyStatement, trustPolicy } from "./policy";
import { isReloaded, keyOf, type ReloadedFile, START, startDigest, takeFile } from "./reloaded-file";
import type { SecretStore, StoredSecret } from "./secret-store";
import { UserData } from "./user-data";

export interface ServerGroupProps {
  /** Names the group and all that is made for it, for example `us-proxy`. At most 50 characters. */
  readonly name: string;
  /** Network whose private subnets the machines are in. */
  readonly network: INetwork;
  /** How many machines, spread evenly over the network's zones. @default - one for each zone */
  readonly count?: number;
  /**
   * How many machines there may be when they are busy. AWS has one limit for these and for those that a roll-out launches
   * before others go (a third of `count`), so that load may take the latter, too.
   * @default - `count`
   */
  readonly atMost?: number;
  /** Type of each machine. @default "t3.small", or "t4g.small" on arm64 */
  readonly instanceType?: string;
  /** Processor of the machines and their image. @default "x86_64" */
  readonly architecture?: Architecture;
  /** Id of an image of Debian 13 for that processor; `debianImage` finds it by Debian's name for it. */
  readonly imageId: string;
  /** Size of the encrypted root disk. @default 16 */
  readonly diskGib?: number;
  /** Where the group's machines fetch files that are too large for user data. */
  readonly assets: AssetBucket;
  /** Where they fetch secrets. */
  readonly secrets: SecretStore;
  /** Where they leave what they say and how they are. @default - nowhere: it goes with them */
  readonly log?: MachineLog;
  /** Time from launch until a machine must have reported itself healthy. @default 900 */
  readonly bootTimeoutSeconds?: number;
  /** Time from a machine's being in service until the next one is replaced. @default 30 */
  readonly warmUpSeconds?: number;
  /** Replace one machine after another, because each is part of a quorum. @default - up to a third of them at once */
  readonly oneAtATime?: boolean;
  /** Tags of the machines and their volumes. @default - none but their names */
  readonly tags?: Readonly<Record<string, string>>;
  /** Managed policies of the machines' role besides what booting needs, by their names. @default - none */
  readonly policyArns?: Readonly<Record<string, string>>;
}

/** A load balancer's list of machines that a group's machines are put on. */
export interface TargetGroup {
  /** Amazon resource name of the list. */
  readonly arn: string;
  /** What lets a load balancer reach the machines on the list: it counts for something once these are there. */
  readonly after: readonly ITerraformDependable[];
  /** Whether a machine that fails the list's health check is replaced, or only gets no more work. @default true */
  readonly replaceUnhealthy?: boolean;
}

/**
 * Alike machines on EC2 that hold one profile. A machine counts as in service once it has reported that all its
 * services are healthy; one that cannot is replaced. A change of the profile replaces the machines a few at a time, new
 * ones before old ones, within the deploy that makes it; what its services take by a reload they take as they run, one
 * machine before the others.
 */
export class ServerGroup extends Construct implements IHost, HasInstances, HasAlarms, HasTopology {
  readonly hostName: string;
  readonly machines: readonly Block[];
  /** At least one machine is up. */
  readonly availability: Block;
  readonly joinAddress: string;
  readonly bindAddress = "{{ GetPrivateIP }}";
  readonly topology: readonly TopologyElement[];
  /** What may reach the machines. */
  readonly firewall: Firewall;
  /** Name of the auto-scaling group. */
  readonly groupName: string;
  readonly alarms: Alarm[];
  /** Name of the role that the machines have. */
  readonly roleName: string;

  private readonly profile: HostProfileBuilder;
  private readonly storedAssets = new Map<string, StoredAsset>();
  private readonly storedSecrets = new Map<string, StoredSecret>();
  /** Files that machines take as they run, by path. */
  private readonly reloaded = new Map<
    string,
    { readonly file: ReloadedFile; readonly stored: NewestAsset }
  >();
  private readonly reloads: GroupReload[] = [];
  /** What machines find that is kept for them. */
  private readonly kept: KeptForMachines[] = [];
  /** Groups whose turn comes after this one's. */
  private readonly later: ServerGroup[] = [];
  private readonly firewalls: Firewall[];
  private readonly targetGroups: TargetGroup[] = [];
  private readonly statements: PolicyStatement[] = [];
  /** Amazon resource names of secrets that others have made, by name. */
  private readonly namedSecrets = new Map<string, string>();
  private readonly group: AutoscalingGroup;
  private readonly rollout: GroupRollout;
  /** A machine that boots before these are there would only be thrown away. */
  private readonly before: ITerraformDependable[];

  /**
   * @throws Error for a malformed name, fewer than one machine or fewer at most than always; at synth, when what the machines must hold is too much
   *   for user data
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ServerGroupProps,
  ) {
    super(scope, id);
    const { name, network, count = network.zones.length } = props;
    if (!/^[a-z][a-z0-9-]{0,49}$/.test(name)) {
      throw new Error(
        `name of a server group must be at most 50 lower-case letters, digits and hyphens, got: ${JSON.stringify(name)}`,
      );
    }
    if (!Number.isInteger(count) || count < 1) {
      throw new Error(`server group ${name}: count must be a whole number of at least 1, got: ${count}`);
    }
    const { atMost = count } = props;
    if (!Number.isInteger(atMost) || atMost < count) {
      throw new Error(
        `server group ${name}: atMost must be a whole number of at least ${count}, got: ${atMost}`,
      );
    }
    this.hostName = name;
    this.groupName = name;
    this.alarms = [
      {
        name: `${name}-too-few`,
        what: `Fewer than ${count} machines of ${name} are in service, and no new one has become healthy`,
        namespace: "AWS/AutoScaling",
        metric: "GroupInServiceInstances",
        dimensions: { AutoScalingGroupName: name },
        statistic: "Minimum",
        when: { below: count },
        minutes: 15,
        silenceIsBad: true,
      },
    ];
    this.profile = new HostProfileBuilder(name);
    this.machines = machineBlocks(name, network, count);
    this.availability = parallel(...this.machines);
    const places = network.zones.map(({ name: zone }) => zone);
    this.topology = [{ kind: "machines", name, count, type: this.instanceType, places }];
    this.joinAddress = `provider=aws region=${network.awsRegion} addr_type=private_v4 tag_key=${GROUP_TAG} tag_value=${name}`;
    this.firewall = new Firewall(this, "firewall", { network, name, description: `Machines of ${name}` });
    this.firewalls = [this.firewall];

    const role = new IamRole(this, "role", {
      namePrefix: `${name.slice(0, 37)}-`,
      assumeRolePolicy: trustPolicy("ec2.amazonaws.com"),
    });
    this.roleName = role.name;
    const permissions = new IamRolePolicy(this, "permissions", {
      name: "boot",
      role: role.id,
      policy: Lazy.stringValue({ produce: () => policyDocument(this.permissions()) }),
    });
    const instanceProfile = new IamInstanceProfile(this, "instance-profile", {
      namePrefix: `${name}-`,
      role: role.name,
    });
    const attachments = Object.entries(props.policyArns ?? {}).map(
      ([policy, policyArn]) =>
        new IamRolePolicyAttachment(this, `policy-${policy}`, { role: role.name, policyArn }),
    );
    this.before = [permissions, ...attachments, ...network.wayOut];
    if (props.log !== undefined) this.keepIn(props.log);
    const template = this.launchTemplate(instanceProfile);
    this.group = this.autoscalingGroup(count, template);
    this.rollout = new GroupRollout(this, "rollout", {
      awsRegion: network.awsRegion,
      groupName: name,
      templateId: template.id,
      version: Token.asString(template.latestVersion),
      logGroupName: props.log?.logGroupName,
      group: this.group,
    });
  }

  private keepIn(log: MachineLog): void {
    this.before.push(log.ready);
    this.addToProfile(log.profileFor(this.groupName));
    this.grant(...log.permissions());
    this.alarms.push(...machineAlarms(this.groupName));
  }

  /**
   * Has each machine try something once a minute, and tells people when that fails on all of them.
   *
   * @param alarm what is wrong then, and for how many minutes it must be so
   * @throws Error for a group without a log
   */
  check(check: MachineCheck, { name, what, minutes }: Pick<Alarm, "name" | "what" | "minutes">): void {
    const { log } = this.props;
    if (log === undefined) {
      throw new Error(`server group ${this.hostName}: expected a log for check ${check.metric}, got: none`);
    }
    this.addToProfile(log.checkPart(check));
    const { metric } = check;
    const failing = { metric, statistic: "Maximum", when: { below: 1 }, silenceIsBad: true } as const;
    this.alarms.push(machineAlarm(this.groupName, { name, what, minutes, ...failing }));
  }

  get instances(): readonly Block[] {
    return this.machines;
  }

  addToProfile(part: HostProfilePart): void {
    this.profile.add(part);
    for (const file of part.files ?? []) {
      const { path, content } = file;
      if (isReloaded(file)) {
        this.reload(file);
        continue;
      }
      if (content.kind === "text" && isLarge(content.text)) {
        this.storedAssets.set(
          sha256(content.text),
          this.props.assets.storeText(basename(path), content.text),
        );
      }
      if (content.kind === "asset") this.storedAssets.set(content.sha256, this.props.assets.store(content));
      if (content.kind === "secret") this.storeSecret(content);
    }
  }

  /** @throws Error for a name that is none */
  findKept(name: string): string {
    if (!/^[a-z]{1,50}$/.test(name)) {
      throw new Error(
        `server group ${this.hostName}: name of what is kept must be at most 50 lower-case letters, got: ${JSON.stringify(name)}`,
      );
    }
    const kept = { groupName: this.groupName, name };
    if (!this.kept.some((each) => each.name === name)) this.kept.push(kept);
    return keptDirectory(kept);
  }

  /** Has machines that boot fetch the file's newest version, and those that run take it when that is another. */
  private reload(file: ReloadedFile): void {
    const { path } = file;
    if (this.reloaded.has(path)) return;
    const { awsRegion } = this.props.network;
    const stored = this.props.assets.storeNewest(keyOf(this.groupName, path), () => file.content.text, {
      [START]: () => startDigest(file, this.profile.build()),
    });
    this.reloaded.set(path, { file, stored });
    this.before.push(stored.written);
    const reload = new GroupReload(this, `reload-${path.replaceAll("/", "-").slice(1)}`, {
      awsRegion,
      groupName: this.groupName,
      what: basename(path),
      versionId: stored.versionId,
      program: () => takeFile(file, this.profile.build(), stored, awsRegion),
      boundSeconds: this.bootTimeoutSeconds + RELOAD_SECONDS,
      after: this.rollout.step,
    });
    this.reloads.push(reload);
    for (const group of this.later) group.rollout.after(reload.step);
  }

  /** @throws Error when the group's machines would have two values for one name */
  private storeSecret(content: SecretContent): void {
    const stored = this.props.secrets.store(content);
    const present = this.storedSecrets.get(content.name) ?? stored;
    if (present !== stored) {
      throw new Error(
        `server group ${this.hostName}: secret ${content.name} is asked for twice with different values`,
      );
    }
    this.storedSecrets.set(content.name, stored);
  }

  /** @throws Error when `other` is not another server group: Terraform cannot order this one after it */
  activateAfter(other: IHost): void {
    if (!(other instanceof ServerGroup) || other === this) {
      throw new Error(
        `server group ${this.hostName}: can be activated after another server group only, got: ${other.node.path}`,
      );
    }
    // A group is there for Terraform once its first machines have reported themselves healthy.
    this.before.push(other.group, other.rollout.step);
    this.rollout.after(other.rollout.step);
    for (const { step } of other.reloads) this.rollout.after(step);
    other.later.push(this);
  }

  /** Lets the machines do more than booting needs. */
  grant(...statements: readonly PolicyStatement[]): void {
    this.statements.push(...statements);
  }

  /**
   * Lets what runs on the machines read secrets in Secrets Manager that are there already, with whatever keys they are
   * encrypted: `aws secretsmanager get-secret-value --secret-id NAME`. One that is not there fails the plan.
   *
   * @param names of secrets in the machines' region of AWS, for example `shop/mail-password`
   * @throws Error for what can be no secret's name
   */
  allowSecrets(...names: readonly string[]): void {
    for (const name of names) {
      if (!SECRET_NAME.test(name)) {
        throw new Error(
          `server group ${this.hostName}: name of a secret must be at most 512 letters, digits and /_+=.@-, got: ${JSON.stringify(name)}`,
        );
      }
      if (this.namedSecrets.has(name)) continue;
      const id = `secret-${this.namedSecrets.size + 1}`;
      this.namedSecrets.set(name, new DataAwsSecretsmanagerSecret(this, id, { name }).arn);
    }
  }

  /** Puts the machines behind one more firewall, for instance one that members of several groups share. */
  addFirewall(firewall: Firewall): void {
    this.firewalls.push(firewall);
  }

  /** Puts the machines on a load balancer's list, whose health checks may decide whether they are replaced. */
  addToTargetGroup(targetGroup: TargetGroup): void {
    this.targetGroups.push(targetGroup);
    this.before.push(...targetGroup.after);
  }

  private get instanceType(): string {
    return this.props.instanceType ?? (this.props.architecture === "arm64" ? "t4g.small" : "t3.small");
  }

  private get bootTimeoutSeconds(): number {
    return this.props.bootTimeoutSeconds ?? 900;
  }

  private launchTemplate(instanceProfile: IamInstanceProfile): LaunchTemplate {
    const { name, diskGib = 16 } = this.props;
    const tags = { ...this.props.tags, Name: name, [GROUP_TAG]: name };
    const userData = new UserData(this, "user-data", `server group ${name}`, () => this.userDataText());
    return new LaunchTemplate(this, "launch-template", {
      name,
      imageId: this.props.imageId,
      instanceType: this.instanceType,
      updateDefaultVersion: true,
      iamInstanceProfile: { arn: instanceProfile.arn },
      vpcSecurityGroupIds: Lazy.listValue({
        produce: () => this.firewalls.map((firewall) => firewall.securityGroupId),
      }),
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
        instanceMetadataTags: "disabled",
      },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { volumeType: "gp3", volumeSize: diskGib, encrypted: "true", deleteOnTermination: "true" },
        },
      ],
      monitoring: { enabled: true },
      tagSpecifications: ["instance", "volume"].map((resourceType) => ({ resourceType, tags })),
      userData: userData.encoded,
      tags: { Name: name },
    });
  }

  private autoscalingGroup(count: number, template: LaunchTemplate): AutoscalingGroup {
    const { name, network, warmUpSeconds = 30, oneAtATime = false, atMost = count } = this.props;
    const { bootTimeoutSeconds } = this;
    const grows = atMost > count;
    const more = oneAtATime ? 1 : Math.max(1, Math.floor(count / 3));
    const group = new AutoscalingGroup(this, "group", {
      name,
      minSize: count,
      // Those that are there before others go, besides what load makes of the group.
      maxSize: atMost + more,
      // Of a group that grows a deploy would end what load has begun.
      desiredCapacity: grows ? undefined : count,
      vpcZoneIdentifier: network.zones.map((zone) => zone.privateSubnetId),
      launchTemplate: { id: template.id, version: Token.asString(template.latestVersion) },
      targetGroupArns: Lazy.listValue(
        { produce: () => this.targetGroups.map(({ arn }) => arn) },
        { omitEmpty: true },
      ),
      healthCheckType: Lazy.stringValue({
        produce: () =>
          this.targetGroups.some(({ replaceUnhealthy = true }) => replaceUnhealthy) ? "ELB" : "EC2",
      }),
      healthCheckGracePeriod: 60,
      initialLifecycleHook: [
        {
          name: BOOT_HOOK,
          lifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
          heartbeatTimeout: bootTimeoutSeconds,
          defaultResult: "ABANDON",
        },
      ],
      enabledMetrics: ["GroupDesiredCapacity", "GroupInServiceInstances"],
      waitForCapacityTimeout: `${bootTimeoutSeconds + 300}s`,
      defaultInstanceWarmup: warmUpSeconds,
      // Of replacing machines for whatever reason: launch first, terminate then.
      instanceMaintenancePolicy: {
        minHealthyPercentage: 100,
        maxHealthyPercentage: Math.ceil((100 * (count + more)) / count),
      },
      tag: [{ key: "Name", value: name, propagateAtLaunch: false }],
      // AWS saves the version when the roll-out has ended well, and until then goes back to this one.
      lifecycle: { ignoreChanges: ["launch_template[0].version"] },
    });
    group.dependsOn = Lazy.listValue({ produce: () => this.neededToBoot() });
    if (grows) this.growWithLoad(group);
    return group;
  }

  private growWithLoad(group: AutoscalingGroup): void {
    new AutoscalingPolicy(this, "load", {
      name: `${this.hostName}-load`,
      autoscalingGroupName: group.name,
      policyType: "TargetTrackingScaling",
      targetTrackingConfiguration: {
        predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
        targetValue: BUSY_PERCENT,
      },
    });
  }

  private neededToBoot(): string[] {
    const rules = this.firewalls.flatMap((firewall) => firewall.rules);
    return [...new Set([...this.before, ...rules].map(dependable))];
  }

  private userDataText(): string {
    const profile = this.profile.build();
    return cloudInit(
      profile,
      awsBootOptions({
        awsRegion: this.props.network.awsRegion,
        architecture: this.props.architecture ?? "x86_64",
        groupName: this.groupName,
        hookName: BOOT_HOOK,
        assets: this.storedAssets,
        newest: new Map(
          [...this.reloaded].map(([path, { file, stored }]) => [
            path,
            { stored, start: startDigest(file, profile) },
          ]),
        ),
        secrets: this.storedSecrets,
        kept: this.kept,
        lastWords: this.props.log?.lastWords,
      }),
    );
  }

  private permissions() {
    return bootPermissions({
      awsRegion: this.props.network.awsRegion,
      groupName: this.groupName,
      assets: [...this.storedAssets.values()],
      newest: [...this.reloaded.values()].map(({ stored }) => stored),
      kept: this.kept,
      secrets: [...this.storedSecrets.values()],
      secretsKeyArn: this.props.secrets.kmsKeyArn,
    }).concat(
      readPermissions([...this.namedSecrets.values()], this.props.network.awsRegion),
      this.statements,
    );
  }
}

/**
 * All of a machine's small texts together compress well in its user data; what is larger takes the room of those that
 * other constructs add. What Terraform alone resolves has to stay: its digest decides on the machine what is right.
 */
const isLarge = (text: string): boolean => text.length >= LARGE_TEXT && !Token.isUnresolved(text);
const LARGE_TEXT = 2048;

const SECRET_NAME = /^[\w/+=.@-]{1,512}$/;

/** What reading these secrets takes, whichever keys they are encrypted with; nothing where there are none. */
function readPermissions(arns: readonly string[], awsRegion: string): PolicyStatement[] {
  if (arns.length === 0) return [];
  return [
    { sid: "ReadNamedSecrets", actions: ["secretsmanager:GetSecretValue"], resources: arns },
    {
      sid: "DecryptNamedSecrets",
      actions: ["kms:Decrypt"],
      // Any key, by way of Secrets Manager and for these secrets alone.
      resources: [`arn:${partitionOf(awsRegion)}:kms:${awsRegion}:*:key/*`],
      condition: {
        StringEquals: {
          "kms:ViaService": `secretsmanager.${awsRegion}.${domainOf(awsRegion)}`,
          "kms:EncryptionContext:SecretARN": arns,
        },
      },
    },
  ];
}

/** How long machines may take to serve by another file, besides those that are about to come up. */
const RELOAD_SECONDS = 300;

/** Processors' time in use that a group grows at: of three zones' machines the others can take a lost one's work. */
const BUSY_PERCENT = 60;

/** Tag that names the group on each of its machines; Consul's agents find the servers by it. */
const GROUP_TAG = "tricloud-group";
const BOOT_HOOK = "boot";

/** Machines go round the zones, as the auto-scaling group spreads them. */
function machineBlocks(name: string, network: INetwork, count: number): Block[] {
  return Array.from({ length: count }, (_, index) => {
    const place = network.places[index % network.places.length];
    if (place === undefined)
      throw new Error(`server group ${name}: expected a network with zones, got: none`);
    const id = `${place.id}/${name}-${index + 1}`;
    return place.holding(
      slaComponent(id, "aws.ec2", { zones: 1 }, { about: { label: `${name}-${index + 1}` } }),
    );
  });
}
