import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeCertificates } from "../certificates";
import { run, until } from "../command";
import { exclusively } from "../exclusive";
import { startProcess, untilListening } from "../network";
import { identify } from "../process-identity";
import { type Testbed, TESTBED_DIRECTORY } from "../testbed";
import { type Ended } from "./systems-manager.cjs";
import { startVpcResolver } from "./vpc-resolver";

export const AWS_REGION = "us-east-1";
export const ACCOUNT = "123456789012";
const METADATA_ADDRESS = "169.254.169.254";
/** Documentation addresses, so that nothing real is ever meant. */
export const API_ADDRESS = "198.51.100.10";
const MOTO_PORT = 5000;
/** The bucket in which AWS publishes the agent of Session Manager. */
export const AGENT_BUCKET = `amazon-ssm-${AWS_REGION}`;
/** Names of the APIs that machines call; each bucket of S3 has one of its own too. */
export const NAMES = ["ec2", "autoscaling", "secretsmanager", "ssm", "s3", "logs", "monitoring"].map(
  (service) => `${service}.${AWS_REGION}.amazonaws.com`,
);
const BUCKET_NAMES = `*.s3.${AWS_REGION}.amazonaws.com`;
/** Tells whether a request is signed as AWS wants it. */
const MODULES = ["aws4@1.13.2"];

/** A user's key for long use. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A role's, for a while. */
export interface Credentials extends AccessKey {
  readonly sessionToken: string;
}

/** One statement of an IAM policy. */
export type Statement = Readonly<Record<string, unknown>>;

/** A machine as AWS knows it. */
export interface Registration {
  readonly id: string;
  readonly address: string;
  readonly zone: string;
  /** Name of its role, and what the role's policies state. */
  readonly role: string;
  readonly statements: readonly Statement[];
  readonly credentials: Credentials;
}

/** A call that a machine has made: `service:Action`, whose it was, what it said, and the code of a refusal. */
export type Call = Readonly<Record<string, string | undefined>> & { readonly action: string };

/** What is known to an API of what it is asked for. */
export interface Told {
  readonly problem?: Problem | undefined;
  readonly groups?: readonly GroupState[];
}

/** A group of machines as Auto Scaling shows it. */
export interface GroupState {
  readonly name: string;
  readonly machines: readonly { readonly id: string; readonly zone: string; readonly state: string }[];
}

/** Why a call is refused, in AWS's words. */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

/**
 * AWS for the machines of a testbed: a VPC's resolver, and behind the real names of its APIs Debian's moto with a check
 * of signatures and policies in front. Nothing tells the machines that this is not AWS but the authority they trust.
 */
export class Aws {
  /**
   * @param names of the world outside and of the private zones, with the address each leads to
   */
  static async start(testbed: Testbed, names: Readonly<Record<string, string>>): Promise<Aws> {
    const { ledger, network } = testbed;
    const directory = join(ledger.directory, "aws");
    mkdirSync(directory);
    for (const address of ["169.254.169.253", METADATA_ADDRESS, API_ADDRESS]) {
      await run("ip", ["-netns", network.rack, "address", "add", `${address}/32`, "dev", "br0"]);
    }
    const apis = Object.fromEntries([...NAMES, BUCKET_NAMES].map((name) => [name, API_ADDRESS]));
    await startVpcResolver(testbed, { ...apis, ...names });
    await startMoto(testbed, directory);
    const { authority, certificate, key } = makeCertificates(directory, [...NAMES, BUCKET_NAMES]);
    const modules = await fetchModules();
    const program = join(__dirname, "endpoints.cjs");
    const log = openSync(join(directory, "endpoints.log"), "a");
    const options = {
      ...{ metadataAddress: METADATA_ADDRESS, address: API_ADDRESS, certificate, key },
      ...{
        region: AWS_REGION,
        account: ACCOUNT,
        motoPort: MOTO_PORT,
        modules,
      },
    };
    const child = spawn(
      "nsenter",
      [`--net=/run/netns/${network.rack}`, process.execPath, program, JSON.stringify(options)],
      { stdio: ["ignore", log, log, "ipc"] },
    );
    closeSync(log);
    const aws = new Aws(child, readFileSync(authority, "utf8"));
    await until("AWS endpoints", 20_000, async () => {
      if (child.exitCode === null) return aws.calls("ready").length > 0 || undefined;
      throw new Error(`the AWS endpoints ended:\n${readFileSync(join(directory, "endpoints.log"), "utf8")}`);
    });
    const identity = identify(child.pid ?? 0);
    if (identity !== undefined) ledger.record({ kind: "process", process: identity });
    await aws.createNetwork(network.cidr);
    return aws;
  }

