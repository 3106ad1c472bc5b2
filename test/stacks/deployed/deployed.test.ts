import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { App } from "cdktf";
import { addRegions } from "../../../stacks";
import { validateGateways } from "../../../stacks/values/gateways";
import { validateRegions } from "../../../stacks/values/regions";
import { validateServices } from "../../../stacks/values/services";
import {
  differenceOf,
  readRecord,
  recordedResources,
  recordOf,
  renamed,
  type StackDifference,
} from "./recorded-stack";

/*
 * The stacks of this app against those of the commit before: a changed address would have Terraform replace somebody's
 * database. After a change that is meant:
 *
 *   REASON="why" npx jest test/stacks/deployed
 *
 * writes the records anew and notes what differs, with the reason, in differences.md.
 */

const ROOT = resolve(__dirname, "../../..");
const NOTES = join(__dirname, "differences.md");
const REASON = process.env["REASON"];
const recordFile = (stack: string): string => join(__dirname, `${stack}.txt`);

/** Each stack as Terraform reads it, by name. */
let stacks: Map<string, string>;

beforeAll(async () => {
  stacks = await synthesised();
}, 120_000);

test("no stack of the commit before is missing", () => {
  // GIVEN the records WHEN the app is synthesised THEN it has all of the stacks
  const recorded = readdirSync(__dirname)
    .filter((file) => file.endsWith(".txt"))
    .map((file) => file.slice(0, -".txt".length));
  expect([...stacks.keys()]).toEqual(expect.arrayContaining(recorded));
});

test("every stack has the addresses and values of the commit before, but for what was moved or has a reason", () => {
  // GIVEN what each stack was, WHEN it is synthesised
  const differences = [...stacks].map(([stack, text]) => {
    const record = existsSync(recordFile(stack)) ? readFileSync(recordFile(stack), "utf8") : undefined;
    return { stack, difference: record === undefined ? undefined : differenceOf(readRecord(record), text) };
  });
  // THEN nothing that was there has another address now, whatever the reason
  const replaced = differences.flatMap(({ stack, difference }) =>
    difference === undefined ? [] : renamed(difference).map((address) => `${stack}: ${address}`),
  );
  expect({ "renamed without a moved block": replaced }).toEqual({ "renamed without a moved block": [] });
  // AND what else differs has a reason
  const told = differences.flatMap(({ stack, difference }) =>
    difference === undefined ? [`${stack} is new`] : inWords(stack, difference),
  );
  if (REASON !== undefined && told.length > 0) {
    appendFileSync(NOTES, `\n## ${REASON}\n\n${told.map((line) => `- ${line}\n`).join("")}`);
    for (const [stack, text] of stacks) writeFileSync(recordFile(stack), recordOf(recordedResources(text)));
  } else expect(told).toEqual([]);
});

function inWords(stack: string, { gone, made, changed }: StackDifference): string[] {
  return Object.entries({ gone, made, changed }).flatMap(([what, addresses]) =>
    addresses.map((address) => `${stack}: \`${address}\` ${what}`),
  );
}

async function synthesised(): Promise<Map<string, string>> {
  const regions = validateRegions(valuesIn("regions"));
  const services = validateServices(valuesIn("services"), regions);
  const gateways = validateGateways(valuesIn("gateways"), regions, services);
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-deployed-"));
  try {
    const app = new App({ outdir });
    await addRegions(app, regions, services, gateways);
    app.synth();
    const folder = join(outdir, "stacks");
    return new Map(
      readdirSync(folder).map((stack) => [stack, readFileSync(join(folder, stack, "cdk.tf.json"), "utf8")]),
    );
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function valuesIn(folder: string): { file: string; value: unknown }[] {
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({
      file,
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- whichever there are
      value: (require(join(ROOT, folder, file)) as { default: unknown }).default,
    }));
}
