import { execFile } from "node:child_process";
import { join } from "node:path";

/** The soak ends by itself, and says what hung; this is beyond all of its own limits. */
const LONGEST_MS = 300_000;

test(
  "ten seconds of the soak are right",
  async () => {
    // In a process of its own, which Jest ends by force: where HTTP/2 connections were cut, Node 20 may wait at its exit
    // for writes that never complete.
    const env = { ...process.env, SOAK_SECONDS: "10", SOAK_SEED: "1" };
    const said = await new Promise<string>((resolve) => {
      const options = { cwd: join(__dirname, "../.."), env, maxBuffer: 2 ** 26, timeout: LONGEST_MS };
      execFile("npm", ["run", "--silent", "soak"], options, (error, stdout, stderr) =>
        resolve(error === null ? "" : `${error.message}\n${stdout}\n${stderr}`),
      );
    });
    expect(said).toBe("");
  },
  LONGEST_MS + 10_000,
);
