import fc from "fast-check";
import { lineDifference } from "../../../planning/matters/line-difference";
import "../../property-seed";

const shown = (before: string, after: string) =>
  lineDifference(before, after).map(({ kind, line }) => `${kind} ${line}`);

test("shows what changes with two lines around it, and says where lines are left out", () => {
  const lines = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
  const before = `${lines.join("\n")}\n`;
  expect(shown(before, before.replace("b\n", "B\n").replace("i\n", ""))).toEqual([
    ...["same a", "removed b", "added B", "same c", "same d"],
    "skipped ",
    ...["same g", "same h", "removed i"],
  ]);
});

test("of a text and nothing is all of it", () => {
  expect(shown("", "a\nb\n")).toEqual(["added a", "added b"]);
  expect(shown("a\n", "")).toEqual(["removed a"]);
  expect(shown("a\n", "a\n")).toEqual([]);
});

test("leads from the one text to the other, whatever they are", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const difference = lineDifference(before.join("\n"), after.join("\n"));
      // Each side's lines come in their order, those that are left out apart.
      const side = (other: string) =>
        difference.filter(({ kind }) => kind !== other && kind !== "skipped").map(({ line }) => line);
      const isWithin = (lines: readonly string[], whole: readonly string[]) => {
        let at = 0;
        return lines.every((line) => (at = whole.indexOf(line, at) + 1) > 0);
      };
      return isWithin(side("added"), before) && isWithin(side("removed"), after);
    }),
  );
});
