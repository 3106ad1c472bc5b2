import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { Route } from "@cdktf/provider-aws/lib/route";
import { Subnet } from "@cdktf/provider-aws/lib/subnet";
import { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { VpcDhcpOptions } from "@cdktf/provider-aws/lib/vpc-dhcp-options";
import { TerraformStack, Testing } from "cdktf";
import { resourcesOf } from "../../constructs";
import { FlowLog, Network } from "../../constructs/aws";

describe("the resources of a construct", () => {
  const network = () => {
    const stack = new TerraformStack(Testing.app(), "shop");
    new AwsProvider(stack, "aws", { region: "us-east-1" });
    const made = new Network(stack, "network", {
      name: "shop",
      cidr: "10.50.0.0/16",
      awsRegion: "us-east-1",
      availabilityZones: ["us-east-1a", "us-east-1b"],
    });
    new FlowLog(stack, "flow-log", { network: made, name: "shop" });
    return { stack, made };
  };
  const synthesised = (stack: TerraformStack) =>
    JSON.parse(Testing.synth(stack)) as { resource: Record<string, Record<string, Record<string, unknown>>> };

  it("can be read and overridden, each of its type", () => {
    // GIVEN
    const { stack, made } = network();
    // WHEN a setting is given that the construct does not take
    const [vpc, ...others] = resourcesOf(made, Vpc);
    vpc!.addOverride("assign_generated_ipv6_cidr_block", true);
    // THEN
    expect(others).toEqual([]);
    expect(vpc!.cidrBlockInput).toBe("10.50.0.0/16");
    const { aws_vpc: vpcs } = synthesised(stack).resource;
    expect(Object.values(vpcs!)).toEqual([
      expect.objectContaining({ cidr_block: "10.50.0.0/16", assign_generated_ipv6_cidr_block: true }),
    ]);
    // AND several come in the order of the tree
    const zones = resourcesOf(made, Subnet).map((subnet) => subnet.availabilityZoneInput);
    expect(zones.length).toBeGreaterThan(2);
    expect(zones).toEqual([...zones].sort());
  });

  it("are those of its own and of its parts, and of nothing beside it", () => {
    const { stack, made } = network();
    expect(resourcesOf(made, Route).every((route) => route.node.path.startsWith("shop/network/"))).toBe(true);
    expect(resourcesOf(stack, Vpc)).toEqual(resourcesOf(made, Vpc));
  });

  it("name what there is where one of the type is missing", () => {
    const { made } = network();
    expect(() => resourcesOf(made, VpcDhcpOptions)).toThrow(
      /^shop\/network has no aws_vpc_dhcp_options; it has aws_default_security_group, aws_eip, .*aws_vpc/,
    );
    expect(() => resourcesOf("network" as never, Vpc)).toThrow("resourcesOf needs a construct, got: network");
  });
});
