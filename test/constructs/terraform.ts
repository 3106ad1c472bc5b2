import { spawnSync } from "node:child_process";

const environment = { ...process.env, CHECKPOINT_DISABLE: "1", TF_CLI_CONFIG_FILE: undefined };
const isHere = spawnSync("terraform", ["version"], { env: environment }).status === 0;

/** `it` for tests that run Terraform; they are skipped, and say why, where there is none. */
export const itWithTerraform = (title: string, test: () => void): void =>
  isHere ? it(title, test, 60_000) : it.skip(`${title} (skipped: no terraform on PATH)`, test);

/** Runs Terraform in a directory, whatever comes of it. */
export const attemptTerraform = (cwd: string, ...args: string[]) =>
  spawnSync("terraform", args, { cwd, env: environment, encoding: "utf8" });

/** Runs Terraform in a directory and returns its standard output. Throws when it fails. */
export function terraform(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = attemptTerraform(cwd, ...args);
  if (status !== 0) throw new Error(`terraform ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
