import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ACCOUNT, type Aws, AWS_REGION, type Statement } from "./aws";
import { type Attributes, type Stack } from "./stack";
import { type TargetList } from "./target-health";

/** User data, if EC2 takes as much. */
function taken(group: string, userData: Buffer): Buffer {
  if (userData.length > 16_384)
    throw new Error(`user data of ${group} is limited to 16384 bytes, got: ${userData.length}`);
  return userData;
}

/** A step of a deploy by which a group's machines take a file as they run. */
export interface ReloadStep {
  readonly address: string;
  /** Another version of the file runs it again. */
  readonly version: string;
  /** Folder of its program, and what that is told. */
  readonly folder: string;
  readonly task: string;
}

/** What a stack says of a group of machines, its expressions evaluated. */
export interface GroupPlan {
  readonly name: string;
  /** Attributes of `aws_autoscaling_group`. */
  readonly settings: Attributes;
  /** Names of the groups that must be there before this one. */
  readonly after: readonly string[];
  /** Lists of load balancers that the machines are put on. */
  readonly targets: readonly TargetList[];
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Of the machines' role. */
  readonly statements: readonly Statement[];
  readonly reloads: readonly ReloadStep[];
}

/**
 * Makes what a deploy makes before the first machine boots: buckets with their objects, log groups and secrets. What exists already
 * stays as it is.
 */
export class Cloud {
  private readonly known: Record<string, string> = {};
  private readonly made = new Map<string, string>();
  private secretsMade = 0;

  constructor(
    private readonly aws: Aws,
    private readonly variables: Readonly<Record<string, string>>,
  ) {}

  /** Does what `terraform apply` does, up to the groups. @returns the groups, each after those it depends on */
  async apply(stack: Stack): Promise<GroupPlan[]> {
    for (const [address, { bucket_prefix }] of Object.entries(stack.resources("aws_s3_bucket"))) {
      if (this.known[`${address}.id`] !== undefined) continue;
      const name = `${String(bucket_prefix)}${randomBytes(6).toString("hex")}`;
      await this.aws.createBucket(name);
      this.learn(address, { id: name, arn: `arn:aws:s3:::${name}` });
    }
    for (const [address, { name }] of Object.entries(stack.resources("aws_cloudwatch_log_group"))) {
      if (this.made.has(address)) continue;
      await this.aws.createLogGroup(String(name));
      this.made.set(address, String(name));
    }
    for (const address of Object.keys(stack.resources("aws_kms_key"))) {
      this.learn(address, { arn: `arn:aws:kms:${AWS_REGION}:${ACCOUNT}:key/${address}` });
    }
    const objects = Object.entries(stack.resources("aws_s3_object"));
    const texts = await stack.evaluate(
      Object.fromEntries(
        objects.flatMap(([address, { content, metadata = {} }]) =>
          typeof content === "string"
            ? [[address, { content, marks: metadata as Record<string, string> }]]
            : [],
        ),
      ),
      this.known,
      this.variables,
    );
    for (const [address, { bucket, key, source }] of objects) {
      const name = this.known[/\$\{(.*)\}/.exec(String(bucket))?.[1] ?? ""];
      if (name === undefined) throw new Error(`no bucket ${String(bucket)}`);
      const text = texts[address];
      const content =
        text === undefined ? readFileSync(join(stack.directory, String(source))) : Buffer.from(text.content);
      const marks = text?.marks ?? {};
      const digest = createHash("sha256").update(content).update(JSON.stringify(marks)).digest("hex");
      const stored = `${name}/${String(key)} ${digest}`;
      if (this.made.get(address) === stored) continue;
      const version = await this.aws.putObject(name, String(key), content, { marks });
      this.made.set(address, stored);
      this.learn(address, { version_id: version });
    }
    await this.createSecrets(stack);
    return this.groups(stack);
  }

  private async createSecrets(stack: Stack): Promise<void> {
    const versions = stack.resources("aws_secretsmanager_secret_version");
    const values = Object.fromEntries(
      Object.entries(versions).map(([address, { secret_string }]) => [address, secret_string as string]),
    );
    const evaluated = await stack.evaluate(values, this.known, this.variables);
    for (const [address, { secret_id }] of Object.entries(versions)) {
      const secret = /\$\{(.*)\.id\}/.exec(String(secret_id))?.[1] ?? "";
      const value = evaluated[address] ?? "";
      if (this.made.get(secret) === value) continue;
      const { arn, versionId } = await this.aws.createSecret(`${secret}-${++this.secretsMade}`, value);
      this.made.set(secret, value);
      this.learn(secret, { arn, id: arn });
      this.learn(address, { version_id: versionId });
    }
  }

