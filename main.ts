import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import pc from "picocolors";
import { collectAvailability } from "./constructs/availability";
import { loadRegions } from "./constructs/region";
import { addStacks } from "./stacks";

/** Every region is validated before anything is constructed, and everything constructed before anything is written. */
async function main(): Promise<void> {
  const regions = loadRegions(process.env["TRICLOUD_REGIONS"] ?? join(__dirname, "regions"));
  const app = new App({ stackTraces: false });
  for (const region of regions) await addStacks(app, region);
  writeFileSync(
    join(app.outdir, "availability.json"),
    `${JSON.stringify(collectAvailability(app), undefined, 2)}\n`,
  );
  app.synth();
}

main().catch((error: Error) => {
  const { red } = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);
  console.error(error.message.replace(/^/gm, `${red("error")}: `));
  if (process.env["DEBUG"] !== undefined) console.error(error.stack);
  process.exitCode = 1;
});
