import { Fn, Token } from "cdktf";
import type { Construct } from "constructs";
import { type HostFile, secretContent } from "../host";
import { sensitiveVariable } from "../sensitive-variable";
import type { BucketKey } from "./snapshot-bucket";

/** PEM texts of the servers' identity, as expressions of sensitive values. Other agents get theirs from a server. */
export interface ConsulTlsSecrets {
  /** Certificate of the private authority. */
  readonly caCertificate: string;
  /** Certificate for `server.DATACENTER.DOMAIN`, `localhost` and 127.0.0.1, for clients and servers. */
  readonly serverCertificate: string;
  /** Key of that certificate. */
  readonly serverKey: string;
}

/** Tokens (UUIDs) as expressions of sensitive values. Consul makes them at first use, with the rights named here. */
export interface ConsulAclSecrets {
  /** May do everything; on servers only. */
  readonly managementToken: string;
  /** Registers machines and services, and reads. */
  readonly agentToken: string;
  /** Reads nodes, services and prepared queries, no more: for DNS and requests without a token. */
  readonly dnsToken: string;
}

const UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/** The gossip key as a sensitive variable of the stack. */
export function gossipVariable(scope: Construct): string {
  return sensitive(scope, "consul_gossip_key", {
    description:
      "Key for Consul's gossip, base64 of 32 bytes as `consul keygen` prints it; the same in all federated regions",
    pattern: "^[A-Za-z0-9+/]{43}=$",
    expected: "base64 of 32 bytes, as `consul keygen` prints it",
    madeBy: MADE_BY,
  });
}

export function tlsVariables(scope: Construct): ConsulTlsSecrets {
  const pem = (name: string, description: string): string =>
    sensitive(scope, name, {
      ...{ description, pattern: "^-----BEGIN [A-Z ]+-----", expected: "a PEM text" },
      madeBy: MADE_BY,
    });
  return {
    caCertificate: pem("consul_ca_certificate", "Certificate of Consul's private authority, PEM"),
    serverCertificate: pem("consul_server_certificate", "Certificate of the region's Consul servers, PEM"),
    serverKey: pem("consul_server_key", "Key of that certificate, PEM"),
  };
}

export function aclVariables(scope: Construct): ConsulAclSecrets {
  const token = (name: string, description: string): string =>
    sensitive(scope, name, {
      ...{ description, pattern: UUID, expected: "a UUID in lower case" },
      madeBy: MADE_BY,
    });
  return {
    managementToken: token("consul_management_token", "Consul token that may do everything, a UUID"),
    agentToken: token("consul_agent_token", "Consul token with which agents register, a UUID"),
    dnsToken: token("consul_dns_token", "Consul token with which names are looked up, a UUID"),
  };
}

/** The key of the bucket for snapshots. */
export function bucketKeyVariables(scope: Construct): BucketKey {
  const word = (name: string, description: string): string =>
    sensitive(scope, name, { description, pattern: "^[A-Za-z0-9+/=_-]+$", expected: "one word" });
  return {
    keyId: word("consul_snapshot_key_id", "Access key that may put, get and list Consul's snapshots"),
    secretKey: word("consul_snapshot_secret_key", "What requests of that access key are signed with"),
  };
}

/** @throws Error naming those of the values that are literals; the values stay out of the message */
export function refuseLiterals(datacenter: string, values: object): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Token.isUnresolved(value)) {
      throw new Error(`consul ${datacenter}: ${name} must be a Terraform expression, got: a literal`);
    }
  }
}

/** A file that Consul reads and nobody else does. */
export function secretFile(path: string, name: string, value: string): HostFile {
  return { path, content: secretContent(name, value), mode: "0640", group: "consul" };
}

/**
 * The value as JSON text, made by Terraform so that what is secret in it stays one expression. What is undefined is
 * left out, as JSON has it.
 */
export const secretJson = (value: object): string => Fn.jsonencode(withoutAbsent(value));

/** Terraform's own encoder would write null. */
function withoutAbsent(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]: [string, unknown]) => [
        key,
        typeof inner === "object" && inner !== null && !Array.isArray(inner) ? withoutAbsent(inner) : inner,
      ]),
  );
}

interface SensitiveProps {
  readonly description: string;
  readonly pattern: string;
  readonly expected: string;
  readonly madeBy?: string;
}

/** Makes what all that speak with Consul know and nobody else. */
const MADE_BY = "npx tricloud secrets";

const sensitive = (
  scope: Construct,
  name: string,
  { description, pattern, expected, madeBy }: SensitiveProps,
): string =>
  sensitiveVariable(scope, name.replace(/^consul_/, "").replaceAll("_", "-"), {
    name,
    description,
    condition: `can(regex(${JSON.stringify(pattern)}, var.${name}))`,
    expected: `be ${expected}`,
    madeBy,
  });
