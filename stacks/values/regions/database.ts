import { z } from "zod";
import { PEM_CERTIFICATES } from "../../../constructs/grammar/pem";
import { promise } from "./origins";
import { dnsLabel, HOST_NAME } from "./region";

/** What services name a region's database by: their `database`. */
export const databaseName = dnsLabel.default("main");

/** A name that no client, URL or statement has to quote. */
const word = (what: string, example: string) =>
  z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, {
    error: `expected the name of ${what} such as ${example}: letters, digits, _ and -, a letter first`,
  });

/** Longest name that MySQL has for a user. */
const USER_LENGTH = 32;

const user = (example: string) =>
  word("a user", example).max(USER_LENGTH, {
    error: `expected the name of a user of at most ${USER_LENGTH} characters`,
  });

/**
 * How services sign in to a database of the region's cloud, by password.
 *
 * @param taken users that are somebody else, and who that is
 */
export const databaseServices = (taken: Readonly<Record<string, string>>) =>
  z.strictObject({
    /** Who all services sign in as. */
    user: user("services")
      .superRefine((name, context) => {
        const who = taken[name];
        if (who === undefined) return;
        context.addIssue({ code: "custom", message: `expected another user than ${name}, who is ${who}` });
      })
      .default("services"),
    /** Database that is in their URL. @default - the first that the region has made, or else "app" */
    databaseName: word("a database", "shop").max(64).optional(),
  });

/** A database that somebody else runs, by its address; the password is a sensitive Terraform variable. */
export const existingDatabase = z.strictObject({
  /** What services name it by. */
  name: databaseName,
  engine: z.enum(["mysql", "postgresql"], { error: 'expected "mysql" or "postgresql"' }),
  /** Where the servers reach it. */
  host: z.string().regex(HOST_NAME, { error: "expected an IPv4 address or a host name, without the port" }),
  /** TCP port. @default - the engine's own: 3306 or 5432 */
  port: z.int().min(1).max(65535).optional(),
  /** Database on that server. */
  databaseName: word("a database", "shop").max(64),
  /** Who services sign in as. */
  user: user("shop"),
  /** PEM certificates that its server's is checked against. @default - clients do what they do by themselves */
  caCertificate: z.string().regex(PEM_CERTIFICATES, { error: "expected a PEM certificate" }).optional(),
  ...promise,
});
