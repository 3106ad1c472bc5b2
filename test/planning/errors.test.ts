import { CertificateManagerCertificate } from "@cdktf/provider-google/lib/certificate-manager-certificate";
import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import { TerraformOutput, TerraformStack } from "cdktf";
import { ToyAwsStack, ToyGoogleStack, messageOf, removeDirectories } from "./toy-app";

jest.setTimeout(60_000);
afterAll(removeDirectories);

describe("mistakes in a stack, each in Terraform's own words", () => {
  // GIVEN a stack with one mistake, WHEN it is planned, THEN Terraform refuses it and says why.
  test.each<[string, (stack: ToyAwsStack) => void, string | RegExp]>([
    [
      "unknown argument",
      (stack) => stack.vpc.addOverride("cidr_blok", "10.0.0.0/16"),
      'No argument or block type is named "cidr_blok"',
    ],
    [
      "unknown argument in a block",
      (stack) => stack.template.addOverride("metadata_options", [{ http_token: "required" }]),
      'No argument or block type is named "http_token"',
    ],
    [
      "missing required argument",
      (stack) => stack.subnet.addOverride("vpc_id", undefined),
      'The argument "vpc_id" is required, but no definition was found',
    ],
    [
      "missing required argument in a block",
      (stack) => stack.template.addOverride("license_specification", [{}]),
      'The argument "license_configuration_arn" is required, but no definition was found',
    ],
    [
      "wrong type",
      (stack) => stack.subnet.addOverride("cidr_block", ["10.0.0.0/24"]),
      'Inappropriate value for attribute "cidr_block": string required',
    ],
    [
      "wrong type of a reference",
      (stack) => stack.subnet.addOverride("map_public_ip_on_launch", "${aws_vpc.vpc.tags}"),
      'Inappropriate value for attribute "map_public_ip_on_launch": bool required',
    ],
    [
      "too many blocks",
      (stack) => stack.template.addOverride("metadata_options", [{}, {}]),
      /Too many metadata_options blocks.*No more than 1 "metadata_options" blocks are allowed/,
    ],
    [
      "too few blocks",
      (stack) => stack.template.addOverride("instance_requirements", [{ memory_mib: [{ min: 1 }] }]),
      /Insufficient vcpu_count blocks/,
    ],
    [
      "reference to a resource that is not there",
      (stack) => stack.subnet.addOverride("vpc_id", "${aws_vpc.other.id}"),
      'A managed resource "aws_vpc" "other" has not been declared in the root module',
    ],
    [
      "reference to an attribute that is not there",
      (stack) => stack.subnet.addOverride("vpc_id", "${aws_vpc.vpc.identifier}"),
      'This object has no argument, nested block, or exported attribute named "identifier"',
    ],
    [
      "cycle",
      (stack) => stack.vpc.addOverride("ipv4_ipam_pool_id", "${aws_subnet.subnet.id}"),
      /Error: Cycle: aws_(vpc\.vpc, aws_subnet\.subnet|subnet\.subnet, aws_vpc\.vpc)/,
    ],
    [
      "attribute that only the provider can set",
      (stack) => stack.vpc.addOverride("arn", "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1"),
      /Value for unconfigurable attribute.*with aws_vpc\.vpc/,
    ],
    [
      "conflict between arguments",
      (stack) => stack.template.addOverride("name_prefix", "toy-"),
      /Conflicting configuration arguments.*"name" conflicts with "name_prefix"/,
    ],
    [
      "value that is not allowed",
      (stack) => stack.template.addOverride("metadata_options", { http_tokens: "maybe" }),
      /Invalid value for "metadata_options.http_tokens".*one of "optional", "required"; got "maybe"/,
    ],
    [
      "text of the wrong form",
      (stack) => stack.vpc.addOverride("cidr_block", "10.0.0.0"),
      'Expected an IPv4 network such as 10.0.0.0/16; got "10.0.0.0"',
    ],
    [
      "resource type that the provider does not have",
      (stack) => stack.addOverride("resource.aws_vpcs.one", { cidr_block: "10.0.0.0/16" }),
      'The provider hashicorp/aws does not support resource type "aws_vpcs"',
    ],
    [
      "unknown argument of a provider",
      (stack) => stack.provider.addOverride("regoin", "us-east-1"),
      'No argument or block type is named "regoin"',
    ],
    [
      "unknown output value",
      (stack) => new TerraformOutput(stack, "out", { value: "${local.nothing}" }),
      'A local value with the name "nothing" has not been declared',
    ],
  ])("%s", async (_, spoil, expected) => {
    const { succeeded, message } = await messageOf((app) => spoil(new ToyAwsStack(app)));

    expect(succeeded).toBe(false);
    expect(message).toMatch(expected);
  });

  test("exactly one of several arguments", async () => {
    // GIVEN a maintenance policy with two kinds of window, WHEN it is planned
    const { succeeded, message } = await messageOf((app) => {
      new ToyGoogleStack(app).cluster.addOverride("maintenance_policy", {
        daily_maintenance_window: { start_time: "03:00" },
        recurring_window: {
          start_time: "2030-01-01T00:00:00Z",
          end_time: "2030-01-01T04:00:00Z",
          recurrence: "x",
        },
      });
    });

    // THEN it is refused with both named
    expect(succeeded).toBe(false);
    expect(message).toContain('"daily_maintenance_window" and "recurring_window" are.');
  });

  test.each([
    [
      "of both kinds",
      { self_managed: { pem_certificate: "-", pem_private_key: "-" } },
      '"managed" and "self_managed" are.',
    ],
    ["of no kind", { managed: undefined }, '"managed", "self_managed" must be set; none is.'],
    [
      "with two ways to prove the domain",
      { managed: { domains: ["example.com"], dns_authorizations: ["a"], issuance_config: "b" } },
      '"dns_authorizations" conflicts with "issuance_config"',
    ],
    ["served from nowhere", { scope: "EVERYWHERE" }, 'got "EVERYWHERE"'],
    [
      "whose name begins with a digit",
      { name: "1st" },
      'letters, digits, hyphens and underscores, a letter first; got "1st"',
    ],
  ])("a certificate %s", async (_, mistake: Record<string, unknown>, expected) => {
    // GIVEN a certificate of Certificate Manager with one mistake, WHEN it is planned
    const { succeeded, message } = await messageOf((app) => {
      const stack = new ToyGoogleStack(app);
      const certificate = new CertificateManagerCertificate(stack, "certificate", {
        name: "Toy_certificate",
        managed: { domains: ["example.com"] },
      });
      for (const [name, value] of Object.entries(mistake)) certificate.addOverride(name, value);
    });

    // THEN it is refused with the reason
    expect(succeeded).toBe(false);
    expect(message).toContain(expected);
  });

  test("a required argument two blocks down in another provider", async () => {
    // GIVEN a config map without the block every object needs, WHEN it is planned
    const { succeeded, message } = await messageOf((app) => {
      const stack = new TerraformStack(app, "toy");
      new GoogleProvider(stack, "google");
      new KubernetesProvider(stack, "kubernetes");
      new ConfigMapV1(stack, "map", { metadata: {} }).addOverride("metadata", []);
    });

    // THEN it is refused
    expect(succeeded).toBe(false);
    expect(message).toContain('At least 1 "metadata" blocks are required');
  });
});
