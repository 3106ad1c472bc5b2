import { join } from "node:path";
import { ProxyOnlyStack } from "../../examples/proxy-on-existing-vpc/main";
import { loadRegions } from "../../stacks/values/regions";
import { UsStack } from "../../stacks/us";
import { synthesisedApp, userDataText } from "../constructs/aws/synthesised";

describe("the example that adds proxies to a VPC", () => {
  // GIVEN the example WHEN synthesised
  const synthesised = () => synthesisedApp("proxy-only", (app) => void new ProxyOnlyStack(app, "proxy-only"));

  it("makes no network of its own", () => {
    // THEN
    const stack = synthesised();
    for (const type of ["vpc", "subnet", "nat_gateway", "route_table"]) expect(stack.all(type)).toEqual([]);
    expect(stack.one("autoscaling_group")).toMatchObject({
      desired_capacity: 2,
      vpc_zone_identifier: ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"],
    });
  });

  it("needs neither Consul nor unbound: a name in the VPC leads to the proxies", () => {
    // THEN
    const stack = synthesised();
    const script = userDataText(stack, stack.one("launch_template"));
    expect(script).toMatch(/^ *service tricloud-proxy\.service /m);
    expect(script).not.toMatch(/^ *service (consul|unbound)\.service /m);
    expect(stack.one("route53_zone")).toMatchObject({ name: "ccnproxy-https" });
    expect(stack.one("route53_record")).toMatchObject({ name: "*.ccnproxy-https", type: "A" });
  });
});

describe("the example of a fourth region", () => {
  it("is a region value and nothing else", () => {
    // GIVEN the example's directory of regions
    const regions = loadRegions(join(__dirname, "../../examples/frankfurt/regions"));
    expect(regions.map((region) => region.name)).toEqual(["de"]);

    // WHEN its stacks are synthesised
    const [region] = regions;
    if (region?.platform !== "ec2") throw new Error("expected a region on EC2");
    const stack = synthesisedApp("de", (app) => void new UsStack(app, region));

    // THEN it is in Frankfurt, on ARM, with one NAT gateway and an ear for the servers of JP
    expect(stack.all("subnet").map((subnet) => subnet["availability_zone"])).toContain("eu-central-1c");
    expect(JSON.stringify(stack.data["aws_ami"])).toContain("debian-13-arm64-20251117-2299");
    expect(stack.all("nat_gateway")).toHaveLength(1);
    expect(
      stack
        .all("vpc_security_group_ingress_rule")
        .filter((rule) => rule["cidr_ipv4"] === "10.10.0.0/16")
        .map((rule) => rule["from_port"]),
    ).toEqual(expect.arrayContaining([80, 8300, 8302, 8302]));
  });
});
