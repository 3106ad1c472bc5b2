import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Platform } from "./questions";

/** Where a project has its regions. */
export const REGIONS = "regions";

const SCHEMA = "../node_modules/tricloud/dist/region.schema.json";

const CDKTF = { language: "typescript", app: "npx --no-install tricloud synth", sendCrashReports: "false" };

const IGNORED = ["node_modules/", "cdktf.out/", ".tricloud-plan/", "*.tfstate", "*.tfstate.backup", ""];

const PROVIDERS: Readonly<Record<Platform, readonly string[]>> = {
  dedicated: [],
  ec2: ["@cdktf/provider-aws"],
  gke: ["@cdktf/provider-google", "@cdktf/provider-kubernetes", "@cdktf/provider-helm"],
};

export const regionFile = (name: string): string => `${REGIONS}/${name}.json`;

/**
 * Writes a region's value and what makes a folder a project, where that is not there.
 *
 * @returns the files that were written
 */
export function writeProject(folder: string, region: Readonly<Record<string, unknown>>): string[] {
  const files: ReadonlyArray<readonly [string, string]> = [
    [regionFile(String(region["name"])), json({ $schema: SCHEMA, ...region })],
    ["cdktf.json", json({ ...CDKTF, projectId: "tricloud" })],
    [".gitignore", IGNORED.join("\n")],
  ];
  return files.flatMap(([path, text]) => {
    const file = join(folder, path);
    if (existsSync(file)) return [];
    mkdirSync(dirname(file), { recursive: true });
    // Whatever comes there between the look and the writing is kept as well.
    writeFileSync(file, text, { flag: "wx" });
    return [path];
  });
}

/** Packages that stacks of a platform need and a folder does not have, with the versions that fit. */
export function missingPackages(folder: string, platform: Platform): string[] {
  const { peerDependencies } = ownManifest();
  const { resolve } = createRequire(join(folder, "package.json"));
  return ["cdktf", "constructs", ...PROVIDERS[platform]].flatMap((name) => {
    try {
      resolve(`${name}/package.json`);
      return [];
    } catch {
      return [`${name}@${peerDependencies[name]}`];
    }
  });
}

/** What this package says of itself, sources and compiled files lying at different depths. */
function ownManifest(): { readonly peerDependencies: Readonly<Record<string, string>> } {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as ReturnType<typeof ownManifest>;
}

/** Whether a folder's commands, `npx tricloud`, are those of this package. */
export function hasTricloud(folder: string): boolean {
  try {
    createRequire(join(folder, "package.json")).resolve("tricloud/package.json");
    return true;
  } catch {
    return false;
  }
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
