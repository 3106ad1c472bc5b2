import { join } from "node:path";
import { parseArgs } from "node:util";
import { synthesise } from "./stacks/app";

const USAGE = `usage: npm run synth

Writes the Terraform configuration of every stack to cdktf.out/stacks.
TRICLOUD_REGIONS names another directory of regions, beside which services/ may hold their services.

  --availability  only assess the stacks: write what npm run availability and npm run topology read
`;

const { values: options } = parseArgs({
  options: { availability: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
});
if (options.help) process.stdout.write(USAGE);
else {
  const regions = process.env["TRICLOUD_REGIONS"] ?? join(__dirname, "regions");
  void synthesise({ regions, onlyAssess: options.availability }).then((succeeded) => {
    if (!succeeded) process.exitCode = 1;
  });
}
