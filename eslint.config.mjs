import js from "@eslint/js";
import tseslint from "typescript-eslint";

const barrels = ["aws", "google", "kubernetes", "helm"].map((name) => ({
  name: `@cdktf/provider-${name}`,
  message: `Import the one resource (@cdktf/provider-${name}/lib/...): the barrel costs seconds and 1.4 GB.`,
}));

/** What programs that stand by themselves know nothing of. */
const CDKTF_AND_ITS_APP = [
  "**/constructs/**",
  "**/stacks/**",
  "**/regions/**",
  "**/planning/**",
  "cdktf",
  "cdktf/**",
  "@cdktf/**",
  "constructs",
];

/** Arrows between folders run one way; each entry forbids a folder to import what lies above it. */
const boundary = (files, group, message) => ({
  files,
  rules: {
    "no-restricted-imports": ["error", { paths: barrels, patterns: [{ group, message }] }],
  },
});

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "cdktf.out/", ".testbed/", "coverage/", "examples/**/cdktf.out/"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      "no-restricted-imports": ["error", { paths: barrels }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-explicit-any": "error",
      // Taking a property out of the rest is a way to drop it.
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      eqeqeq: "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: {
        module: "writable",
        require: "readonly",
        process: "readonly",
        console: "readonly",
        Buffer: "readonly",
        AbortSignal: "readonly",
        URL: "readonly",
        URLSearchParams: "readonly",
        fetch: "readonly",
      },
    },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  boundary(
    ["constructs/**/*.ts"],
    ["**/stacks/**", "**/regions/**", "**/planning/**", "**/cli/**", "**/main"],
    "constructs/ is the library: it knows no stack and no region value of this app.",
  ),
  boundary(
    ["proxy/**/*.ts"],
    ["**/gateway/**", ...CDKTF_AND_ITS_APP],
    "proxy/ is a program of its own and knows nothing of CDKTF.",
  ),
  boundary(
    ["gateway/**/*.ts"],
    ["**/proxy/**", "!**/proxy/engine", "!**/proxy/grammar", ...CDKTF_AND_ITS_APP],
    "gateway/ stands on proxy/engine, its options on proxy/grammar, and knows nothing of CDKTF.",
  ),
  boundary(
    ["constructs/availability/*.ts"],
    ["../*", "!./*", "cdktf", "cdktf/**", "@cdktf/**"],
    "constructs/availability imports nothing but itself (and the constructs package).",
  ),
  boundary(
    ["constructs/availability/*/*.ts"],
    ["../../*", "cdktf", "cdktf/**", "@cdktf/**"],
    "constructs/availability imports nothing but itself (and the constructs package).",
  ),
);
