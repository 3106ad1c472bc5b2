import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Where the secrets of a project's regions lie, which are in no repository. */
export const secretsDirectory = (): string => process.env["TRICLOUD_SECRETS"] ?? "secrets";

/** Files of values of sensitive variables, as Terraform reads them, by what they hold; paths in the directory. */
export const SECRET_FILES = {
  /** The same for all regions. */
  gossip: "consul-gossip.tfvars.json",
  /** The same for all regions. */
  authority: "consul-authority.tfvars.json",
  /** The same for all regions. */
  tokens: "consul-tokens.tfvars.json",
  certificate: (region: string): string => `regions/${region}.tfvars.json`,
  /** What other regions know the region's proxies by. */
  proxies: (region: string): string => `proxies/${region}.tfvars.json`,
} as const;

/** What a variables file holds; undefined when it is not there. @throws Error when it is no object of texts */
export function readVariables(file: string): Record<string, string> | undefined {
  if (!existsSync(file)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    value = undefined;
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  // Nothing of what it holds is told: it would stand in a log.
  if (!isObject || !Object.values(value as object).every((text) => typeof text === "string"))
    throw new Error(`${file}: expected a JSON object of texts, got something else`);
  return value as Record<string, string>;
}

/** Before its end by so many days, a certificate is to be renewed. */
export const DUE_DAYS = 90;

export const daysLeft = (until: Date): number => Math.floor((until.getTime() - Date.now()) / 86_400_000);

const LINK = /^tricloud-.*\.auto\.tfvars\.json$/;

/**
 * Has Terraform read a region's secrets with one of its stacks: by links, so that no copy of a secret is made. A file is
 * linked when the stack declares all that it holds, since Terraform warns of more.
 *
 * @param stackDirectory where the stack is synthesised
 * @returns the values that variables have now
 */
export function linkSecrets(
  region: string,
  declared: ReadonlySet<string>,
  stackDirectory: string,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  if (existsSync(stackDirectory)) {
    for (const name of readdirSync(stackDirectory).filter((name) => LINK.test(name))) {
      if (lstatSync(join(stackDirectory, name)).isSymbolicLink()) rmSync(join(stackDirectory, name));
    }
  }
  const { gossip, authority, tokens, certificate, proxies } = SECRET_FILES;
  for (const path of [gossip, authority, tokens, certificate(region), proxies(region)]) {
    const file = resolve(secretsDirectory(), path);
    const values = Object.entries(readVariables(file) ?? {});
    if (values.length === 0 || !values.every(([name]) => declared.has(name))) continue;
    const link = join(
      stackDirectory,
      `tricloud-${path.replaceAll("/", "-").replace(/\.tfvars\.json$/, "")}.auto.tfvars.json`,
    );
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(resolve(stackDirectory), file), link);
    for (const [name, value] of values) given.set(name, value);
  }
  return given;
}
