import { Network, type NetworkProps } from "../../../constructs/aws";
import { synthesised } from "./synthesised";

const props: NetworkProps = {
  name: "us",
  cidr: "10.20.0.0/16",
  awsRegion: "us-east-1",
  availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
};

const network = (changes: Partial<NetworkProps> = {}) =>
  synthesised((stack) => void new Network(stack, "network", { ...props, ...changes }));

describe("Network", () => {
  it("has a public, a private and a data subnet in each of three zones, none of which gives out public addresses", () => {
    // GIVEN three zones WHEN synthesised
    const subnets = network().all("subnet");

    // THEN
    expect(subnets).toHaveLength(9);
    for (const zone of props.availabilityZones) {
      expect(subnets.filter((subnet) => subnet["availability_zone"] === zone)).toHaveLength(3);
    }
    expect(subnets.every((subnet) => subnet["map_public_ip_on_launch"] === false)).toBe(true);
  });

  it.each([
    ["per-zone", 3],
    ["single", 1],
  ] as const)("makes NAT gateways %s: %i, and a way out for each zone", (nat, gateways) => {
    // GIVEN the choice WHEN synthesised
    const stack = network({ nat });

    // THEN
    expect(stack.all("nat_gateway")).toHaveLength(gateways);
    const ways = stack.all("route").filter((route) => route["nat_gateway_id"] !== undefined);
    expect(ways).toHaveLength(3);
    expect(new Set(ways.map((route) => route["nat_gateway_id"])).size).toBe(gateways);
  });

  it("reaches S3 without NAT from private and data subnets, and gives the latter no other way out", () => {
    // GIVEN a network WHEN synthesised
    const stack = network();

    // THEN
    const endpoint = stack.one("vpc_endpoint");
    expect(endpoint).toMatchObject({
      vpc_endpoint_type: "Gateway",
      service_name: "com.amazonaws.us-east-1.s3",
    });
    expect(endpoint["route_table_ids"]).toHaveLength(4);
    expect(stack.all("route").some((route) => String(route["route_table_id"]).includes("data"))).toBe(false);
  });

  it("leaves the default security group without a rule", () => {
    // GIVEN a network WHEN synthesised THEN
    const group = network().one("default_security_group");
    expect(group["ingress"]).toBeUndefined();
    expect(group["egress"]).toBeUndefined();
  });

  it("loses its way out with the one zone that has NAT, and only with all zones otherwise", () => {
    // GIVEN both choices
    let perZone: Network | undefined;
    let single: Network | undefined;
    synthesised((stack) => {
      perZone = new Network(stack, "per-zone", props);
      single = new Network(stack, "single", { ...props, nat: "single" });
    });
    // WHEN their blocks are counted THEN
    expect(perZone?.availability).toMatchObject({ type: "parallel", blocks: { length: 3 } });
    expect(single?.availability).toMatchObject({ type: "parallel", blocks: { length: 1 } });
  });

  it("takes a network that exists already, and makes nothing", () => {
    // GIVEN
    const stack = synthesised((scope) => {
      // WHEN
      const existing = Network.fromAttributes(scope, "existing", {
        vpcId: "vpc-1",
        cidr: "10.9.0.0/16",
        awsRegion: "eu-central-1",
        zones: [{ name: "eu-central-1a", privateSubnetId: "subnet-1" }],
      });
      // THEN
      expect(existing.vpcId).toBe("vpc-1");
      expect(existing.places.map((place) => place.id)).toEqual(["aws/eu-central-1/eu-central-1a"]);
    });
    expect(stack.resource).toEqual({});
  });
});
