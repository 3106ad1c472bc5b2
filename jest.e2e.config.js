/** End-to-end tests: virtual servers, real Terraform. Run by script/test, which prepares what they need. */
const shared = require("./jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  testMatch: ["<rootDir>/test/e2e/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  // One after another: each brings up machines of its own.
  maxWorkers: 1,
  testTimeout: 300_000,
};
