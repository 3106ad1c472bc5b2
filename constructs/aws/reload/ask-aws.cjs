/** What AWS says, by its CLI, as whoever is signed in. */
const { execFile } = require("node:child_process");
const { promisify } = require("node:util");

const run = promisify(execFile);

/** Systems Manager answers an account only a few calls a second. */
const PATIENCE = { AWS_RETRY_MODE: "standard", AWS_MAX_ATTEMPTS: "10" };

class AwsCliError extends Error {
  constructor(why, message, cause) {
    super(message, { cause });
    this.why = why;
  }
}

async function askAws(words, { awsRegion, timeoutMs } = {}) {
  const where = awsRegion === undefined ? [] : ["--region", awsRegion];
  try {
    const { stdout } = await run("aws", [...where, "--output", "json", ...words], {
      env: { ...PATIENCE, ...process.env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim() === "" ? undefined : JSON.parse(stdout);
  } catch (error) {
    const why = error.code === "ENOENT" ? "not installed" : error.killed === true ? "late" : "failed";
    throw new AwsCliError(why, error.stderr?.trim() || error.message, error);
  }
}

module.exports = { askAws, AwsCliError };
