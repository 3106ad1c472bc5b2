import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What the manual and the workflows have people write into the project's own folder. */
const written = ["docs/planning.md", ".github/workflows/plan.yml"].flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/--(?:markdown|said) ([a-z][\w.-]*)/g)].map(
    ([, name]) => name ?? "",
  ),
);

test.each([...new Set(written)])("%s, as documented, is neither linted nor committed", (name) => {
  const format = spawnSync(
    process.execPath,
    ["node_modules/prettier/bin/prettier.cjs", "--file-info", name],
    {
      encoding: "utf8",
    },
  );
  const { ignored, inferredParser } = JSON.parse(format.stdout) as {
    ignored: boolean;
    inferredParser: string | null;
  };
  expect(ignored || inferredParser === null).toBe(true);
  expect(spawnSync("git", ["check-ignore", "-q", name]).status).toBe(0);
});