  /** Judges a call to Auto Scaling, or tells what it asks for. */
  onAutoScaling: (call: Call) => Told = () => ({});
  /** Has a machine run a script as its agent does. */
  onCommand: (instance: string, script: string) => Promise<Ended> = (instance) =>
    Promise.reject(new Error(`nobody runs commands on ${instance}`));
  private readonly log: Call[] = [];
  private readonly answers = new Map<number, (answer: OperatorAnswer) => void>();
  private questions = 0;
  private subnet = "";

  private constructor(
    private readonly child: ChildProcess,
    /** PEM certificate of the authority that the APIs' certificate is from. */
    readonly authority: string,
  ) {
    child.on("message", (message: Message) => {
      if ("event" in message) this.log.push(message.event);
      if ("call" in message) void this.answer(message.question, message.call);
      if ("operator" in message) this.answers.get(message.operator)?.(message);
    });
  }

  private async answer(question: number, call: Call): Promise<void> {
    const told =
      call.action === "run"
        ? await this.onCommand(call["instance"]!, call["script"]!).catch((error: Error) => ({
            ...{ code: 255, stdout: "", stderr: error.message },
          }))
        : this.onAutoScaling(call);
    if (this.child.connected) this.child.send({ answer: question, told });
  }

  /** Has Systems Manager reach a machine, or not. */
  reach(id: string, isReached: boolean): void {
    this.child.send({ reach: id, isReached });
  }

  /** What machines have called, in order; `service:Action` as IAM has it. */
  calls(action: string): Call[] {
    return this.log.filter((call) => call.action === action);
  }

  /** Calls that were refused. */
  get refused(): Call[] {
    return this.log.filter(({ refused }) => refused !== undefined);
  }

  /** Makes a bucket that keeps every version of its objects. */
  async createBucket(name: string): Promise<void> {
    await this.operate({ service: "s3", method: "PUT", path: `/${name}` });
    const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await this.operate({ service: "s3", method: "PUT", path: `/${name}?versioning`, body });
  }

