import { readOptions } from "../planning/read-options";
import { synthesise } from "../stacks/app";
import { regionsDirectory } from "./regions-directory";

const USAGE = `usage: tricloud synth [--availability]

Writes the Terraform configuration of every stack of the regions to cdktf.out/stacks. The regions are the values in the
directory regions, or in the one that TRICLOUD_REGIONS names.

  --availability  only assess the stacks: write what tricloud availability and tricloud topology read
`;

/** @returns the exit code: 0, or 1 when something is wrong with the regions or their stacks */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = readOptions("synth", {
    args: [...args],
    options: {
      availability: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  return (await synthesise({ regions: regionsDirectory(), onlyAssess: values.availability })) ? 0 : 1;
}
