import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App } from "cdktf";
import { type DedicatedRegion, type GkeRegion, validateRegions } from "../../stacks/values/regions";
import { type VariableDeclaration } from "../../planning/stack/variable-values";
import uk from "../../regions/uk";
import { JpStack } from "../../stacks/jp";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { synthesisedApp } from "../constructs/aws/synthesised";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { attemptTerraform, itWithTerraform } from "../constructs/terraform";
import { servicesOf, validated } from "./service-values";

const CONSUL = { tls: true, acl: true };

const jp = dedicatedRegionValue({
  registry: { address: "registry.example.com/shop", credentials: true },
  consul: { ...CONSUL, snapshots: { bucket: { bucket: "kept", region: "us-east-1" } } },
});

const validatedRegion = <T extends { readonly name: string }>(value: T) =>
  validateRegions([{ file: `${value.name}.ts`, value }]);

const jpStack = (app: App) => {
  const regions = validatedRegion(jp);
  const services = [servicesOf("jp")("web", 8080, { secrets: ["session-key"] })];
  return new JpStack(app, regions[0] as DedicatedRegion, validated(services, regions));
};

const ukStack = (app: App) => {
  const [region] = validatedRegion({ ...uk, consul: CONSUL, database: {} });
  return new UkStack(app, region as GkeRegion);
};

interface Configuration {
  readonly variable: Readonly<Record<string, VariableDeclaration>>;
  readonly output: Readonly<Record<string, unknown>>;
}

const configurationOf = (name: string, build: (app: App) => unknown) =>
  synthesisedApp(name, build as (app: App) => never) as unknown as Configuration;

/** What Terraform says of variables that all hold the same or nothing, with no provider and nothing to make. */
function planned({ variable, output }: Configuration, value?: string): string {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-variables-"));
  try {
    const write = (name: string, content: object) =>
      writeFileSync(join(directory, name), JSON.stringify(content));
    write("main.tf.json", { variable, output: { checked: output["sensitive_variables"] } });
    const names = Object.keys(variable).filter((name) => variable[name]!.sensitive);
    if (value !== undefined)
      write("given.auto.tfvars.json", Object.fromEntries(names.map((name) => [name, value])));
    const { stdout, stderr } = attemptTerraform(directory, "plan", "-no-color", "-input=false");
    return (stdout + stderr).replace(/\s*\n[│\s]*/g, " ");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.each([
  [
    "jp",
    jpStack,
    [
      "consul_gossip_key must be base64 of 32 bytes",
      "consul_ca_certificate must be a PEM text.",
      "consul_server_certificate must be a PEM text.",
      "consul_server_key must be a PEM text.",
      "consul_management_token must be a UUID in lower case.",
      "consul_agent_token must be a UUID in lower case.",
      "consul_dns_token must be a UUID in lower case.",
      "consul_snapshot_key_id must be one word.",
      "consul_snapshot_secret_key must be one word.",
      'registry_credentials must be JSON with an object "auths".',
    ],
  ],
  ["uk", ukStack, ["database_administrator_password must have 16 characters or more."]],
  [
    "uk-workloads",
    (app: App) => new UkWorkloadsStack(app, ukStack(app)),
    ["consul_gossip_key must be base64 of 32 bytes", "consul_server_key must be a PEM text."],
  ],
])("a secret value of %s", (name, build, expected) => {
  itWithTerraform("that is mistyped is refused by the variable's name, and shown nowhere", () => {
    // GIVEN a value that no rule allows
    const configuration = configurationOf(name, build);
    const value = "hunter 2 \u00e9";
    // WHEN planned
    const said = planned(configuration, value);
    // THEN
    for (const message of expected) expect(said).toContain(message);
    expect(said).not.toContain("hunter");
    // AND no variable's own validation looks for more than whether there is a value, as Terraform would print it
    for (const [variable, { sensitive, validation = [] }] of Object.entries(configuration.variable)) {
      if (sensitive !== true) continue;
      for (const { condition } of validation) expect(condition).toBe(`\${var.${variable} != ""}`);
    }
  });

  itWithTerraform("that nobody gives is asked for by name, with the command that makes it", () => {
    // GIVEN what a stack has WHEN planned with no value
    const configuration = configurationOf(name, build);
    const said = planned(configuration);
    // THEN each of them is named, and so is what to do
    for (const [variable, { sensitive }] of Object.entries(configuration.variable)) {
      if (sensitive !== true) continue;
      const made = /^consul_(?!snapshot)/.test(variable) ? "`npx tricloud secrets` makes it, or " : "";
      expect(said).toMatch(new RegExp(`${made}give it as TF_VAR_${variable}\\.`));
    }
  });
});