  private async groups(stack: Stack): Promise<GroupPlan[]> {
    const groups = Object.entries(stack.resources("aws_autoscaling_group"));
    const templates = stack.resources("aws_launch_template");
    const policies = Object.values(stack.resources("aws_iam_role_policy"));
    const lists = stack.resources("aws_lb_target_group");
    const profiles = stack.resources("aws_iam_instance_profile");
    const plans = groups.map(([address, settings]) => {
      const template = templates[referred(settings["launch_template"], "id")] ?? {};
      const profile = profiles[referred(template["iam_instance_profile"], "arn")] ?? {};
      const role = referred(profile, "role");
      const specifications = template["tag_specifications"] as {
        resource_type: string;
        tags: Record<string, string>;
      }[];
      return {
        address,
        name: String(settings["name"]),
        // References to what is not made here say nothing of how machines are replaced.
        settings: withoutReferences(settings),
        targets: ((settings["target_group_arns"] ?? []) as string[]).map((arn) => {
          const { port, deregistration_delay, health_check } = lists[
            referred({ arn }, "arn")
          ] as unknown as TargetList;
          return { port, deregistration_delay, health_check };
        }),
        depends: (settings["depends_on"] ?? []) as string[],
        userData: String(template["user_data"]),
        tags: specifications.find(({ resource_type }) => resource_type === "instance")?.tags ?? {},
        policies: policies
          .filter((policy) => referred(policy, "role") === role)
          .map(({ policy }) => String(policy)),
      };
    });
    const reloads = await this.reloads(stack);
    const evaluated = await stack.evaluate(plans, this.known, this.variables);
    const ordered: GroupPlan[] = [];
    while (ordered.length < evaluated.length) {
      const next = evaluated.find(
        ({ name, depends }) =>
          !ordered.some((done) => done.name === name) &&
          evaluated.every(
            (other) => !depends.includes(other.address) || ordered.some((done) => done.name === other.name),
          ),
      );
      if (next === undefined) throw new Error("groups depend on one another");
      const { name, settings, targets, userData, tags, policies, depends } = next;
      ordered.push({
        ...{ name, settings, targets, tags },
        after: evaluated.filter(({ address }) => depends.includes(address)).map((other) => other.name),
        userData: gunzipSync(taken(name, Buffer.from(userData, "base64"))).toString(),
        statements: policies.flatMap(
          (policy) => (JSON.parse(policy) as { Statement: Statement[] }).Statement,
        ),
        reloads: reloads.filter(({ task }) => (JSON.parse(task) as { group: string }).group === name),
      });
    }
    return ordered;
  }

  private async reloads(stack: Stack): Promise<ReloadStep[]> {
    const steps = Object.entries(stack.resources("terraform_data")).flatMap(([address, step]) => {
      const [provisioner] = (step["provisioner"] ?? []) as {
        "local-exec"?: { command: string; environment?: Record<string, string> };
      }[];
      const { command = "", environment = {} } = provisioner?.["local-exec"] ?? {};
      const [, folder = ""] = /^node "(.*)\/group-reload\.mjs"$/.exec(command) ?? [];
      const { version = "" } = (step["triggers_replace"] ?? {}) as { version?: string };
      const { TRICLOUD_RELOAD: task } = environment;
      return task === undefined ? [] : [{ address, version, folder: join(stack.directory, folder), task }];
    });
    return stack.evaluate(steps, this.known, this.variables);
  }

  private learn(address: string, attributes: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(attributes)) this.known[`${address}.${name}`] = value;
  }
}

/** Address of the resource that an attribute refers to: the one of `holder`'s with that name. */
function referred(holder: unknown, attribute: string): string {
  const one = (Array.isArray(holder) ? holder[0] : holder) as Attributes | undefined;
  return /\$\{([a-z_0-9]+\.[A-Za-z0-9_-]+)\./.exec(String(one?.[attribute]))?.[1] ?? "";
}

function withoutReferences(settings: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => !JSON.stringify(value).includes("${")),
  );
}
