import type { BootOptions } from "../host/boot-document";
import type { NewestAsset, StoredAsset } from "./asset-bucket";
import type { Architecture } from "./debian-image";
import { domainOf, partitionOf, type PolicyStatement } from "./policy";
import { fetchKept, type KeptForMachines, keptPermissions } from "./kept-for-machines";
import { fetchNewest, newestPermissions } from "./reloaded-file";
import type { StoredSecret } from "./secret-store";

export interface InstanceBoot {
  readonly awsRegion: string;
  readonly architecture: Architecture;
  /** The auto-scaling group, and its hook that waits for word from the instance. */
  readonly groupName: string;
  readonly hookName: string;
  /** Files and large texts, by SHA-256. */
  readonly assets: ReadonlyMap<string, StoredAsset>;
  /** Files of which the newest version is wanted, by path, and digests of what each machine starts with. */
  readonly newest: ReadonlyMap<string, { readonly stored: NewestAsset; readonly start: string }>;
  /** By name. */
  readonly secrets: ReadonlyMap<string, StoredSecret>;
  /** What the machine finds that is kept for it. */
  readonly kept: readonly KeptForMachines[];
  /** Shell command by which a machine that is given up leaves what it has said. @default - it leaves nothing */
  readonly lastWords?: string;
}

/** How a machine on EC2 gets what its user data does not hold, and whom it tells how booting went. */
export function awsBootOptions(boot: InstanceBoot): BootOptions {
  const report = (result: "CONTINUE" | "ABANDON") =>
    `aws autoscaling complete-lifecycle-action --lifecycle-action-result ${result} ` +
    `--lifecycle-hook-name ${boot.hookName} --auto-scaling-group-name ${boot.groupName} ` +
    `--instance-id "$(cloud-init query instance_id)"`;
  return {
    packages: ["awscli", "ca-certificates", "curl"],
    environment: { AWS_REGION: boot.awsRegion, AWS_DEFAULT_REGION: boot.awsRegion },
    prepare: [...sessionManagerAgent(boot), ...boot.kept.flatMap(fetchKept)],
    fetchAsset: (sha256) => fromBucket(known(boot.assets, sha256)),
    fetchNewest: (path) => {
      const newest = boot.newest.get(path);
      return newest && fetchNewest(newest.stored, newest.start);
    },
    fetchText: (sha256) => {
      const stored = boot.assets.get(sha256);
      return stored === undefined ? undefined : fromBucket(stored);
    },
    fetchSecret: (name) => {
      const { arn, versionId } = known(boot.secrets, name);
      return (
        // Python is asked only when there is an answer, or its complaint would bury that of AWS.
        `answer=$(aws secretsmanager get-secret-value --secret-id ${arn} --version-id ${versionId} --output json) && ` +
        `printf %s "$answer" | python3 -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["SecretString"])'`
      );
    },
    whenHealthy: report("CONTINUE"),
    // The machine is gone seconds after it is reported.
    whenFailed: [...(boot.lastWords === undefined ? [] : [boot.lastWords]), report("ABANDON")].join("\n"),
  };
}

/** What AWS tells of the object would go to standard output, too. */
const fromBucket = ({ bucket, key, versionId }: StoredAsset): string =>
  `aws s3api get-object --bucket ${bucket} --key ${key} --version-id ${versionId} /dev/fd/3 3>&1 >/dev/null`;

/**
 * Debian's images come without the agent of Session Manager; AWS publishes it in a bucket of each region, which
 * machines reach by the VPC's own way to S3.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/agent-install-deb.html
 */
function sessionManagerAgent({ awsRegion, architecture }: InstanceBoot): string[] {
  const platform = architecture === "x86_64" ? "debian_amd64" : "debian_arm64";
  const url = `https://s3.${awsRegion}.${domainOf(awsRegion)}/amazon-ssm-${awsRegion}/latest/${platform}/amazon-ssm-agent.deb`;
  const file = "/var/lib/tricloud/amazon-ssm-agent.deb";
  return [
    "step 'Session Manager agent'",
    "if [[ ! -x /usr/bin/amazon-ssm-agent ]]; then",
    `  retry curl -fsSL --proto =https -o ${file} ${url}`,
    `  apt_get install ${file}`,
    `  rm ${file}`,
    "fi",
  ];
}

export interface BootPermissions {
  readonly awsRegion: string;
  readonly groupName: string;
  readonly assets: readonly StoredAsset[];
  readonly newest: readonly NewestAsset[];
  readonly kept: readonly KeptForMachines[];
  readonly secrets: readonly StoredSecret[];
  /** KMS key of the secrets, when it is not the account's own. */
  readonly secretsKeyArn?: string;
}

/** What the role of such a machine must be allowed, and no more. */
export function bootPermissions(boot: BootPermissions): PolicyStatement[] {
  const { awsRegion, groupName, newest, secrets, secretsKeyArn } = boot;
  const assets = [...boot.assets, ...newest];
  return [
    {
      sid: "ReportBoot",
      actions: ["autoscaling:CompleteLifecycleAction"],
      // The id in the middle is not known before the group is, and the group waits for this very call.
      resources: [
        `arn:${partitionOf(awsRegion)}:autoscaling:${awsRegion}:*:autoScalingGroup:*:autoScalingGroupName/${groupName}`,
      ],
    },
    {
      // And Run Command, by which a deploy has them take other files as they run.
      sid: "SessionManager",
      // None of these can be narrowed to a resource: they are calls of the instance about itself.
      actions: [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      resources: ["*"],
    },
    {
      sid: "FindConsulServers",
      // Listing instances cannot be narrowed to some of them either, but to a region.
      actions: ["ec2:DescribeInstances"],
      resources: ["*"],
      condition: { StringEquals: { "aws:RequestedRegion": awsRegion } },
    },
    ...(assets.length === 0
      ? []
      : [{ sid: "FetchFiles", actions: ["s3:GetObjectVersion"], resources: assets.map(({ arn }) => arn) }]),
    ...newestPermissions(newest),
    ...keptPermissions(awsRegion, boot.kept),
    ...(secrets.length === 0
      ? []
      : [
          {
            sid: "FetchSecrets",
            actions: ["secretsmanager:GetSecretValue"],
            resources: secrets.map(({ arn }) => arn),
          },
        ]),
    ...(secrets.length === 0 || secretsKeyArn === undefined
      ? []
      : [{ sid: "DecryptSecrets", actions: ["kms:Decrypt"], resources: [secretsKeyArn] }]),
  ];
}

function known<T>(things: ReadonlyMap<string, T>, key: string): T {
  const thing = things.get(key);
  if (thing === undefined) throw new Error(`nothing is stored under ${key}`);
  return thing;
}
