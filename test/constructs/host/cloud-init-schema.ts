import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const isHere = spawnSync("cloud-init", ["--version"]).status === 0;

/** `it` for tests that ask cloud-init; they are skipped, and say why, where there is none. */
export const itWithCloudInit = (title: string, test: () => void): void =>
  isHere ? it(title, test, 30_000) : it.skip(`${title} (skipped: no cloud-init on this machine)`, test);

/** What `cloud-init schema` says of user data: undefined when it finds it valid. */
export function schemaComplaint(userData: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-cloud-init-"));
  try {
    const file = join(directory, "user-data");
    writeFileSync(file, userData);
    const said = spawnSync("cloud-init", ["schema", "--config-file", file], { encoding: "utf8" });
    const valid = said.status === 0 && said.stderr === "" && said.stdout.includes("Valid");
    return valid ? undefined : `${said.stdout}${said.stderr}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
