import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type StackConfiguration, type SynthesizedStack } from "../../../planning/stack/synthesized-stacks";
import { usedProviders } from "../../../planning/stack/used-types";
import { removeDirectories, testDirectory } from "../toy-app";

afterAll(removeDirectories);

const stack = (configuration: StackConfiguration): SynthesizedStack => ({
  name: "toy",
  directory: "/",
  configuration,
});

/** Addresses with resource types and data source types. */
function used(configuration: StackConfiguration, states: string[] = []): Array<[string, string[], string[]]> {
  return [...usedProviders([stack(configuration)], states).values()].map(
    ({ address, resources, dataSources }) => [address, [...resources], [...dataSources]],
  );
}

const required_providers = { aws: { source: "aws" }, "google-beta": { source: "hashicorp/google-beta" } };

test("types belong to the provider of their prefix, or to the one they name", () => {
  expect(
    used({
      terraform: { required_providers },
      resource: {
        aws_vpc: { a: {}, b: {} },
        google_dns_policy: { c: { provider: "google-beta.london" } },
        terraform_data: { d: {} },
      },
      data: { aws_ami: { e: {} }, terraform_remote_state: { f: {} } },
    }),
  ).toEqual([
    ["registry.terraform.io/hashicorp/aws", ["aws_vpc"], ["aws_ami"]],
    ["registry.terraform.io/hashicorp/google-beta", ["google_dns_policy"], []],
  ]);
});

test("a type whose provider is not required is an error that names both", () => {
  expect(() =>
    used({ terraform: { required_providers }, resource: { tls_private_key: { key: {} } } }),
  ).toThrow(
    'stack "toy" uses "tls_private_key", but its provider "tls" is not among the stack\'s required providers ' +
      "(aws, google-beta)",
  );
});

test.each([
  ["Terraform", "registry.terraform.io"],
  ["OpenTofu", "registry.opentofu.org"],
])("what only the state of %s holds is used too, to be destroyed", (_, registry) => {
  const file = join(testDirectory(), "state");
  const provider = `provider["${registry}/hashicorp/aws"]`;
  const builtin = 'provider["terraform.io/builtin/terraform"]';
  const resources = [
    { mode: "managed", type: "aws_vpc", provider },
    { mode: "data", type: "aws_ami", provider: `${provider}.london` },
    { mode: "managed", type: "terraform_data", provider: builtin },
  ];
  writeFileSync(file, JSON.stringify({ resources }));
  expect(used({}, [file])).toEqual([["registry.terraform.io/hashicorp/aws", ["aws_vpc"], ["aws_ami"]]]);
});
