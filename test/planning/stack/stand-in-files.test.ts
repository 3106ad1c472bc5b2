import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withStandInFiles } from "../../../planning/stack/stand-in-files";
import { removeDirectories, testDirectory } from "../toy-app";

afterAll(removeDirectories);

test("files of the deployer's machine are stood in for when they are missing, once each", () => {
  // GIVEN references to a file that is there, two that are not, and one that belongs to the stack
  const directory = testDirectory();
  const present = join(directory, "present");
  writeFileSync(present, "");
  const text = JSON.stringify({
    a: `\${file("${present}")}`,
    b: '${file("/nowhere/key")}',
    c: '${filebase64("/nowhere/key")}',
    d: '${file(pathexpand("~/nowhere/key"))}',
    e: '${file("assets/missing")}',
  });

  // WHEN they are stood in for
  const { configuration, files } = withStandInFiles(text, directory);

  // THEN only the missing ones of the machine are
  expect(files).toEqual(["/nowhere/key", "~/nowhere/key"]);
  expect(JSON.parse(configuration)).toEqual({
    a: `\${file("${present}")}`,
    b: `\${file("${directory}/stand-in-0")}`,
    c: `\${filebase64("${directory}/stand-in-0")}`,
    d: `\${file(pathexpand("${directory}/stand-in-1"))}`,
    e: '${file("assets/missing")}',
  });
  expect(readFileSync(join(directory, "stand-in-0"), "utf8")).toBe("stands in for /nowhere/key\n");
});
