/** Tests of hours: `npm run test:long`. They need what the end-to-end tests need. */
const shared = require("./jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  testMatch: ["<rootDir>/test/long/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  // One after another: each brings up machines of its own.
  maxWorkers: 1,
  testTimeout: 4 * 3600_000,
};
