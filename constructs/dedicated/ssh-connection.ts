import { createHash } from "node:crypto";
import { relative, resolve } from "node:path";
import { Token } from "cdktf";
import { shownValue } from "../grammar/shown-value";
import {
  SSH_ADDRESS,
  SSH_KEY_PATH,
  SSH_USER,
  sshHostKeyProblem,
  withoutComment,
} from "../grammar/ssh-grammar";

/** How a deploy signs in to a machine. */
export interface SshAccess {
  /** User to sign in as; one other than root needs password-less `sudo`. @default "root" */
  readonly user?: string;
  /** TCP port. @default 22 */
  readonly port?: number;
  /**
   * Private key on the machine that deploys, or a public key whose other half an SSH agent holds. `~` is the home of
   * whoever deploys, whose TRICLOUD_SSH_IDENTITY goes before it. @default - the SSH agent's keys
   */
  readonly privateKeyPath?: string;
  /** How long a host may be unreachable before the deploy gives up on it, in seconds. @default 60 */
  readonly connectTimeoutSeconds?: number;
  /** Machine through which the servers are reached. @default - they are reached directly */
  readonly bastion?: SshBastion;
}

/** A machine through which others are reached. */
export interface SshBastion {
  /** Address or name under which the deploying machine reaches it. */
  readonly address: string;
  /** User to sign in as, with the right to open connections from there. @default "root" */
  readonly user?: string;
  /** TCP port. @default 22 */
  readonly port?: number;
  /** One or several of its SSH host keys. */
  readonly hostKey: string | readonly string[];
  /** Private key on the machine that deploys. @default - that of the servers */
  readonly privateKeyPath?: string;
}

/** A machine and how the deploy gets into it. */
export interface SshTarget {
  /** What messages call it. */
  readonly name: string;
  readonly address: string;
  /** The server's public host keys: a host that shows none of them is refused. */
  readonly hostKeys: readonly string[];
  readonly ssh: SshAccess;
}

/** What a construct is told of a machine. */
export interface SshTargetProps {
  /** IPv4 address in the region's private network. */
  readonly address: string;
  /** Where SSH reaches the server. @default - `address` */
  readonly sshAddress?: string;
  /** One or several of the server's SSH public host keys, `TYPE BASE64`. A server that shows none of them is refused. */
  readonly hostKey: string | readonly string[];
  /** How the deploy gets in. @default - as root, at port 22, with the SSH agent's keys */
  readonly ssh?: SshAccess;
}

/**
 * @param owner what messages call the machine and its construct
 * @throws Error when a host key is none, or what leads to the host is malformed or known only during the deploy: SSH
 *   would be led elsewhere, or trust any host
 */
export function sshTarget(owner: string, name: string, props: SshTargetProps): SshTarget {
  const { address, sshAddress, ssh = {} } = props;
  const { bastion } = ssh;
  const refuse = (field: string, expected: string, value: unknown): never => {
    throw new Error(`${owner}: ${field} must be ${expected}, got: ${shownValue(value, field)}`);
  };
  const check = (field: string, expected: string, shape: RegExp, value: string | undefined): void => {
    if (value === undefined) return;
    if (Token.isUnresolved(value) || !shape.test(value)) refuse(field, expected, value);
  };
  const checkKeys = (field: string, keys: readonly string[]): void => {
    if (keys.length === 0) refuse(field, "one key at least", keys);
    const wrong = keys.find((key) => Token.isUnresolved(key) || sshHostKeyProblem(key) !== undefined);
    if (wrong !== undefined) refuse(field, '"TYPE BASE64"', wrong);
  };
  const checkNumber = (field: string, value: number | undefined, most = Number.MAX_SAFE_INTEGER): void => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
    refuse(field, `a whole number from 1${most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`}`, value);
  };
  checkKeys("hostKey", [props.hostKey].flat());
  check("address", AN_ADDRESS, SSH_ADDRESS, address);
  check("sshAddress", AN_ADDRESS, SSH_ADDRESS, sshAddress);
  checkNumber("ssh.port", ssh.port, 65535);
  checkNumber("ssh.connectTimeoutSeconds", ssh.connectTimeoutSeconds);
  check("ssh.user", AN_ACCOUNT, SSH_USER, ssh.user);
  check("ssh.privateKeyPath", A_PATH, SSH_KEY_PATH, ssh.privateKeyPath);
  if (bastion !== undefined) {
    checkKeys("ssh.bastion.hostKey", [bastion.hostKey].flat());
    checkNumber("ssh.bastion.port", bastion.port, 65535);
    check("ssh.bastion.address", AN_ADDRESS, SSH_ADDRESS, bastion.address);
    check("ssh.bastion.user", AN_ACCOUNT, SSH_USER, bastion.user);
    check("ssh.bastion.privateKeyPath", A_PATH, SSH_KEY_PATH, bastion.privateKeyPath);
  }
  return { name, address: sshAddress ?? address, hostKeys: [props.hostKey].flat(), ssh };
}

const SSH_PORT = 22;
const AN_ADDRESS = "an address or a host name, known before the deploy";
const AN_ACCOUNT = "the name of an account";
const A_PATH = "a path without quotes, line breaks and expressions";

/**
 * The connection as `ssh-step.sh` reads it. All of it is literal, so that a destroy needs nothing of the state, and
 * nothing in it is of the machine that synthesises: `~` stays until SSH runs.
 *
 * @param workingDirectory where Terraform will run, from which other paths are told
 */
export function connectionVariables(
  { name, address, hostKeys, ssh }: SshTarget,
  workingDirectory: string,
): Record<string, string> {
  const path = (given: string): string =>
    /^(~?\/)/.test(given) ? given : relative(resolve(workingDirectory), resolve(given));
  const { bastion } = ssh;
  const bastionKeyPath = bastion?.privateKeyPath ?? ssh.privateKeyPath;
  return {
    TRICLOUD_HOST_NAME: name,
    TRICLOUD_HOST_ADDRESS: address,
    TRICLOUD_HOST_PORT: String(ssh.port ?? SSH_PORT),
    TRICLOUD_HOST_USER: ssh.user ?? "root",
    TRICLOUD_HOST_KEYS: hostKeys.map(withoutComment).join("\n"),
    TRICLOUD_HOST_TIMEOUT: String(ssh.connectTimeoutSeconds ?? 60),
    ...(ssh.privateKeyPath === undefined ? {} : { TRICLOUD_HOST_IDENTITY: path(ssh.privateKeyPath) }),
    ...(bastion === undefined
      ? {}
      : {
          TRICLOUD_BASTION_ADDRESS: bastion.address,
          TRICLOUD_BASTION_PORT: String(bastion.port ?? SSH_PORT),
          TRICLOUD_BASTION_USER: bastion.user ?? "root",
          TRICLOUD_BASTION_KEYS: [bastion.hostKey].flat().map(withoutComment).join("\n"),
          ...(bastionKeyPath === undefined ? {} : { TRICLOUD_BASTION_IDENTITY: path(bastionKeyPath) }),
        }),
  };
}

/** The keys' fingerprints as `ssh-keygen -l` shows them: enough for a plan to tell one machine from another. */
export const fingerprints = (hostKeys: readonly string[]): string =>
  hostKeys
    .map((key) =>
      createHash("sha256")
        .update(Buffer.from(key.split(" ")[1] ?? "", "base64"))
        .digest("base64"),
    )
    .map((digest) => `SHA256:${digest.replace(/=+$/, "")}`)
    .sort()
    .join(" ");
