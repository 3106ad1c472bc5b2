/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  // The soak runs as long as it is told to: npm run soak.
  testPathIgnorePatterns: [
    "/node_modules/",
    "/dist/",
    "<rootDir>/test/e2e/",
    "<rootDir>/test/long/",
    "<rootDir>/test/proxy/soak/",
  ],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.testbed/"],
  // A bound for what hangs, and no measure: programs start slowly on a crowded machine.
  testTimeout: 60_000,
  setupFiles: ["<rootDir>/test/property-seed.ts"],
  // Examples import the package as its users do.
  moduleNameMapper: {
    "^tricloud$": "<rootDir>/constructs",
    "^tricloud/values$": "<rootDir>/stacks/values",
    "^tricloud/(\\w+)$": "<rootDir>/constructs/$1",
  },
  transform: { "^.+\\.ts$": "ts-jest" },
};
