/** End-to-end tests: virtual servers, real Terraform. Run by script/test, which prepares what they need. */
const shared = require("./jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  testMatch: ["<rootDir>/test/e2e/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  // Each brings up machines of its own, and waits for them most of the time.
  maxWorkers: 2,
  testTimeout: 300_000,
};
