import { readFileSync } from "node:fs";
import { join } from "node:path";
import { optionHelp } from "../../proxy/options/usage";

const manual = readFileSync(join(__dirname, "../../docs/proxy.md"), "utf8");

test.each(optionHelp())(
  "the manual has $key with its flag, default and meaning",
  ({ key, flag, initial, help }) => {
    const row = manual.split("\n").find((line) => line.startsWith(`| \`${key}\``));
    const cells = row?.split("|").map((cell) => cell.trim());
    const shown =
      Array.isArray(initial) || initial === ""
        ? "none"
        : typeof initial === "boolean"
          ? String(initial)
          : `\`${String(initial)}\``;
    expect(cells?.slice(1, 4)).toEqual([`\`${key}\``, flag === undefined ? "" : `\`${flag}\``, shown]);
    expect(cells?.[5]).toBe(help);
  },
);
