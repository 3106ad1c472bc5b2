import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import us from "../../regions/us";
import { addStacks } from "../../stacks";
import { type Ec2RegionInput, validateRegions } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { DIGEST, servicesOf, validated } from "./service-values";

const service = servicesOf("us");
const ACCOUNT = "123456789012";
const registryIn = (awsRegion: string) => `${ACCOUNT}.dkr.ecr.${awsRegion}.amazonaws.com`;

describe("the repositories of a region on EC2", () => {
  async function stacksOf(services: readonly ServiceInput[], registry: Ec2RegionInput["registry"]) {
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-images-"));
    try {
      const regions = validateRegions([{ file: "us.ts", value: { ...us, entrance: undefined, registry } }]);
      const app = new App({ outdir });
      await addStacks(app, regions[0]!, validated(services, regions));
      app.synth();
      return readStacks(outdir).map(({ name, configuration }) => ({ name, configuration }));
    } finally {
      rmSync(outdir, { recursive: true });
    }
  }

  const address = `${registryIn("us-east-1")}/shop`;

  it("are a stack of their own, one for each service, in the account that the registry is of", async () => {
    // WHEN two services come from the region's registry, one from another account's, and one from somewhere else
    const stacks = await stacksOf(
      [
        service("web", 8080),
        service("search", 8081),
        service("ads", 8082, { image: `210987654321.dkr.ecr.us-east-1.amazonaws.com/ads@${DIGEST}` }),
        service("blog", 8083, { image: `ghcr.io/shop/blog@${DIGEST}` }),
      ],
      { address },
    );
    // THEN
    expect(stacks.map(({ name }) => name)).toEqual(["us", "us-images"]);
    const { provider, resource, output } = stacks[1]!.configuration as unknown as {
      provider: { aws: object[] };
      resource: { aws_ecr_repository: Record<string, object> };
      output: object;
    };
    expect(provider.aws).toMatchObject([{ region: "us-east-1", allowed_account_ids: [ACCOUNT] }]);
    const repositories = Object.values(resource.aws_ecr_repository);
    expect(repositories).toMatchObject([
      { name: "shop/search", image_tag_mutability: "IMMUTABLE" },
      { name: "shop/web", image_tag_mutability: "IMMUTABLE" },
    ]);
    expect(Object.keys(output)).toEqual(["repository-shop-search", "repository-shop-web"]);
  });

  it.each([
    ["no service", [], { address }],
    ["a registry of another kind", [service("web", 8080)], { address: "registry.example.com/shop" }],
    ["a registry in another of AWS's regions", [service("web", 8080)], { address: registryIn("eu-west-1") }],
  ])("are none of this app's for %s", async (_, services, registry) => {
    expect((await stacksOf(services, registry)).map(({ name }) => name)).toEqual(["us"]);
  });
});
