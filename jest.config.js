/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "<rootDir>/test/e2e/"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.testbed/"],
  setupFiles: ["<rootDir>/test/property-seed.ts"],
  transform: { "^.+\\.ts$": "ts-jest" },
};
