import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StackHost } from "../matters/stack-hosts";
import { type SynthesizedStack } from "../stack/synthesized-stacks";
import { madeUpValues, wantsValue } from "../stack/variable-values";
import { terraformProgram } from "../terraform";

/** What hosts shall hold, with the values of today's variables. */
export interface TodaysDocuments {
  /** By host name. */
  readonly documents: ReadonlyMap<string, string>;
  /** Variables that have no value here: what comes of them cannot be compared. */
  readonly missing: readonly string[];
}

/**
 * Has Terraform compute the documents that a deploy would deliver, from the values in the environment (`TF_VAR_NAME`)
 * and nothing else: no state, no provider.
 *
 * @throws Error when a document needs what only a deploy knows
 */
export function todaysDocuments(
  { configuration, directory: stackDirectory }: SynthesizedStack,
  hosts: readonly StackHost[],
): TodaysDocuments {
  const { variable = {}, locals = {} } = configuration;
  const values = valueFiles(stackDirectory);
  const missing = Object.keys(variable).filter(
    (name) =>
      wantsValue(variable[name] ?? {}) &&
      process.env[`TF_VAR_${name}`] === undefined &&
      !values.some((file) => name in file),
  );
  const directory = mkdtempSync(join(tmpdir(), "tricloud-documents-"));
  try {
    const write = (name: string, content: unknown): void =>
      writeFileSync(join(directory, name), JSON.stringify(content), { mode: 0o600 });
    write("cdk.tf.json", { variable, locals });
    write("missing.auto.tfvars.json", madeUpValues(configuration, missing));
    for (const [index, file] of values.entries()) write(`given-${index}.auto.tfvars.json`, file);
    const documents = hosts.map(({ document }) => `nonsensitive(sensitive(local.${document}))`);
    const { error, status, stdout, stderr } = spawnSync(terraformProgram(), ["console", "-no-color"], {
      cwd: directory,
      encoding: "utf8",
      input: `base64encode(jsonencode([${documents.join(", ")}]))\n`,
      maxBuffer: 1 << 30,
      env: { ...process.env, TF_CLI_CONFIG_FILE: undefined, CHECKPOINT_DISABLE: "1" },
    });
    if (error !== undefined) throw error;
    const [, encoded] = /"([A-Za-z0-9+/=]+)"/.exec(stdout) ?? [];
    if (status !== 0 || encoded === undefined) {
      throw new Error(`what the hosts shall hold cannot be computed: ${(stderr || stdout).trim()}`);
    }
    const texts = JSON.parse(Buffer.from(encoded, "base64").toString("utf8")) as string[];
    return { documents: new Map(hosts.map(({ name }, index) => [name, texts[index] ?? ""])), missing };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The values that Terraform finds beside a stack. */
const valueFiles = (directory: string): Record<string, unknown>[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".auto.tfvars.json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")) as Record<string, unknown>);
