import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { CONFIG_PATH } from "../../constructs/proxy/host-paths";
import { stackHosts } from "../../planning/matters/stack-hosts";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { addRegions } from "../../stacks";
import { loadRegions } from "../../stacks/values/regions";
import { loadServices } from "../../stacks/values/services/load-services";

const EXAMPLE = join(__dirname, "../../examples/web-and-search");

describe("the example of two services in two clouds", () => {
  it("has web's page degrade, and not fail, without search in the other cloud, which the proxies may call", async () => {
    // GIVEN the example's values
    const regions = loadRegions(join(EXAMPLE, "regions"));
    const services = loadServices(join(EXAMPLE, "services"), regions);
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-example-"));
    try {
      // WHEN they are synthesised
      const app = new App({ outdir });
      await addRegions(app, regions, services);
      app.synth();

      // THEN there are both regions, and the repository of what AWS runs
      expect(app.node.children.map(({ node }) => node.id)).toEqual(["jp", "us", "us-images"]);
      const [proxy] = stackHosts(readStacks(outdir).find(({ name }) => name === "jp")!.configuration);
      expect(JSON.stringify(proxy!.contents.files.get(CONFIG_PATH))).toContain(
        "https://us.search.example.test",
      );
      // AND nearly all of the time that search is away, web answers without it
      const { stacks } = collectAvailability(app);
      const found = (name: string, of: string) =>
        stacks.find(({ stack }) => stack === name)!.services.find(({ service }) => service === of)!;
      const away = found("us", "search").independent!.unavailability;
      const { degraded } = found("jp", "web").outcomes!;
      expect(degraded).toBeGreaterThan(away * 0.99);
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });
});
