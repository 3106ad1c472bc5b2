import { Fn, Token } from "cdktf";
import { SECRETS_IN_CONTAINER } from "./service-secrets";

export type DatabaseEngine = "mysql" | "postgresql";

/** A database as a service finds it. */
export interface DatabaseAccess {
  /** What it speaks. */
  readonly engine: DatabaseEngine;
  /** Host name or address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** Database on that server. */
  readonly databaseName: string;
  /** Who the service signs in as. */
  readonly user: string;
  /** An expression of a sensitive value. */
  readonly password: string;
  /** PEM certificates that its server's is checked against. @default - what the client does by itself, which may be nothing */
  readonly caCertificates?: string | undefined;
  /** Whether the server's certificate holds `host`: otherwise its authority alone can be checked. @default true */
  readonly namesHost?: boolean;
}

/** Ports where servers listen unless somebody has them do otherwise. */
export const DATABASE_PORTS: Readonly<Record<DatabaseEngine, number>> = { mysql: 3306, postgresql: 5432 };

/** Names under which a service finds its database in `/run/secrets`. */
export const DATABASE_PARTS = [
  "database-url",
  "database-host",
  "database-port",
  "database-name",
  "database-user",
  "database-password",
  "database-ssl-mode",
  "database-ca",
] as const;

const CA_FILE = `${SECRETS_IN_CONTAINER}/database-ca`;

/** How much of a server's certificate is checked, in the engine's own words: nothing, authority, authority and name. */
const SSL_MODES: Readonly<Record<DatabaseEngine, readonly [string, string, string]>> = {
  mysql: ["PREFERRED", "VERIFY_CA", "VERIFY_IDENTITY"],
  postgresql: ["prefer", "verify-ca", "verify-full"],
};

/**
 * What a service finds of its database in `/run/secrets`, by name: `database-url` with all of it, and its parts.
 *
 * @throws Error for a password that is a literal; it stays out of the message
 */
export function databaseParts(access: DatabaseAccess): Readonly<Record<string, string>> {
  const { engine, host, port, databaseName, user, password, caCertificates, namesHost = true } = access;
  if (!Token.isUnresolved(password)) {
    throw new Error(
      `database ${databaseName} of ${user}: password must be a Terraform expression of a sensitive value, got: a literal`,
    );
  }
  const sslMode = SSL_MODES[engine][caCertificates === undefined ? 0 : namesHost ? 2 : 1];
  // MySQL's clients have no words in common for it in a URL.
  const query =
    engine === "mysql"
      ? ""
      : `?sslmode=${sslMode}${caCertificates === undefined ? "" : `&sslrootcert=${encodeURIComponent(CA_FILE)}`}`;
  const [who, which] = [user, databaseName].map(encodeURIComponent);
  // Joined by Terraform: cdktf puts no template into the functions that this becomes an argument of.
  const url = Fn.join("", [
    `${engine}://${who}:`,
    percentEncoded(password),
    "@",
    host,
    `:${port}/${which}${query}`,
  ]);
  const parts: Record<(typeof DATABASE_PARTS)[number], string | undefined> = {
    "database-url": url,
    "database-host": host,
    "database-port": String(port),
    "database-name": databaseName,
    "database-user": user,
    "database-password": password,
    "database-ssl-mode": sslMode,
    "database-ca": caCertificates,
  };
  return Object.fromEntries(
    Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined),
  );
}

/** Terraform encodes for forms, where a space is a plus; in front of a host, a plus is one. */
const percentEncoded = (value: string): string => Fn.replace(Fn.urlencode(value), "+", "%20");

/**
 * Secrets of a service, its database's parts among them.
 *
 * @throws Error for a secret that is called as one of these parts
 */
export function withDatabase<Secret>(
  service: string,
  secrets: Readonly<Record<string, Secret>>,
  database: DatabaseAccess | undefined,
): Readonly<Record<string, Secret | string>> {
  if (database === undefined) return secrets;
  const taken = DATABASE_PARTS.find((part) => part in secrets);
  if (taken !== undefined) {
    throw new Error(
      `service ${service}: name of a secret must be none of its database's parts (${DATABASE_PARTS.join(", ")}), got: ${JSON.stringify(taken)}`,
    );
  }
  return { ...secrets, ...databaseParts(database) };
}