  /**
   * @param how who may read it besides the account, and what is told of it besides
   * @returns the id of this version
   */
  async putObject(
    bucket: string,
    key: string,
    content: Buffer,
    {
      acl = "private",
      marks = {},
    }: { readonly acl?: "private" | "public-read"; readonly marks?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    const metadata = Object.entries(marks).map(([name, value]) => [`x-amz-meta-${name}`, value]);
    const headers = { "x-amz-acl": acl, ...(Object.fromEntries(metadata) as Record<string, string>) };
    const call = { service: "s3", method: "PUT", path: `/${bucket}/${key}`, headers };
    const { version } = await this.operate({ ...call, body: content });
    if (version === undefined) throw new Error(`${bucket} keeps no versions`);
    return version;
  }

  /** @returns what Terraform knows of the secret and of its value's version */
  async createSecret(name: string, value: string): Promise<{ arn: string; versionId: string }> {
    const headers = {
      "x-amz-target": "secretsmanager.CreateSecret",
      "content-type": "application/x-amz-json-1.1",
    };
    const body = JSON.stringify({ Name: name, SecretString: value, ClientRequestToken: randomUUID() });
    const answer = await this.operate({
      service: "secretsmanager",
      method: "POST",
      path: "/",
      headers,
      body,
    });
    const { ARN, VersionId } = JSON.parse(answer.body) as { ARN: string; VersionId: string };
    return { arn: ARN, versionId: VersionId };
  }

  async createLogGroup(name: string): Promise<void> {
    await this.logs("CreateLogGroup", { logGroupName: name });
  }

  /** What has arrived in a stream, message by message; nothing when there is no such stream. */
  async logged(group: string, stream: string): Promise<string[]> {
    const where = { logGroupName: group, logStreamName: stream };
    const { logStreams } = (await this.logs("DescribeLogStreams", {
      logGroupName: group,
      logStreamNamePrefix: stream,
    })) as { logStreams: unknown[] };
    if (logStreams.length === 0) return [];
    const messages: string[] = [];
    for (let token: string | undefined; ;) {
      const page = (await this.logs("GetLogEvents", { ...where, startFromHead: true, nextToken: token })) as {
        events: { message: string }[];
        nextForwardToken: string;
      };
      messages.push(...page.events.map(({ message }) => message));
      if (page.events.length === 0 || page.nextForwardToken === token) return messages;
      token = page.nextForwardToken;
    }
  }

  private async logs(action: string, parameters: Record<string, unknown>): Promise<unknown> {
    const headers = {
      "x-amz-target": `Logs_20140328.${action}`,
      "content-type": "application/x-amz-json-1.1",
    };
    const call = { service: "logs", method: "POST", path: "/", headers };
    const { body } = await this.operate({ ...call, body: JSON.stringify(parameters) });
    return body === "" ? {} : JSON.parse(body);
  }

  /** Has EC2 know a running machine with its address and tags. @returns its instance id */
  async runInstance(address: string, tags: Readonly<Record<string, string>>): Promise<string> {
    const entries = Object.entries(tags).flatMap(([key, value], index) => [
      [`TagSpecification.1.Tag.${index + 1}.Key`, key],
      [`TagSpecification.1.Tag.${index + 1}.Value`, value],
    ]);
    return this.ec2(/<instanceId>([^<]*)/, {
      ...{ Action: "RunInstances", ImageId: "ami-12c6146b", MinCount: "1", MaxCount: "1" },
      ...{ SubnetId: this.subnet, PrivateIpAddress: address, "TagSpecification.1.ResourceType": "instance" },
      ...Object.fromEntries(entries),
    });
  }

  async terminateInstance(id: string): Promise<void> {
    await this.ec2(/<instanceId>([^<]*)/, { Action: "TerminateInstances", "InstanceId.1": id });
  }

  /** Lets the machine at this address have its role's credentials. */
  admit(instance: Registration): void {
    this.child.send({ instance });
  }

  /** Has the metadata service give the machine at this address other credentials than AWS knows it by. */
  mistake(address: string, credentials: Credentials): void {
    this.child.send({ mistaken: address, credentials });
  }

  /** Lets whoever has this key, which belongs to no machine, do what the statements say. */
  admitKey(user: string, statements: readonly Statement[], credentials: AccessKey): void {
    this.child.send({ instance: { id: user, address: user, statements, credentials } });
  }

  forget(address: string): void {
    this.child.send({ gone: address });
  }

  private async createNetwork(cidr: string): Promise<void> {
    const vpc = await this.ec2(/<vpcId>([^<]*)/, { Action: "CreateVpc", CidrBlock: cidr });
    this.subnet = await this.ec2(/<subnetId>([^<]*)/, {
      ...{ Action: "CreateSubnet", VpcId: vpc, CidrBlock: cidr },
    });
  }

  private async ec2(wanted: RegExp, form: Readonly<Record<string, string>>): Promise<string> {
    const body = new URLSearchParams({ ...form, Version: "2016-11-15" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await this.operate({ service: "ec2", method: "POST", path: "/", headers, body });
    const found = wanted.exec(answer.body)?.[1];
    if (found === undefined) throw new Error(`${form["Action"]}: unexpected answer ${answer.body}`);
    return found;
  }

  private async operate({ body = "", ...call }: OperatorCall): Promise<OperatorAnswer> {
    const operator = ++this.questions;
    const answer = await new Promise<OperatorAnswer>((resolve) => {
      this.answers.set(operator, resolve);
      this.child.send({ operator, call: { ...call, body: Buffer.from(body).toString("base64") } });
    });
    this.answers.delete(operator);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new Error(`${call.service} ${call.path}: status ${answer.status}: ${answer.body}`);
  }
}

interface OperatorAnswer {
  readonly status: number;
  readonly body: string;
  /** Of an object of S3. */
  readonly version?: string;
}

interface OperatorCall {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

type Message =
  | { readonly event: Call }
  | { readonly question: number; readonly call: Call }
  | (OperatorAnswer & { readonly operator: number });

/** Temporary credentials as an instance's role has them; of use nowhere else. */
export function temporaryCredentials(): Credentials {
  return {
    accessKeyId: `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64"),
    sessionToken: randomBytes(120).toString("base64"),
  };
}

async function startMoto(testbed: Testbed, directory: string): Promise<void> {
  const layer = await testbed.layer("moto", ["python3-moto", "python3-flask-cors"]);
  const root = await testbed.mountRoot("moto", [layer]);
  const { rack } = testbed.network;
  await startProcess(testbed.ledger, join(directory, "moto.log"), "nsenter", [
    ...[`--net=/run/netns/${rack}`, "chroot", root, "env", "LC_ALL=C.UTF-8", "HOME=/root"],
    ...["moto_server", "-H", "127.0.0.1", "-p", String(MOTO_PORT)],
  ]);
  await untilListening(rack, MOTO_PORT);
}

/** A directory with what the endpoints are made of, fetched once for this machine. */
async function fetchModules(): Promise<string> {
  const modules = join(TESTBED_DIRECTORY, "cache", "aws", MODULES.join("+"));
  mkdirSync(join(modules, ".."), { recursive: true });
  await exclusively(`${modules}.lock`, async () => {
    if (existsSync(modules)) return;
    const unfinished = `${modules}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefix", unfinished, ...MODULES]);
    renameSync(unfinished, modules);
  });
  return modules;
}
