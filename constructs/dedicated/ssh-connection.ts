import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Fn, type SSHProvisionerConnection, TerraformSelf } from "cdktf";
import type { SshAccess } from "../region";

export interface SshTarget {
  readonly address: string;
  /** The server's public host key: a host that shows another is refused. */
  readonly hostKey: string;
  readonly ssh: SshAccess;
}

/** @throws Error when the key is not a public key: Terraform would then trust any host */
export function checkHostKey(owner: string, hostKey: string): void {
  if (!/^\S+ \S+/.test(hostKey)) {
    throw new Error(`${owner}: hostKey must be "TYPE BASE64", got: ${JSON.stringify(hostKey)}`);
  }
}

/** How Terraform reaches the host while it creates something there. */
export function sshConnection({ address, hostKey, ssh }: SshTarget): SSHProvisionerConnection {
  return {
    type: "ssh",
    host: address,
    port: ssh.port,
    user: ssh.user,
    hostKey: withoutComment(hostKey),
    timeout: `${ssh.connectTimeoutSeconds}s`,
    ...(ssh.privateKeyPath === undefined
      ? { agent: "true" }
      : { privateKey: Fn.file(expanded(ssh.privateKeyPath)), agent: "false" }),
  };
}

/** What a destroy-time provisioner needs to reach the host again: it sees nothing but its own resource. */
export function connectionInput({ address, hostKey, ssh }: SshTarget): Record<string, unknown> {
  return {
    address,
    port: ssh.port,
    user: ssh.user,
    host_key: withoutComment(hostKey),
    timeout: `${ssh.connectTimeoutSeconds}s`,
    ...(ssh.privateKeyPath === undefined ? {} : { private_key_path: expanded(ssh.privateKeyPath) }),
  };
}

/** The connection made from `connectionInput`. */
export function connectionFromInput({ ssh }: SshTarget): SSHProvisionerConnection {
  return {
    type: "ssh",
    host: TerraformSelf.getString("input.address"),
    port: TerraformSelf.getNumber("input.port"),
    user: TerraformSelf.getString("input.user"),
    hostKey: TerraformSelf.getString("input.host_key"),
    timeout: TerraformSelf.getString("input.timeout"),
    ...(ssh.privateKeyPath === undefined
      ? { agent: "true" }
      : { privateKey: Fn.file(TerraformSelf.getString("input.private_key_path")), agent: "false" }),
  };
}

/** Terraform compares the key alone. */
const withoutComment = (hostKey: string): string => hostKey.split(" ").slice(0, 2).join(" ");

/** Terraform runs in the stack's own directory, so a relative path would point elsewhere. */
const expanded = (path: string): string =>
  path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(path);
