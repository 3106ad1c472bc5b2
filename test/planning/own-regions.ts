import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { type Ec2RegionInput, type Region, validateRegions } from "../../stacks/values/regions";
import jp from "../../regions/jp";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { UsStack } from "../../stacks/us";
import { synthesise } from "./toy-app";

export const ROOT = join(__dirname, "../..");

/** The stacks deliver the proxy as `npm run build` makes it. */
export function bundleProxy(): void {
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
}

function addRegion(app: App, region: Region): void {
  switch (region.platform) {
    case "dedicated":
      new JpStack(app, region);
      return;
    case "ec2":
      new UsStack(app, region);
      return;
    case "gke":
      new UkWorkloadsStack(app, new UkStack(app, region));
  }
}

/** The app's own regions, with changes to the US. */
export function synthesiseRegions(changes: Partial<Ec2RegionInput> = {}): string {
  const values = { "jp.ts": jp, "uk.ts": uk, "us.ts": { ...us, ...changes } };
  const regions = validateRegions(Object.entries(values).map(([file, value]) => ({ file, value })));
  return synthesise((app) => regions.forEach((region) => addRegion(app, region)));
}

/** The US alone, with changes to it. */
export function synthesiseUs(changes: Partial<Ec2RegionInput>): string {
  const regions = validateRegions([{ file: "us.ts", value: { ...us, ...changes } }]);
  return synthesise((app) => regions.forEach((region) => addRegion(app, region)));
}

/** The app's own regions, with one more origin that proxies may forward to and larger ones in the US. */
export function synthesiseWithAnotherOrigin(): string {
  const values = [jp, uk, us].map((value) => ({
    ...value,
    proxy: { ...value.proxy, allow: [...value.proxy.allow, "*.example.org"] },
  }));
  const larger = { ...values[2], servers: { ...us.servers, proxy: { count: 3, instanceType: "t3.large" } } };
  const regions = validateRegions(
    [values[0], values[1], larger].map((value, index) => ({ file: `${index}.ts`, value })),
  );
  return synthesise((app) => regions.forEach((region) => addRegion(app, region)));
}
