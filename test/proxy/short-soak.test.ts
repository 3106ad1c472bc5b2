import { execFile } from "node:child_process";
import { join } from "node:path";

const SECONDS = process.env["SOAK_SECONDS"] ?? "60";
const SEED = process.env["SOAK_SEED"] ?? process.env["PROPERTY_SEED"] ?? "1";
/** The soak ends by itself, and says what hung; this is beyond all of its own limits. */
const LONGEST_MS = (Number(SECONDS) + 480) * 1_000;

test(
  "a minute of the soak is right",
  async () => {
    // In a process of its own, which Jest ends by force: where HTTP/2 connections were cut, Node 20 may wait at its exit
    // for writes that never complete.
    const env = { ...process.env, SOAK_SECONDS: SECONDS, SOAK_SEED: SEED };
    const problem = await new Promise<string>((resolve) => {
      const options = { cwd: join(__dirname, "../.."), env, maxBuffer: 2 ** 26, timeout: LONGEST_MS };
      const args = ["run", "--silent", "soak"];
      execFile("npm", args, options, (error, stdout, stderr) => {
        // What it went through, and its seed.
        for (const [line] of stderr.matchAll(/^(?:hostile )?soak: .*$/gm)) process.stderr.write(`${line}\n`);
        resolve(error === null ? "" : `${error.message}\n${stdout}\n${stderr}`);
      });
    });
    expect(problem).toBe("");
  },
  LONGEST_MS + 10_000,
);
