import type { App } from "cdktf";
import type { Region } from "../constructs/region";

/*
 * Each platform's bindings take time and memory to load, so a platform that no region uses is not loaded.
 */

/** Adds the stacks of one region, whichever platform it runs on. */
export async function addStacks(app: App, region: Region): Promise<void> {
  switch (region.platform) {
    case "dedicated": {
      const { JpStack } = await import("./jp");
      new JpStack(app, region);
      return;
    }
    case "ec2": {
      const { UsStack } = await import("./us");
      new UsStack(app, region);
      return;
    }
    case "gke": {
      const [{ UkStack }, { UkWorkloadsStack }] = [await import("./uk"), await import("./uk-workloads")];
      new UkWorkloadsStack(app, new UkStack(app, region));
      return;
    }
  }
}
