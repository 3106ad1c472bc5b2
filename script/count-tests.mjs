// Prints "PASSED FAILED SKIPPED" of a jest result file, and the names of skipped tests on standard error: a skipped
// test's name says why it was.
import { readFileSync } from "node:fs";

const result = JSON.parse(readFileSync(process.argv[2], "utf8"));
const skipped = result.testResults
  .flatMap((suite) => suite.assertionResults)
  .filter(({ status }) => status === "pending" || status === "todo");
for (const { fullName } of skipped) console.error(`skipped: ${fullName}`);
// A suite that does not even load has no test to fail: it counts as one.
console.log(result.numPassedTests, result.numFailedTests + result.numRuntimeErrorTestSuites, skipped.length);
