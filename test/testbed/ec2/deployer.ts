import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { shellWord } from "../../../constructs/grammar/shell-word";
import { attempt, type CommandResult } from "../command";
import { type Testbed } from "../testbed";
import { type AccessKey, ACCOUNT, API_ADDRESS, type Aws, AWS_REGION, NAMES, type Statement } from "./aws";

const PROJECT = resolve(__dirname, "../../..");

const KEY: AccessKey = {
  accessKeyId: "AKIADEPLOYEREXAMPLE0",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYDEPLOYERKEY",
};

/** What docs/aws.md says that whoever deploys may do, as far as the double knows. */
const MAY: readonly Statement[] = [
  { Effect: "Allow", Action: "autoscaling:Describe*", Resource: "*" },
  {
    Effect: "Allow",
    Action: "ssm:SendCommand",
    Resource: [
      `arn:aws:ssm:${AWS_REGION}::document/AWS-RunShellScript`,
      `arn:aws:ec2:${AWS_REGION}:${ACCOUNT}:instance/*`,
    ],
  },
  { Effect: "Allow", Action: ["ssm:ListCommandInvocations", "ssm:GetCommandInvocation"], Resource: "*" },
  {
    Effect: "Allow",
    Action: ["ssm:PutParameter", "ssm:DeleteParameter"],
    Resource: `arn:aws:ssm:${AWS_REGION}:${ACCOUNT}:parameter/tricloud/*`,
  },
];

/** Where Terraform runs: a machine with Node, the AWS CLI and a key, from which AWS is reached by its names. */
export class Deployer {
  static async start(testbed: Testbed, aws: Aws): Promise<Deployer> {
    const layer = await testbed.layer("deployer", ["awscli", "nodejs", "ca-certificates"]);
    const root = await testbed.mountRoot("deployer", [layer]);
    writeFileSync(join(root, "etc/hosts"), NAMES.map((service) => `${API_ADDRESS} ${service}\n`).join(""));
    appendFileSync(join(root, "etc/ssl/certs/ca-certificates.crt"), aws.authority);
    aws.admitKey("deployer", MAY, KEY);
    return new Deployer(testbed.network.rack, root);
  }

  private constructor(
    private readonly rack: string,
    private readonly root: string,
  ) {}

  /**
   * Runs a group's reload as Terraform would.
   *
   * @param folder of its program
   * @param task what it is told
   * @returns what it has said @throws Error with that when it fails
   */
  async reload(folder: string, task: string): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(folder, task);
    if (code !== 0) throw new Error(`the reload failed with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** The same, whatever comes of it. */
  attempt(folder: string, task: string): Promise<CommandResult> {
    const copy = `/srv/${basename(folder)}`;
    mkdirSync(join(this.root, copy), { recursive: true });
    cpSync(folder, join(this.root, copy), { recursive: true });
    return this.run([], { TRICLOUD_RELOAD: task }, ["node", `${copy}/group-reload.mjs`]);
  }

  /**
   * Runs the built command `tricloud`, whatever comes of it.
   *
   * @param out the app's output directory
   */
  tricloud(out: string, words: readonly string[]): Promise<CommandResult> {
    const [project, output] = ["/srv/project", "/srv/out"];
    return this.run(
      [
        [PROJECT, project],
        [out, output],
      ],
      {},
      [...["node", `${project}/dist/cli/main.js`, ...words, "--out", output]],
    );
  }

  /** @param shown directories of this machine, and where they are there */
  private run(
    shown: ReadonlyArray<readonly [string, string]>,
    variables: Readonly<Record<string, string>>,
    command: readonly string[],
  ): Promise<CommandResult> {
    const environment = {
      ...{ AWS_REGION, AWS_DEFAULT_REGION: AWS_REGION, AWS_CA_BUNDLE: "/etc/ssl/certs/ca-certificates.crt" },
      ...{ AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey },
      ...{ HOME: "/root", PATH: "/usr/bin:/bin", ...variables },
    };
    for (const [, there] of shown) mkdirSync(join(this.root, there), { recursive: true });
    // What is mounted for it goes with the mount namespace.
    const mounts = shown.map(([here, there]) => `mount --bind ${shellWord(here)} "$1${there}" && `).join("");
    const script = `${mounts}mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && exec chroot "$@"`;
    return attempt("nsenter", [
      ...[`--net=/run/netns/${this.rack}`, "unshare", "--mount", "--propagation", "private"],
      ...["sh", "-c", script, "sh", this.root, "/usr/bin/env", "-i"],
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ...command,
    ]);
  }
}
