import type { App } from "cdktf";
import type { DeclaresServices } from "../constructs/availability";
import type { Region } from "../constructs/region";

/*
 * Each platform's bindings take time and memory to load, so a platform that no region uses is not loaded.
 */

/**
 * Adds the stacks of one region, whichever platform it runs on.
 *
 * @throws Error when the region has an availability target for a service that none of its stacks declares
 */
export async function addStacks(app: App, region: Region): Promise<void> {
  const stacks = await stacksOf(app, region);
  const services = stacks.flatMap((stack) => stack.services.map(({ name }) => name));
  const unknown = Object.keys(region.availability.targets).find((name) => !services.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `region ${region.name}: availability.targets: expected services of its stacks (${services.join(", ")}), got: ${unknown}`,
    );
  }
}

async function stacksOf(app: App, region: Region): Promise<readonly DeclaresServices[]> {
  switch (region.platform) {
    case "dedicated": {
      const { JpStack } = await import("./jp");
      return [new JpStack(app, region)];
    }
    case "ec2": {
      const { UsStack } = await import("./us");
      return [new UsStack(app, region)];
    }
    case "gke": {
      const [{ UkStack }, { UkWorkloadsStack }] = [await import("./uk"), await import("./uk-workloads")];
      const cluster = new UkStack(app, region);
      return [cluster, new UkWorkloadsStack(app, cluster)];
    }
  }
}
